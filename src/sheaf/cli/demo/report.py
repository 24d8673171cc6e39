"""How the demo tells its outcome, to people and to programs."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from sheaf.actions.ledgers import Ledger
from sheaf.cli.demo.story import Market, Seller, WorkedExample
from sheaf.domain.amounts import WAD, format_amount


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


def show(out: Console, example: WorkedExample, market: Market) -> None:
    """Print the outcome for people."""
    out.print("\n[bold]The worked example[/]: 500 escrowed, 50 labelled records at 1 each, all approved")
    out.print(
        f"  contributor {format_amount(example.contributor)}, validators {format_amount(example.validators)} in all, "
        f"{format_amount(example.left)} left"
    )
    for ledger in example.ledgers:
        out.print(f"  {line(ledger)}")
    out.print("\n[bold]A market of handwritten digits[/]: who was paid")
    table = Table(
        "contributor",
        "sent",
        "approved",
        "rejected",
        "hung",
        "paid",
        "bond lost",
        "blocks",
        "seconds",
        box=None,
    )
    for seller in market.sellers:
        table.add_row(
            seller.habit, str(seller.records), str(seller.approved), str(seller.rejected), str(seller.hung),
            format_amount(seller.paid), format_amount(seller.forfeited), str(seller.blocks_to_payment), str(seller.seconds_to_payment),
        )  # fmt: skip
    out.print(table)
    out.print("\n[bold]Why records were refused[/] (record numbers by reason)")
    for seller in market.sellers:
        for code, records in reasons(seller).items():
            out.print(
                f"  {seller.habit} (submission {seller.submission}) {code}: {ranges(records)}", markup=False
            )
    paid = ", ".join(f"{name} {format_amount(amount)}" for name, amount in market.reviewers.items())
    out.print(f"\n[bold]Reviewers earned[/] {paid}")
    out.print("\n[bold]Ledgers[/]")
    for ledger in market.ledgers:
        out.print(f"  {line(ledger)}")
    out.print(
        f"\n[bold]The bought set[/]: {market.bought} records, precision {market.precision:.4f}, recall {market.recall:.4f}, "
        f"licence {market.licence}, bundle {'verified against the chain' if market.bundle_is_valid else 'NOT VALID'}"
    )
    out.print(
        f"[bold]Cost[/]: {market.gas:,} gas in {market.blocks} blocks, {market.gas_per_record:,.0f} gas per paid record; "
        f"{market.wall_seconds:.1f} s on this machine"
    )


def line(ledger: Ledger) -> str:
    """Return a ledger's conservation line."""
    parts = [f"{format_amount(amount)} to {name}" for name, amount in ledger.paid.items()]
    parts += [f"{format_amount(ledger.returned)} returned", f"{format_amount(ledger.reserved)} held"]
    parts += [f"{format_amount(ledger.free)} left"] if ledger.name != "bond" else []
    mark = "=" if ledger.is_conserved else "≠"
    return f"{ledger.name:>7}: {format_amount(ledger.received)} {mark} {' + '.join(parts)}"


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
