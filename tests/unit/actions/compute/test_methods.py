"""Methods of ours upon a ledger: what orders set aside, and what is charged for a ledger that was lost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from sheaf.actions.compute.methods import BudgetedMethods, Held, spent_by
from sheaf.domain.errors import InputError, Refused, SpecificationError
from sheaf.domain.order import Order
from sheaf.domain.policy import FieldRule, Policy, Release, Showing
from sheaf.privacy.ledger import Ledger

pytest.importorskip("opendp")
TABLE = pa.table({"id": [f"p{i}" for i in range(30)], "age": list(range(30))})
POLICY = Policy(
    Release.STATISTICS,
    True,
    {
        "id": FieldRule(Showing.DISCLOSED),
        "age": FieldRule(Showing.DISCLOSED, minimum=0, maximum=100),
    },
    ("research",),
    methods=("query",),
    epsilon=1.0,
    delta=1e-6,
    total=1.2,
    person="id",
    person_total=1.2,
)


def asked(number: int, epsilon: float = 1.0, version: str = "one") -> Order:
    parameters = json.dumps({"sql": "SELECT count(*) FROM data", "epsilon": epsilon})
    return Order(number, "buyer", version, "query", "research", 10_000, parameters=parameters)


@pytest.fixture
def methods(tmp_path: Path) -> BudgetedMethods:
    made = BudgetedMethods(Ledger(tmp_path / "budgets.sqlite"))
    made.hold("one", Held("dataset 1", POLICY, TABLE.schema))
    return made


def test_what_is_set_aside_is_what_is_spent(methods: BudgetedMethods) -> None:
    """An order takes from the ledger exactly what was set aside for it; another that would not fit beside it is refused before."""
    methods.reserve(asked(1))
    aside = methods.ledger.balance("dataset 1").reserved_nanonats
    with pytest.raises(Refused, match="set aside for others"):
        methods.reserve(asked(2))
    output, spent = methods.run(asked(1), TABLE, POLICY)
    balance = methods.ledger.balance("dataset 1")
    assert (
        spent == aside == balance.spent_nanonats == spent_by(output, POLICY)
        and balance.reserved_nanonats == 0
    )
    methods.reserve(asked(3, 0.05))
    assert methods.reserved() == [3]
    methods.release(3)
    assert methods.reserved() == []


def test_other_jobs_of_the_ledger_are_left_alone(methods: BudgetedMethods) -> None:
    """What is set aside for something else than an order is not an order's to give back."""
    from sheaf.privacy.accountant import Loss

    methods.ledger.reserve("order of the owner", Loss(1e-3), ["dataset 1"])
    methods.ledger.reserve("session 7 round 2", Loss(1e-3), ["dataset 1"])
    assert methods.reserved() == []


def test_a_lost_order_is_charged_to_all(methods: BudgetedMethods) -> None:
    """Charging an order again takes its cost from the data and from everybody in them; what does not fit closes the dataset."""
    methods.charge(asked(1), TABLE)
    balance, person = (methods.ledger.balance(name) for name in ("dataset 1", "person p7"))
    assert balance.spent_nanonats > 0 and person.spent_nanonats > 0 and balance.left_nanonats > 0
    methods.charge(asked(1), TABLE)
    assert methods.ledger.balance("dataset 1") == balance
    methods.charge(asked(2), TABLE)
    assert methods.ledger.balance("dataset 1").left_nanonats == 0
    with pytest.raises(Refused, match="0 nanonats left"):
        methods.reserve(asked(3, 0.01))


def test_everybody_is_promised_the_same(methods: BudgetedMethods) -> None:
    """A dataset that promises persons another budget, or another part of one, is not served beside the first; nor one without a total."""
    for held in (
        Held("dataset 2", replace(POLICY, person_total=9.0), TABLE.schema),
        Held("dataset 2", POLICY, TABLE.schema, 50),
        Held("dataset 1", replace(POLICY, person_total=None, total=1.5), TABLE.schema),
    ):
        with pytest.raises(Refused, match="a promise stays"):
            methods.hold("two", held)
    with pytest.raises(SpecificationError, match=r"policy\.budget\.total"):
        methods.hold("two", Held("dataset 2", replace(POLICY, total=None, person_total=None), TABLE.schema))
    with pytest.raises(InputError, match="no budget is kept for this version"):
        methods.reserve(asked(1, version="two"))
    methods.hold("two", Held("dataset 2", replace(POLICY, total=3.0), TABLE.schema))


def test_a_part_of_a_budget(tmp_path: Path) -> None:
    """Whoever holds half of a budget has half of what the whole would grant, for the data and for everybody in them."""
    half = BudgetedMethods(Ledger(tmp_path / "half.sqlite"))
    half.hold("one", Held("dataset 1", replace(POLICY, total=4.0, person_total=4.0), TABLE.schema, 50))
    half.run(asked(1), TABLE, half.held["one"].policy)
    for account in ("dataset 1", "person p7"):
        balance = half.ledger.balance(account)
        assert balance.budget_nanonats == balance.budget.nanonats // 2
