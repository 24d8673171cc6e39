"""How the demo tells its outcome: what people read fits the width, what programs read is whole."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sheaf.actions.ledgers import Ledger
from sheaf.cli.demo.report import as_data, line, ranges, show
from sheaf.cli.demo.story import Market, Seller, WorkedExample
from sheaf.cli.frame.paper import Paper
from sheaf.domain.amounts import WAD

LEDGER = Ledger(
    name="payment",
    received=500 * WAD,
    paid={"contributors": 50 * WAD, "reviewers": 2 * WAD},
    returned=0,
    reserved=0,
    free=448 * WAD,
)
EXAMPLE = WorkedExample(contributor=50 * WAD, validators=2 * WAD, left=448 * WAD, ledgers=(LEDGER,))


def seller(number: int, habit: str, refused: list[tuple[int, str]]) -> Seller:
    return Seller(
        habit=habit,
        submission=number,
        records=120,
        approved=120 - len(refused),
        rejected=len(refused),
        hung=0,
        paid=(120 - len(refused)) * WAD,
        forfeited=WAD * len(refused) // 5,
        refused=refused,
        blocks_to_payment=46,
        seconds_to_payment=46,
    )


MARKET = Market(
    sellers=[
        seller(2, "honest", []),
        seller(8, "mislabels 30 %", [(n, "judge.label") for n in range(0, 120, 3)]),
        seller(10, "garbage", [(n, "judge.unlike") for n in range(120)]),
    ],
    reviewers={f"judge-{n}": n * WAD // 3 for n in range(11)},
    ledgers=(LEDGER,),
    bought=200,
    precision=1.0,
    recall=0.98,
    gas=10_000_000,
    gas_per_record=50_000.0,
    blocks=100,
    wall_seconds=45.67,
    bundle_is_valid=True,
    licence="CC-BY-4.0",
)


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits(width: int) -> None:
    """No line is wider than the terminal, contributors have one line each, and the reasons say who and why."""
    file = io.StringIO()
    show(Paper(Console(file=file, width=width, markup=False, emoji=False, highlight=False)), EXAMPLE, MARKET)
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert (
        sum(row.lstrip().startswith(("2  honest", "8  mislabels 30 %", "10  garbage")) for row in lines) == 3
    )
    assert any("no 10 garbage, judge.unlike: all 120" in row for row in lines)
    assert all(f"judge-{number}" in file.getvalue() for number in range(11))


def test_programs_read_whole_numbers() -> None:
    """Whole amounts are numbers, broken ones texts; the ledgers say that they are conserved."""
    data = as_data(7, EXAMPLE, MARKET)
    assert data["seed"] == 7 and data["worked_example"]["contributor"] == 50
    assert (
        data["worked_example"]["conserved"] is True and data["worked_example"]["ledgers"][0]["is_conserved"]
    )
    assert data["market"]["reviewers"]["judge-1"] == "0." + "3" * 18
    assert data["market"]["reviewers"]["judge-3"] == 1
    assert data["market"]["contributors"][1]["refused"][1] == {"record": 3, "reason": "judge.label"}


def test_a_ledger_that_lost_a_unit_shows() -> None:
    """A line of a ledger that is not conserved says ≠."""
    import msgspec

    assert line(LEDGER) == "payment: 500 = 50 to contributors + 2 to reviewers + 448 left"
    assert " ≠ " in line(msgspec.structs.replace(LEDGER, free=448 * WAD - 1))


def test_runs_are_folded() -> None:
    """Runs of numbers become ranges."""
    assert ranges([4, 1, 2, 3, 9, 12, 11]) == "1-4, 9, 11-12"
    assert ranges([]) == ""
