"""Budgets of a provider: what is set aside for orders, whose orders are taken on, and that no end of a process loses or doubles any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sheaf.domain.errors import Refused, Unreachable
from sheaf.domain.job import Limits
from sheaf.nodes.compute.provider import Holding, Rules
from tests.unit.nodes.compute.world import (
    BROKEN,
    BUDGET,
    COST,
    COUNTS,
    TABLE,
    TENTH,
    Fuse,
    Killed,
    Later,
    LedgerMethods,
    World,
)


def budgeted(folder: Path, rules: Rules | None = None) -> World:
    """A world whose budgets lie in a ledger on the disk."""
    folder.mkdir(exist_ok=True)
    world = World(folder, rules)
    world.methods = LedgerMethods(folder / "budgets.sqlite")
    world.begin()
    return world


def test_an_order_taken_back_gives_its_part_back(world: World) -> None:
    """What was set aside for an order that its buyer cancels before it is accepted is there for the next, without a new start."""
    world.methods.budget = COST
    world.place(1, b"")
    world.provider._take_on()
    assert world.methods.aside == {1: COST}
    world.orders.cancel(1)
    world.provider.tick()
    assert world.methods.aside == {}
    world.place(2, b"")
    world.settle()
    assert world.methods.spent == {2: COST}
    assert world.orders.states == {1: "closed", 2: "delivered"}


def test_an_order_beyond_the_budget_is_left_and_its_buyer_told(world: World) -> None:
    """An order for which nothing is left is not accepted, its buyer hears why at once and can cancel it."""
    world.methods.budget = COST
    world.place(1, b"")
    world.place(2, b"", buyer="second")
    world.provider.tick()
    assert world.orders.states == {1: "accepted", 2: "placed"}
    assert world.orders.told == {2: "ledger: nothing left"} == world.provider.declined
    world.orders.cancel(2)


def test_what_others_give_back_lets_the_next_in(world: World) -> None:
    """An order that was left for want of budget is taken on when the one before it failed unpaid."""
    world.methods.budget = COST
    world.holdings["counts"] = Holding(COUNTS, 20, _broken)
    world.place(1, b"")
    world.place(2, b"", buyer="second")
    world.provider.tick()
    world.provider.tick()
    assert world.orders.states == {1: "refunded", 2: "placed"} and world.methods.spent == {}
    world.holdings["counts"] = Holding(COUNTS, 20, lambda: TABLE)
    world.settle(4)
    assert world.orders.states == {1: "refunded", 2: "delivered"}
    assert world.methods.spent == {2: COST} and world.provider.declined == {}


def _broken() -> None:
    raise OSError("the disk is gone")


def test_nobody_takes_all_the_budget(world: World) -> None:
    """Of a budget for three, a buyer who ordered twenty times before another gets two, the other one."""
    world.methods.budget = 3 * COST
    for number in range(1, 21):
        world.place(number, b"", buyer="first")
    world.place(21, b"", buyer="second")
    world.provider.tick()
    assert sorted(world.methods.spent) == [1, 2, 21]


def test_all_that_fit_are_accepted_in_one_tick(tmp_path: Path) -> None:
    """In one tick as many orders are accepted as would end in time, in turns of buyers; the others wait, and are taken on afterwards."""
    later = Later()
    world = World(tmp_path, Rules(slots=2), later)
    for number in range(1, 9):
        world.place(number, buyer="first" if number < 8 else "second", until=1180)
    world.provider.tick()
    assert {one for one, state in world.orders.states.items() if state == "accepted"} == {1, 2, 3, 4, 8}
    assert all("waits until it can end in time" in reason for reason in world.provider.declined.values())
    assert world.orders.told == {} and sorted(world.provider.declined) == [5, 6, 7]
    for _ in range(2):
        later.run()
        world.provider.tick()
    assert set(world.orders.states.values()) == {"accepted"}


def test_long_jobs_of_others_are_counted(tmp_path: Path) -> None:
    """What waits is measured by the policies of the jobs before it, and a free slot is free whatever runs in the others."""
    world = World(tmp_path, Rules(slots=2), Later())
    long = replace(COUNTS, limits=Limits(wall_seconds=3000))
    world.holdings["counts"] = Holding(long, 20, lambda: TABLE)
    world.place(1, b"")
    world.place(2, until=1061)
    world.provider.tick()
    world.place(3, until=1061)
    world.place(4, until=3000)
    world.provider.tick()
    assert world.orders.states == {1: "accepted", 2: "accepted", 3: "placed", 4: "accepted"}


class Staked:
    """Orders of which no more can be accepted at once than there is stake for."""

    def __init__(self, world: World, most: int) -> None:
        accept = world.orders.accept

        def held(number: int) -> None:
            if list(world.orders.states.values()).count("accepted") >= most:
                raise Refused("stakes: not enough free")
            accept(number)

        world.orders.accept = held  # type: ignore[method-assign]


def test_orders_wait_for_stake_in_turns(world: World) -> None:
    """Without free stake an order waits, holds no budget meanwhile, and is accepted when stake is free: one buyer, then the other."""
    Staked(world, 1)
    for number in range(1, 4):
        world.place(number, b"", buyer="first")
    world.place(4, b"", buyer="second")
    seen: list[int] = []
    for _ in range(8):
        world.provider.tick()
        accepted = {one for one, state in world.orders.states.items() if state == "accepted"}
        seen += [one for one in sorted(accepted) if one not in seen]
        assert world.methods.aside == {}
        world.now += 61
    assert seen == [1, 4, 2, 3]
    assert set(world.orders.states.values()) == {"delivered"} and world.provider.declined == {}
    assert world.methods.spent == dict.fromkeys((1, 2, 3, 4), COST)


def test_nothing_is_spent_on_a_refunded_order(tmp_path: Path) -> None:
    """An order that was refunded while it waited is not computed, spends nothing and holds nothing."""
    world = World(tmp_path, Rules(slots=0))
    world.place(1, b"")
    world.provider.tick()
    world.orders.refund(1)
    world.rules = None
    world.begin()
    world.settle(2)
    assert (world.methods.spent, world.methods.aside) == ({}, {})
    assert world.orders.refunded == {1: 1} and world.provider.health()["jobs"] == {"closed": 1}


def test_an_answer_that_is_too_late_stays_here(tmp_path: Path) -> None:
    """After the time of an order its answer is not handed over: the buyer has the money back, and not the answer too."""
    world = World(tmp_path)
    world.place(1, b"", until=1200)
    world.provider.tick()
    world.now = 1200
    world.provider.tick()
    assert world.orders.handed == {} and world.orders.states == {1: "refunded"}


def test_two_nodes_of_one_account_answer_once(tmp_path: Path) -> None:
    """Of two nodes that run for one account by mistake one takes an order on; the other drops it, spends nothing and says so."""
    worlds = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        worlds.append(World(tmp_path / name))
    first, second = worlds
    second.orders = first.orders
    second.begin()
    first.place(1, b"")
    first.place(2, b"")
    for world in worlds:
        world.provider._take_on()
    first.provider._accept()
    for _ in range(3):
        for world in worlds:
            world.provider.tick()
            world.now += 61
    assert first.methods.spent == {1: COST, 2: COST} and first.orders.paid == {1: 1, 2: 1}
    assert (second.methods.spent, second.methods.aside) == ({}, {})
    assert second.provider.health()["jobs"] == {"closed": 2}


def test_an_acceptance_that_was_sent_is_ours(world: World) -> None:
    """Where the network fails after an acceptance was sent, the order is this node's: it is answered."""
    accept = world.orders.accept

    def fails(number: int) -> None:
        accept(number)
        raise Unreachable("rpc: gone")

    world.orders.accept = fails  # type: ignore[method-assign]
    world.place(1, b"")
    with pytest.raises(Unreachable):
        world.provider.tick()
    world.settle()
    assert world.orders.states == {1: "delivered"} and world.methods.spent == {1: COST}


def test_an_endpoint_that_lags_loses_no_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that was accepted and is shown as placed for a while stays noted with its part of the budget, and is answered."""
    state, lag = world.orders.state, [True]
    monkeypatch.setattr(world.orders, "state", lambda number: "placed" if lag[0] else state(number))
    world.place(1, b"")
    for _ in range(3):
        world.provider.tick()
        assert world.methods.aside == {1: COST}
    lag[0] = False
    world.settle()
    assert world.orders.states == {1: "delivered"} and world.methods.spent == {1: COST}


def _run(world: World, fuse: Fuse, cancel: Callable[[], None]) -> None:
    try:
        world.begin(fuse).start()
        world.settle(8)
    except Killed:
        world.now += 1
        cancel()


def _placed(folder: Path) -> World:
    world = budgeted(folder)
    for number, buyer in ((1, "first"), (2, "second"), (4, "third")):
        world.place(number, b"", buyer)
    world.place(3, BROKEN)
    return world


@pytest.mark.parametrize("part", range(4))
def test_killed_at_any_call_the_ledger_is_exact(tmp_path: Path, part: int) -> None:
    """Killed before or after calls to the world, an order cancelled meanwhile: what is delivered is spent once, nothing is held."""
    fuse = Fuse()
    _run(_placed(tmp_path / "whole"), fuse, lambda: None)
    assert fuse.burnt > 150
    for place in range(3 + 7 * part, fuse.burnt + 1, 28):
        world = _placed(tmp_path / str(place))

        def cancel(world: World = world) -> None:
            if world.orders.states[2] == "placed":
                world.orders.cancel(2)

        _run(world, Fuse(place), cancel)
        before = set(world.methods.spent) | set(world.methods.aside)
        held = {one for one, state in world.orders.states.items() if state == "accepted" and one != 3}
        assert held <= before, "what is accepted is paid for or set aside, whenever the process ends"
        world.methods = LedgerMethods(world.folder / "budgets.sqlite")
        _run(world, Fuse(), cancel)
        delivered = {one for one, state in world.orders.states.items() if state == "delivered"}
        assert {1, 4} <= delivered and world.orders.states[3] == "refunded"
        assert set(world.methods.spent) == delivered and world.methods.aside == []
        balance = world.methods.ledger.balance("counts")
        assert balance.spent_nanonats == len(delivered) * TENTH.nanonats(BUDGET.order)
        assert all(world.orders.handed[one][0] == world.methods.answers[one] for one in delivered)
