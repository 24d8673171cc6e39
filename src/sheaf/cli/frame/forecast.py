"""A preview and a verdict as people read them: what falls and why, what it costs, what may come of it, how to appeal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sheaf.domain.verdict import Decision

if TYPE_CHECKING:
    from sheaf.actions import Explained, Preview
    from sheaf.actions.forecast.refusals import Refusal
    from sheaf.cli.frame.currency import Currency
    from sheaf.cli.frame.paper import Paper

SHOWN = 50


def show_preview(out: Paper, seen: Preview, money: Currency) -> None:
    """Print what a submission would be."""
    falling = len({one.record for one in seen.refused})
    out.line(
        f"{seen.records:,} records, {len(seen.findings):,} findings, bond {money.write(seen.bond)}: "
        f"{falling:,} would be refused, {seen.records - falling:,} stand"
    )
    if seen.keeper:
        out.line(
            f"up to {seen.gold:,} records with known answers are mixed in by {seen.keeper}, who is given yours first; "
            "their bond comes back"
        )
    for words in seen.obstacles:
        out.line(("cannot be sent now ", "red"), words)
    _show_refused(out, seen.refused)
    refusing = {(one.record, one.code) for one in seen.refused}
    advice = [one for one in seen.findings if (one.record, one.code) not in refusing]
    if advice:
        out.head("pointed at: advice, which refuses nothing by itself")
        for one in advice[:SHOWN]:
            out.line(f"  record {one.record}: {one.code} {one.detail}")
        _say_more(out, len(advice))
    _show_near(out, seen)
    _show_acceptance(out, seen)
    _show_money(out, seen, money)
    _show_standing(out, seen)


def show_explained(out: Paper, found: Explained, when: str, bond: str) -> None:
    """Print what became of every record of a submission, why, and how to appeal."""
    counts = Counter(found.decisions)
    out.line(", ".join(f"{counts[kind]:,} {kind.value}" for kind in Decision))
    _show_refused(out, found.refused)
    if found.hung:
        listed = ", ".join(map(str, found.hung[:SHOWN])) + (" …" if len(found.hung) > SHOWN else "")
        out.line(f"hung, nobody's fault, neither paid nor charged: {listed}")
    if found.appeal:
        out.line(f"wrongly refused? until {when}: `{found.appeal}`, with {bond}")
    elif found.refused:
        out.line("what was refused is challenged already, or it is too late")


def _show_refused(out: Paper, refused: Sequence[Refusal]) -> None:
    if not refused:
        return
    out.head("refused")
    for one in refused[:SHOWN]:
        said = f" {one.detail}" if one.detail else ""
        out.line(f"  record {one.record}: {one.code}{said}")
        out.folded(f"{one.meaning} {one.fix}", "      ")
    _say_more(out, len(refused))


def _show_near(out: Paper, seen: Preview) -> None:
    if not seen.near:
        return
    out.head("almost the same, whether or not this request refuses it")
    for one in sorted(seen.near, key=lambda one: -one.similarity)[:SHOWN]:
        where = "" if one.known_as is None else f" of what the index has as {one.known_as}"
        out.line(f"  record {one.record}: like record {one.other}{where}, similarity {one.similarity:.3f}")
    _say_more(out, len(seen.near))


def _show_acceptance(out: Paper, seen: Preview) -> None:
    found = seen.acceptance
    if found is None:
        return
    out.head("by the buyer's sample: what honest reviewers would say, not what they will")
    if found.expected is None:
        out.line(f"  nothing can be said: {found.why}")
        return
    out.line(
        f"  about {found.expected:.1f} of {seen.records:,} records are good ({found.sample:,} known answers)"
    )
    for one in found.doubtful[:SHOWN]:
        why = "its label" if one.reason == "label" else "it is unlike the sample"
        out.line(f"  record {one.record}: look again, {why} (good with chance {one.chance:.2f})")
    _say_more(out, len(found.doubtful))


def _show_money(out: Paper, seen: Preview, money: Currency) -> None:
    pay = seen.pay
    if pay is None:
        return
    out.head("money")
    rows = {
        "paid if all is approved": money.write(pay.most),
        "paid if what falls falls": money.write(pay.least),
        "paid by the sample": "" if pay.expected is None else f"about {money.brief(pay.expected)}",
        "bond brought": f"{money.write(seen.bond)}: {pay.bond_percent} % and the reviewers' fee of {money.write(pay.fee)}",
        "lost of it if what falls falls": money.write(pay.cost),
        "lost of it if all falls": money.write(pay.cost_if_all_fall),
        "set aside by the buyer": money.write(seen.reserve),
    }
    out.pairs({name: value for name, value in rows.items() if value})


def _show_standing(out: Paper, seen: Preview) -> None:
    rise = seen.standing
    if rise is None:
        return
    now, right, sent, wrong = (
        f"{score / 10**18:.3f}"
        for score in (rise.now_wad, rise.if_right_wad, rise.if_sent_wad, rise.if_wrong_wad)
    )
    out.head(
        "standing, from 0 to 1: it moves only if these records are looked at again, by an audit or a jury"
    )
    out.pairs(
        {
            "now": f"{now}, which calls for a bond of {rise.bond_percent} %",
            "if all are found right": right,
            "if what falls falls": sent,
            "if all are found wrong": wrong,
        }
    )


def _say_more(out: Paper, count: int) -> None:
    if count > SHOWN:
        out.line(f"  … and {count - SHOWN:,} more (--json lists all)")
