"""Budgets of data that do not move: several providers spend them once, lost ledgers give nothing back, and nobody waits for nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sheaf.actions.compute import mail, placed
from sheaf.actions.compute.order import Computation, order_computation
from sheaf.actions.compute.parts import parts_of
from sheaf.actions.compute.result import open_result
from sheaf.actions.context import Context
from sheaf.actions.datasets import order, publish, terms
from sheaf.domain.errors import InputError, Refused
from sheaf.market import compute_orders
from sheaf.nodes.compute.serving import Serving
from sheaf.privacy.accountant import Budget
from sheaf.store.mailbox import MemoryMailbox
from tests.flows.ward import COUNTS, WAD, Ward, made_market, made_ward

pytest.importorskip("opendp")
WHOLE = Budget(2.0, 1e-6)
QUESTION = json.dumps({"sql": "SELECT count(*) FROM data", "epsilon": 1})
SMALL = json.dumps({"sql": "SELECT count(*) FROM data", "epsilon": 0.2})


@pytest.fixture(scope="module")
def market() -> Context:
    return made_market()


@pytest.fixture
def ward(market: Context, tmp_path: Path) -> Iterator[Ward]:
    yield from made_ward(market, tmp_path)


def admit_other(ward: Ward, number: int) -> None:
    terms.provide(ward.other, 1000 * WAD)
    terms.admit_provider(ward.owner, number, ward.other.account)


def ask(ward: Ward, number: int, who: Context, question: str = QUESTION) -> int:
    return order_computation(
        ward.buyer, number, Computation("query", parameters=question, provider=who.account)
    )


def states(ward: Ward, numbers: list[int]) -> list[str]:
    return [order.show_order(ward.buyer, one).state for one in numbers]


def named(ward: Ward, provider: int, other: int) -> str:
    parts = f'providers = {{ "{ward.provider.account}" = {provider}, "{ward.other.account}" = {other} }}'
    return COUNTS.replace("person = 2 }", f"person = 2, {parts} }}")


def spent(serving: Serving, account: str) -> int:
    return serving.ledger.balance(account).spent_nanonats


def test_two_providers_spend_a_budget_once(ward: Ward) -> None:
    """Two nodes of one dataset, each asked for more than there is, answer together no more than the total, of the data and of anyone."""
    number = ward.publish(named(ward, 60, 40), "statistics")
    admit_other(ward, number)
    numbers = [ask(ward, number, who) for who in (ward.provider, ward.other) * 5]
    nodes = [ward.serve_as(who, number) for who in (ward.provider, ward.other)]
    for node in nodes:
        ward.settle(node)
    answered = states(ward, numbers).count("settled")
    assert 2 <= answered < 10 and set(states(ward, numbers)) == {"settled", "placed"}
    for account in (f"dataset {number}", "person p7"):
        taken = [spent(node, account) for node in nodes]
        assert all(taken) and sum(taken) <= WHOLE.nanonats
        assert WHOLE.spent_epsilon(sum(taken)) <= WHOLE.epsilon
        assert sum(node.ledger.balance(account).budget_nanonats for node in nodes) <= WHOLE.nanonats
    with pytest.raises(
        InputError,
        match=r"does not take it on \(ledger: account dataset .* nanonats left.*sheaf dataset refund",
    ):
        open_result(ward.buyer, numbers[-1])
    assert order.refund_order(ward.buyer, numbers[-1]) == 6 * WAD


def test_without_names_only_the_first_seat_spends(ward: Ward) -> None:
    """Where the policy names nobody the first provider that ever had a seat has all of the budget, also when another has its seat now."""
    number = ward.publish(COUNTS, "statistics")
    admit_other(ward, number)
    with pytest.raises(
        InputError, match=rf"provider: .*: the budget is spent by {ward.provider.account.lower()}"
    ):
        ask(ward, number, ward.other)
    with pytest.raises(InputError, match=r"policy.budget.providers: .*: its owner names this account"):
        ward.serve_as(ward.other, number)
    made = order_computation(ward.buyer, number, Computation("query", parameters=SMALL))
    ward.settle(ward.serve(number))
    assert states(ward, [made]) == ["settled"]
    terms.admit_provider(ward.owner, number, ward.provider.account, is_admitted=False)
    with pytest.raises(InputError, match=r"policy.budget.providers"):
        ward.serve_as(ward.other, number)
    with pytest.raises(InputError, match="nobody who may spend the budget has a seat"):
        order_computation(ward.buyer, number, Computation("query", parameters=SMALL))


def test_an_order_placed_with_who_has_no_part_is_left(ward: Ward) -> None:
    """A buyer who pays a seated provider without a part, past all warnings, is not accepted; refusals by others are no news."""
    number = ward.publish(COUNTS, "statistics")
    admit_other(ward, number)
    wish = order.Wish("statistics", b"a document", ward.other.account)
    made = order.order_use(ward.buyer, number, wish)
    with pytest.raises(InputError, match=r"policy.budget.providers"):
        ward.serve_as(ward.other, number)
    placed.decline(ward.owner, placed.placed(ward.owner, made), "not for you")
    mail.send(ward.owner, placed.DECLINED, str(made), b"no letter", [ward.buyer.account])
    with pytest.raises(InputError, match="there is no answer: wait, or take the money back"):
        open_result(ward.buyer, made)
    assert order.refund_order(ward.buyer, made) == 6 * WAD


def test_a_later_version_takes_nothing_back(ward: Ward) -> None:
    """A version may give what no version gave yet; one that gives a part twice, or another total, is served by nobody."""
    number = ward.publish(named(ward, 60, 1).replace(f', "{ward.other.account}" = 1', ""), "statistics")
    admit_other(ward, number)
    policy = ward.folder / "policy.toml"

    def change(text: str) -> int:
        policy.write_text(text)
        return publish.change_policy(ward.owner, number, policy, ward.folder).version

    assert change(named(ward, 60, 40)) == 2
    assert parts_of(ward.buyer, number, 2) == {
        ward.provider.account.lower(): 60,
        ward.other.account.lower(): 40,
    }
    assert len(ward.serve_as(ward.other, number).served[number]) == 1
    assert change(named(ward, 40, 60)) == 3
    made = ward.serve_as(ward.other, number)
    assert "what was given stays given" in made.skipped[f"{number} version 3"]
    with pytest.raises(Refused, match=r"policy.budget.providers: versions to 3 give"):
        ask(ward, number, ward.other)
    assert change(COUNTS.replace("total = 2", "total = 3")) == 4
    for who in (ward.provider, ward.other):
        assert f"{number} version 4" in ward.serve_as(who, number).skipped


def test_a_new_total_is_another_dataset(ward: Ward) -> None:
    """A version with another total is served by nobody, not even by a node that never saw the first."""
    number = ward.publish(COUNTS, "statistics")
    policy = ward.folder / "policy.toml"
    policy.write_text(COUNTS.replace("total = 2", "total = 3"))
    publish.change_policy(ward.owner, number, policy, ward.folder)
    with pytest.raises(
        Refused, match=r"policy.budget: total = 3.0, .*before version 2 it was total = 2.0.*a promise stays"
    ):
        parts_of(ward.buyer, number, 2)
    assert "a promise stays" in ward.serve(number).skipped[f"{number} version 2"]


def _forget(ward: Ward) -> None:
    for file in ward.site(ward.provider).glob("budgets.sqlite*"):
        file.unlink()


def test_a_lost_ledger_is_charged_again(ward: Ward) -> None:
    """A provider that lost its ledger charges what it had answered, exactly, for data and people; a refunded order too, to be sure."""
    number = ward.publish(COUNTS, "statistics")
    made = [ask(ward, number, ward.provider, SMALL) for _ in range(2)]
    serving = ward.serve(number)
    ward.settle(serving)
    accounts = (f"dataset {number}", "person p7")
    before = [spent(serving, account) for account in accounts]
    assert states(ward, made) == ["settled"] * 2 and all(before)
    lost = ask(ward, number, ward.provider, SMALL)
    serving.provider.rules = replace(serving.provider.rules, slots=0)
    serving.provider.tick()
    compute_orders.step(ward.provider.chain, ward.provider.sender, "refund", lost)
    serving.ledger.close()
    _forget(ward)
    again = ward.serve(number)
    assert [spent(again, account) for account in accounts] == [one // 2 * 3 for one in before]
    assert again.ledger.balance(f"dataset {number}").jobs == 3
    assert again.served == {number: [again.orders.ctx.store and str(_cid(ward, number))]}
    once_more = ward.serve(number)
    assert [spent(once_more, account) for account in accounts] == [one // 2 * 3 for one in before]


def _cid(ward: Ward, number: int) -> object:
    from sheaf.actions.datasets.find import show_dataset

    return show_dataset(ward.buyer, number).cid


def test_an_old_copy_is_noticed_and_mended(ward: Ward) -> None:
    """A ledger put back as it was before the last answer is charged with that answer; an order that is only accepted is set aside there."""
    number = ward.publish(COUNTS, "statistics")
    ask(ward, number, ward.provider, SMALL)
    serving = ward.serve(number)
    ward.settle(serving)
    serving.ledger.close()
    file = ward.site(ward.provider) / "budgets.sqlite"
    shutil.copy(file, file.with_name("old"))
    ask(ward, number, ward.provider, SMALL)
    serving = ward.serve(number)
    ward.settle(serving)
    ask(ward, number, ward.provider, SMALL)
    serving.provider.rules = replace(serving.provider.rules, slots=0)
    serving.provider.tick()
    whole = serving.ledger.balance(f"dataset {number}")
    assert whole.jobs == 2 and whole.reserved_nanonats == whole.spent_nanonats // 2
    assert ward.serve(number).ledger.balance(f"dataset {number}") == whole
    serving.ledger.close()
    _forget(ward)
    shutil.copy(file.with_name("old"), file)
    mended = ward.serve(number).ledger.balance(f"dataset {number}")
    assert mended.spent_nanonats == whole.spent_nanonats + whole.reserved_nanonats


def test_what_cannot_be_charged_again_is_not_served(ward: Ward) -> None:
    """Without the sealed documents nobody can tell what a lost ledger had spent: the dataset is refused, and said how to go on."""
    number = ward.publish(COUNTS, "statistics")
    made = ask(ward, number, ward.provider, SMALL)
    serving = ward.serve(number)
    ward.settle(serving)
    serving.ledger.close()
    _forget(ward)
    ward.provider = replace(ward.provider, mailbox=MemoryMailbox())
    for _ in range(2):
        with pytest.raises(
            InputError,
            match=rf"budgets.sqlite: orders {made} were accepted here and this file has nothing of them.*"
            "put the file back, or publish the records anew with what is left",
        ):
            ward.serve(number)


def test_all_orders_are_accepted_at_once(ward: Ward) -> None:
    """Orders that wait together are accepted in one tick; all their answers leave when the time of the jobs is over, and not before."""
    number = ward.publish(COUNTS, "statistics")
    made = [ask(ward, number, ward.provider, SMALL) for _ in range(4)]
    serving = ward.serve(number)
    serving.provider.start()
    serving.provider.tick()
    assert states(ward, made) == ["accepted"] * 4
    serving.provider.tick()
    assert states(ward, made) == ["accepted"] * 4
    assert ward.owner.engine is not None
    ward.owner.engine.advance(11)
    serving.provider.tick()
    assert states(ward, made) == ["settled"] * 4


def test_orders_wait_for_stake(ward: Ward) -> None:
    """With stake for two orders at once the third is accepted when one has ended: it is not forgotten, and holds no budget meanwhile."""
    number = ward.publish(COUNTS, "statistics")
    terms.set_service(ward.owner, number, compute_orders.Service(WAD, 500 * WAD, 600))
    made = [ask(ward, number, ward.provider, SMALL) for _ in range(3)]
    serving = ward.serve(number)
    serving.provider.start()
    serving.provider.tick()
    assert states(ward, made) == ["accepted", "accepted", "placed"]
    assert serving.provider.declined == {made[2]: "stakes: too little is free"}
    assert serving.ledger.balance(f"dataset {number}").jobs == 2 and serving.ledger.reserved() == []
    ward.settle(serving)
    assert states(ward, made) == ["settled"] * 3
    assert serving.ledger.reserved() == []


def test_noise_is_not_deterministic(ward: Ward) -> None:
    """Who says that an answer with noise can be repeated, to dispute it afterwards, is refused before and by the provider."""
    number = ward.publish(COUNTS, "statistics")
    with pytest.raises(InputError, match="deterministic: query: leave it out"):
        order_computation(ward.buyer, number, Computation("query", parameters=SMALL, is_deterministic=True))
    first = ask(ward, number, ward.provider, SMALL)
    document = placed.ordered(ward.buyer, placed.placed(ward.buyer, first), 1).document
    wish = order.Wish("statistics", document, ward.provider.account, is_deterministic=True)
    made = order.order_use(ward.buyer, number, wish)
    serving = ward.serve(number)
    ward.settle(serving)
    assert states(ward, [first, made]) == ["settled", "placed"]
    assert "cannot be repeated" in serving.orders.unreadable[made]
    with pytest.raises(InputError, match=r"\(policy: answers with noise cannot be repeated"):
        open_result(ward.buyer, made)
