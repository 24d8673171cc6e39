"""How the demo tells its outcome, to people and to programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from sheaf.actions.ledgers import Ledger
from sheaf.cli.demo.story import Market, Seller, WorkedExample
from sheaf.cli.frame.currency import Currency
from sheaf.cli.frame.paper import Paper
from sheaf.domain.amounts import WAD, format_amount

SHEAF = Currency()


def as_data(seed: int, example: WorkedExample, market: Market) -> dict[str, Any]:
    """Return the outcome for programs: money in whole tokens (a text where it is not whole), everything else as it is."""
    return {
        "seed": seed,
        "worked_example": {
            "contributor": _whole(example.contributor),
            "validators": _whole(example.validators),
            "left": _whole(example.left),
            "conserved": all(ledger.is_conserved for ledger in example.ledgers),
            "ledgers": [_ledger(ledger) for ledger in example.ledgers],
        },
        "market": {
            "precision": market.precision,
            "recall": market.recall,
            "bought": market.bought,
            "gas": market.gas,
            "gas_per_record": market.gas_per_record,
            "conserved": market.conserved,
            "blocks": market.blocks,
            "wall_seconds": round(market.wall_seconds, 2),
            "bundle_is_valid": market.bundle_is_valid,
            "licence": market.licence,
            "ledgers": [_ledger(ledger) for ledger in market.ledgers],
            "contributors": [_seller(seller) for seller in market.sellers],
            "reviewers": {name: _whole(amount) for name, amount in market.reviewers.items()},
        },
    }


def show(out: Paper, example: WorkedExample, market: Market) -> None:
    """Print the outcome for people."""
    out.head("The worked example", ": 500 escrowed, 50 labelled records at 1 each, all approved")
    out.line(
        f"  contributor {format_amount(example.contributor)}, validators {format_amount(example.validators)} in all, "
        f"{format_amount(example.left)} left"
    )
    _show_ledgers(out, example.ledgers)
    out.head("A market of handwritten digits", ": who was paid")
    _show_sellers(out, market.sellers)
    out.head("Why records were refused", " (record numbers by reason)")
    for seller in market.sellers:
        for code, records in reasons(seller).items():
            many = f"all {seller.records}" if len(records) == seller.records else ranges(records)
            out.folded(f"no {seller.submission} {seller.habit}, {code}: {many}", "  ")
    out.head("What reviewers earned")
    ranked = sorted(market.reviewers.items(), key=lambda row: -row[1])
    half = (len(ranked) + 1) // 2
    for left, right in zip(ranked[:half], [*ranked[half:], ("", 0)], strict=False):
        out.line(f"  {_earned(left)}   {_earned(right)}".rstrip())
    out.head("Ledgers", " (in = out, to the last unit)")
    _show_ledgers(out, market.ledgers)
    state = "verified against the chain" if market.bundle_is_valid else "NOT VALID"
    out.head("The bought set")
    out.line(f"  {market.bought} records, precision {market.precision:.4f}, recall {market.recall:.4f}")
    out.line(f"  licence {market.licence}, bundle {state}")
    out.head("Cost")
    out.line(f"  {market.gas:,} gas in {market.blocks} blocks, {market.gas_per_record:,.0f} a paid record")
    out.line(f"  {market.wall_seconds:.1f} s on this machine")


def _show_sellers(out: Paper, sellers: Iterable[Seller]) -> None:
    heads = ("no", "contributor", "sent", "approved", "rejected", "hung", "paid", "lost", "blocks", "s")
    rows = [
        (
            seller.submission, seller.habit, seller.records, seller.approved, seller.rejected, seller.hung,
            SHEAF.brief(seller.paid), SHEAF.brief(seller.forfeited), seller.blocks_to_payment, seller.seconds_to_payment,
        )
        for seller in sellers
    ]  # fmt: skip
    out.table(heads, rows, right={*heads} - {"contributor"})
    out.line(("lost: of the bond; blocks and s: from submission to payment", "dim"))


def _earned(row: tuple[str, int]) -> str:
    name, amount = row
    return f"{name:<18} {SHEAF.brief(amount):>10}" if name else ""


def _show_ledgers(out: Paper, ledgers: Iterable[Ledger]) -> None:
    for ledger in ledgers:
        out.folded(line(ledger), "  ")


def line(ledger: Ledger) -> str:
    """Return a ledger's conservation line: what came in, and everything that became of it, without what is nothing."""
    parts = {f"to {name}": amount for name, amount in ledger.paid.items()}
    parts |= {"returned": ledger.returned, "held": ledger.reserved, "left": ledger.free}
    told = [f"{format_amount(amount)} {words}" for words, amount in parts.items() if amount]
    mark = "=" if ledger.is_conserved else "≠"
    return f"{ledger.name}: {format_amount(ledger.received)} {mark} {' + '.join(told) or '0'}"


def reasons(seller: Seller) -> dict[str, list[int]]:
    """Return the refused records of a contributor by reason code."""
    found: dict[str, list[int]] = defaultdict(list)
    for record, code in seller.refused:
        found[code].append(record)
    return dict(sorted(found.items()))


def ranges(numbers: list[int]) -> str:
    """Write sorted numbers with runs folded: 1-4, 9, 11-12."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def _whole(units: int) -> int | str:
    return units // WAD if units % WAD == 0 else format_amount(units)


def _ledger(ledger: Ledger) -> dict[str, Any]:
    return {**msgspec.to_builtins(ledger), "is_conserved": ledger.is_conserved}


def _seller(seller: Seller) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(seller)
    data["refused"] = [{"record": record, "reason": code} for record, code in seller.refused]
    return data
