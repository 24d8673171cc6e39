"""What a policy lets out, in words and bits, and what in it its owner may not have meant."""

from __future__ import annotations

from typing import Any, NamedTuple

from sheaf.domain.job import Tier
from sheaf.domain.policy import Policy, Release, Showing

BITS_OF_ONE_PERSON = 33  # log2 of all people on Earth, rounded up
STRONG_EPSILON = 1.0
WEAK_EPSILON = 8.0


class Remark(NamedTuple):
    """One sentence on a policy; `is_warning` where its owner may not have meant it."""

    is_warning: bool
    text: str


def explain(policy: Policy, rows: int | None = None) -> list[Remark]:
    """Say in words and bits what `policy` lets out, with `rows` records if that is known; warnings are what an owner should look at."""
    remarks = [Remark(False, _who_runs(policy)), *_about_fields(policy), *_about_bits(policy)]
    remarks += _about_noise(policy, rows) if policy.has_noise else _about_code(policy)
    remarks.append(
        Remark(
            False,
            f"for {', '.join(policy.purposes)}: the buyer's word, which is in every receipt; no program can hold him to it",
        )
    )
    if policy.expires_at is None:
        remarks.append(Remark(True, "it never expires: set expires"))
    if policy.is_personal and policy.minimum_rows < 10:
        remarks.append(
            Remark(
                True, f"{policy.minimum_rows} records suffice for an answer: set minimum_rows to 10 or more"
            )
        )
    if rows is not None and rows < policy.minimum_rows:
        remarks.append(
            Remark(
                True,
                f"the table has {rows} records and needs {policy.minimum_rows}: every job will be refused",
            )
        )
    return remarks


def _who_runs(policy: Policy) -> str:
    return {
        Release.STATISTICS: "no code of buyers runs: they ask for statistics, which get noise",
        Release.TRUSTED_TRAIN: "no code of buyers runs: they choose a model of ours, which is trained with noise",
        Release.APPROVED_CODE: f"{len(policy.algorithms)} programs run, by hash: whoever listed them answers for them",
        Release.OPEN: "any program of any buyer runs, in the sandbox",
    }[policy.release]


def _about_fields(policy: Policy) -> list[Remark]:
    by_showing: dict[Showing, list[str]] = {showing: [] for showing in Showing}
    for name, rule in policy.fields.items():
        by_showing[rule.showing].append(name)
    remarks = [
        Remark(False, f"{showing}: {', '.join(names)}") for showing, names in by_showing.items() if names
    ]
    return [*remarks, Remark(False, "fields that are not named are hidden")]


def _about_bits(policy: Policy) -> list[Remark]:
    bits = policy.bits
    remarks = [
        Remark(
            False,
            f"one answer carries at most {_amount(bits.total)}: {_amount(bits.output)} in its output, {bits.ending:g} by failing or not, "
            f"{bits.timing:g} by when it comes, {_amount(bits.log)} in its log",
        )
    ]
    remarks += [
        Remark(False, f"output {one.name}: {_amount(one.bits)}, {one.levels:,} levels")
        for one in policy.output
    ]
    if policy.release_times == 1:
        wait = f"an answer leaves {policy.limits.wall_seconds} s (limits.wall_seconds) after its job began, however soon it was done"
        remarks.append(Remark(False, wait))
    if policy.answers > 1:
        remarks.append(
            Remark(
                False,
                f"one buyer gets {policy.answers} answers: {_amount(policy.answers * bits.total)} in all",
            )
        )
    return remarks


def _about_noise(policy: Policy, rows: int | None) -> list[Remark]:
    assert policy.epsilon is not None
    person = policy.bits.per_person or 0.0
    usual = "usual" if policy.epsilon <= WEAK_EPSILON else "weak: 8 or less is usual"
    strength = "strong" if policy.epsilon <= STRONG_EPSILON else usual
    remarks = [
        Remark(
            policy.epsilon > WEAK_EPSILON,
            f"ε = {policy.epsilon:g}: one answer tells at most {person:.2f} bits about any one person, whatever its size; {strength}",
        )
    ]
    if policy.total is None:
        remarks.append(
            Remark(
                True,
                "no budget.total: it bounds what all answers tell together, and no provider serves without it: add total, with a delta, "
                f"such as budget = {{ epsilon = {policy.epsilon:g}, delta = 1e-6, total = {4 * policy.epsilon:g} }}",
            )
        )
    else:
        remarks.append(
            Remark(False, f"ε = {policy.total:g} for all answers to all buyers together, then there are none")
        )
        remarks.append(Remark(False, _who_spends(policy)))
    if policy.delta and rows and policy.delta * rows >= 1:
        remarks.append(
            Remark(
                True,
                f"δ = {policy.delta:g} for {rows} records: give less than {1 / rows:.1g}, or a record may be let out whole",
            )
        )
    return remarks


def _who_spends(policy: Policy) -> str:
    if not policy.providers:
        return "the first provider that has a seat spends all of it, no other any: budget.providers names several, or another"
    parts = ", ".join(f"{account} spends {percent} %" for account, percent in policy.providers.items())
    rest = 100 - sum(policy.providers.values())
    return f"{parts} of it" + (f"; {rest} % is kept for providers whom a later version names" if rest else "")


def _about_code(policy: Policy) -> list[Remark]:
    hardness = (
        "a kernel of their own" if policy.sandbox is Tier.GVISOR else "the host's kernel, behind a filter"
    )
    remarks = [Remark(False, f"programs run in {policy.sandbox} at least: {hardness}")]
    total = policy.bits.total
    if policy.is_personal and total > BITS_OF_ONE_PERSON:
        remarks.append(
            Remark(
                True,
                f"{BITS_OF_ONE_PERSON} bits tell one person from all others, an answer carries {_amount(total)}: "
                "a program that was approved by mistake can carry records out; fewer numbers and coarser steps carry less",
            )
        )
    if policy.release_times > 1:
        remarks.append(
            Remark(
                True,
                f"an answer may leave at {policy.release_times} moments, by which it can speak: 1 is silent",
            )
        )
    if policy.is_personal and policy.k < 2 and any(one.kind == "counts" for one in policy.output):
        remarks.append(Remark(True, "counts of single persons may be put out: set k to 5 or more"))
    return remarks


def _amount(bits: float) -> str:
    return f"{bits:,.1f} bits" if bits < 8192 else f"{bits / 8192:,.1f} KiB"


def described(policy: Policy) -> dict[str, Any]:
    """Return the figures of a policy as JSON takes them."""
    bits = policy.bits
    return {
        "release": str(policy.release),
        "bits": {
            "output": bits.output,
            "ending": bits.ending,
            "timing": bits.timing,
            "log": bits.log,
            "total": bits.total,
            "per_person": bits.per_person,
        },
        "answers": policy.answers,
        "shown": [name for name, rule in policy.fields.items() if rule.showing is not Showing.HIDDEN],
    }
