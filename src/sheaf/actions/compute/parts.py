"""Who may spend a dataset's budget, and which part: all its providers together spend it once, and each can tell alone that this holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.actions.compute.placed import policy_of
from sheaf.actions.datasets.find import manifest_of
from sheaf.domain.errors import Missing, Refused, SpecificationError
from sheaf.market import compute_orders

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address
    from sheaf.domain.policy import Policy


def parts_of(ctx: Context, dataset: int, version: int, then: Policy | None = None) -> dict[str, int]:
    """Return what percent of a dataset's budget each account may spend under a version, by account in small letters.

    With `then`, the policy of a version that would come after `version`: under that one, whoever will have the first seat.

    What one version gave to an account no later one takes back, since what was spent of it is known to that account alone. Raises
    Refused where that would be more than the whole, or another budget than before; Missing where it cannot be told.
    """
    most: dict[str, int] = {}
    promised = ""
    here: dict[str, int] = {}
    for number in range(1, version + 1 + (then is not None)):
        policy = then if number > version else _budgeted(ctx, dataset, number)
        if policy is None:
            here = {}
            continue
        here = policy.providers or {_first(ctx, dataset, then): 100}
        said = f"total = {policy.total}, person = {policy.person_total}, delta = {policy.delta}"
        promised = promised or said
        if said != promised:
            raise Refused(
                f"policy.budget: {said}, and before version {number} it was {promised}: a promise stays: "
                "publish the records anew as another dataset"
            )
        most = {account: max(most.get(account, 0), here.get(account, 0)) for account in {**most, **here}}
        if sum(most.values()) > 100:
            parts = ", ".join(f"{account} {percent} %" for account, percent in most.items())
            raise Refused(
                f"policy.budget.providers: versions to {number} give {parts}: what was given stays given: name in a version only "
                "who had a part, or what no version gave yet"
            )
    return here


def part_of(ctx: Context, dataset: int, version: int, account: Address) -> int:
    """Return what percent of a dataset's budget `account` may spend. Raises Refused where it is none."""
    parts = parts_of(ctx, dataset, version)
    if account.lower() not in parts:
        raise Refused(
            f"policy.budget.providers: {account}: the budget is spent by {', '.join(parts) or 'nobody'}: "
            "its owner names this account with a percentage that no version gave yet"
        )
    return parts[account.lower()]


def _budgeted(ctx: Context, dataset: int, version: int) -> Policy | None:
    """Return a version's policy, None where it promises no budget: by such a version nothing with noise is answered."""
    try:
        policy = policy_of(manifest_of(ctx, dataset, version))
    except SpecificationError:
        return None
    return policy if policy.has_noise and policy.total is not None else None


def _first(ctx: Context, dataset: int, then: Policy | None) -> str:
    """Return who had the first seat; before there is one, a word that is no account, where a policy is only looked at."""
    try:
        return _first_seated(ctx, dataset)
    except Refused:
        if then is None:
            raise
        return "the first seat"


def _first_seated(ctx: Context, dataset: int) -> str:
    """Return the account that had the first seat ever at a dataset: the past of the chain names one, for good."""
    if not ctx.chain.events("Datasets", "DatasetPublished", 0, dataset=dataset):
        raise Missing(
            f"dataset {dataset}: the endpoint has no events of its publishing, by which the first provider is known: use one that keeps all"
        )
    for event in ctx.chain.events(compute_orders.CONTRACT, "ProviderAdmitted", 0, dataset=dataset):
        if event.args["provider"]:
            return compute_orders.account_of(ctx.chain, int(event.args["provider"])).lower()
    raise Refused(f"policy.budget.providers: dataset {dataset} names none, and nobody had a seat yet")
