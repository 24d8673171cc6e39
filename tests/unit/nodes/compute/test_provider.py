"""The provider's node: what it takes on, what it gives out, and that no crash costs anybody anything."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sheaf.domain.errors import SandboxError
from sheaf.domain.job import Limits, Tier
from sheaf.domain.order import FAILED_OUTPUT
from sheaf.nodes.compute.provider import Holding, Rules, released_at
from tests.unit.nodes.compute.world import (
    APPROVED,
    BAD,
    BROKEN,
    COST,
    COUNTS,
    GOOD,
    HASHES,
    TABLE,
    WIDE,
    Fuse,
    Killed,
    Later,
    World,
)


def test_answer_and_receipt(world: World) -> None:
    """A job's answer comes in its fixed form, with a receipt of what ran, and the order is paid once."""
    world.place(1)
    world.settle()
    output, receipt = world.orders.handed[1]
    assert output == b'{"sum":190}'
    assert receipt.output == hashlib.sha256(output).hexdigest()
    assert (receipt.order, receipt.dataset, receipt.algorithm) == (1, "codes", HASHES[GOOD])
    assert (receipt.environment, receipt.policy, receipt.spent_nanonats) == ("e" * 64, APPROVED.digest, 0)
    assert world.orders.states == {1: "delivered"}
    assert world.provider.health()["jobs"] == {"delivered": 1}


def test_method_spends_and_says_so(world: World) -> None:
    """An answer of ours carries in its receipt what it took from the budget."""
    world.place(1, b"")
    world.settle()
    assert world.orders.handed[1][0] == b'{"count":20}'
    assert world.orders.handed[1][1].spent_nanonats == COST


@pytest.mark.parametrize("program", [BAD, WIDE])
def test_faults_of_a_program_look_alike(world: World, program: bytes) -> None:
    """A program that fails and one that returns another form give the same answer, without log or reason; the provider is paid."""
    world.place(1, program)
    world.settle()
    assert world.orders.handed[1][0] == FAILED_OUTPUT
    assert world.orders.states == {1: "delivered"}


def test_refused_question_is_an_answer(world: World) -> None:
    """Where the budget is gone after all the buyer is told that it failed, nothing is spent, and nothing stays set aside."""
    world.place(1, b"")
    world.provider._take_on()
    world.methods.budget = 0
    world.settle()
    assert world.orders.handed[1][0] == FAILED_OUTPUT
    assert (world.methods.spent, world.methods.aside) == ({}, {})


def test_answers_leave_at_their_moment(world: World) -> None:
    """An answer that is ready at once does not leave before the time of its job is over."""
    world.place(1)
    world.provider.tick()
    world.now += 59
    world.provider.tick()
    assert not world.orders.handed
    world.now += 1
    world.provider.tick()
    assert world.orders.handed


@pytest.mark.parametrize(
    ("taken", "times", "leaves"),
    [
        (0.0, 1, 60.0),
        (59.9, 1, 60.0),
        (60.0, 1, 60.0),
        (61.0, 1, 120.0),
        (0.0, 4, 15.0),
        (15.0, 4, 15.0),
        (15.1, 4, 30.0),
    ],
)
def test_moments_are_few(taken: float, times: int, leaves: float) -> None:
    """Answers leave at even moments only."""
    policy = replace(APPROVED, release_times=times)
    assert released_at(1000.0, 1000.0 + taken, policy) == 1000.0 + leaves


def test_fault_of_ours_is_tried_again_and_refunded(world: World) -> None:
    """What fails on this side is tried three times; then the buyer has everything back."""
    world.place(1, BROKEN)
    world.settle()
    assert world.sandbox.runs == 3
    assert world.orders.refunded == {1: 1}
    assert not world.orders.paid
    assert not world.orders.handed


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dataset": "other"}, "dataset: other: order one that this provider holds"),
        ({"purpose": "marketing"}, "policy: purpose 'marketing' is not allowed"),
        ({"until": 1059}, "compute: too late"),
        ({"program": b"# new", "algorithm": hashlib.sha256(b"# new").hexdigest()}, "is not approved"),
        ({"program": b"", "algorithm": "count"}, "is not approved"),
        ({"dataset": "counts"}, "statistics runs no code of buyers"),
    ],
)
def test_orders_against_the_policy_are_not_taken_on(
    world: World, changes: dict[str, Any], reason: str
) -> None:
    """An order that the policy does not allow is never accepted, and its buyer can take it back."""
    program = changes.pop("program", GOOD)
    if program in HASHES:
        world.place(1, program, **changes)
    else:
        from sheaf.domain.order import Order

        world.orders.place(Order(1, "buyer", "codes", changes["algorithm"], "research", 10_000, program))
    world.settle(2)
    assert reason in world.provider.declined[1]
    assert world.orders.states == {1: "placed"}
    world.orders.cancel(1)


def test_number_of_answers_is_held(world: World) -> None:
    """A buyer gets as many answers over a dataset as the policy says; refunded ones do not count."""
    world.holdings["codes"] = Holding(replace(APPROVED, answers=2), 20, lambda: TABLE)
    for number in range(1, 5):
        world.place(number, BROKEN if number == 1 else GOOD)
        world.settle()
    assert world.orders.states == {1: "refunded", 2: "delivered", 3: "delivered", 4: "placed"}
    assert "a buyer gets 2 answers" in world.provider.declined[4]


def test_number_of_waiting_jobs_is_held(tmp_path: Path) -> None:
    """One buyer cannot fill the queue."""
    world = World(tmp_path, Rules(waiting=2), Later())
    for number in range(1, 5):
        world.place(number)
    world.provider.tick()
    assert sorted(world.provider.declined) == [3, 4]


def test_policy_is_asked_again_before_a_job_runs(tmp_path: Path) -> None:
    """An order whose policy has expired while it waited is refunded without a run."""
    world = World(tmp_path)
    world.place(1)
    world.rules = Rules(slots=0)
    world.begin().tick()
    world.holdings["codes"] = Holding(replace(APPROVED, expires_at=1001), 20, lambda: TABLE)
    world.now += 1
    world.rules = None
    world.begin()
    world.settle(3)
    assert (world.orders.states, world.sandbox.runs) == ({1: "refunded"}, 0)


def test_withdrawn_dataset_is_refunded(world: World) -> None:
    """When the data are gone, whoever waited for them has everything back."""
    world.place(1)
    world.rules = Rules(slots=0)
    world.begin().tick()
    del world.holdings["codes"]
    world.rules = None
    world.begin()
    world.settle(6)
    assert world.orders.states == {1: "refunded"}


def test_order_taken_back_in_time_is_closed(world: World) -> None:
    """An order that its buyer cancels just before it is accepted is dropped."""
    world.place(1)
    world.provider._take_on()
    world.orders.cancel(1)
    world.settle(3)
    assert (world.provider.health()["jobs"], world.sandbox.runs) == ({"closed": 1}, 0)


def test_late_delivery_is_refunded_once(world: World) -> None:
    """An order that somebody has refunded meanwhile is neither delivered nor refunded again."""
    world.place(1)
    world.provider.tick()
    world.orders.refund(1)
    world.settle(3)
    assert (world.orders.refunded, world.orders.paid, world.orders.handed) == ({1: 1}, {}, {})
    assert world.provider.health()["jobs"] == {"closed": 1}


def test_buyers_take_turns(tmp_path: Path) -> None:
    """A buyer with one order behind another's twenty waits for one job, not for twenty."""
    later = Later()
    world = World(tmp_path, Rules(slots=1), later)
    for number in range(1, 21):
        world.place(number, buyer="first")
    world.place(21, buyer="second")
    world.provider.tick()
    order = []
    for _ in range(5):
        world.now += 1
        later.run()
        world.provider.tick()
        order += [one.order.number for one in world.provider.means.queue.in_state("running")]
    assert order[0] == 21
    assert order[1:] == [2, 3, 4, 5]


def test_new_names_buy_no_turns(tmp_path: Path) -> None:
    """A buyer who comes under a new name does not overtake one who has been served for long and waits."""
    world = World(tmp_path, Rules(slots=0))
    queue = world.provider.means.queue
    world.place(1, buyer="old")
    world.provider.tick()
    queue.charge(1, 500.0)
    for number in range(2, 5):
        world.place(number, buyer=f"new {number}")
        world.provider.tick()
    taken = [queue.take(world.now).order.number for _ in range(4)]  # type: ignore[union-attr]
    assert taken == [1, 2, 3, 4]


def test_slots_are_held(tmp_path: Path) -> None:
    """No more jobs run at once than there are slots, one buyer's first, then another's."""
    later = Later()
    world = World(tmp_path, Rules(slots=3), later)
    for number in range(1, 8):
        world.place(number, buyer="first" if number < 6 else "second")
    world.provider.tick()
    assert [one.order.number for one in world.provider.means.queue.in_state("running")] == [1, 2, 6]
    assert len(later.works) == 3


def test_full_disk_makes_jobs_wait(tmp_path: Path) -> None:
    """A job for which there is no room now waits without losing a try, and runs when there is."""
    later = Later()
    world = World(tmp_path, Rules(slots=2), later)
    world.place(1)
    world.provider.tick()
    world.provider.means.workplace._inner.quota_bytes = world.provider.means.workplace.used() + 1  # type: ignore[attr-defined]
    world.place(2)
    world.provider.tick()
    assert len(later.works) == 1
    assert "the job waits" in world.provider.health()["failing"]["2"]
    for _ in range(4):
        later.run()
        world.now += 61
        world.provider.tick()
    assert world.orders.states == {1: "delivered", 2: "delivered"}


def test_job_larger_than_the_disk_is_refunded(tmp_path: Path) -> None:
    """A job that can never have room is refunded."""
    world = World(tmp_path, quota=100)
    world.place(1)
    world.settle()
    assert world.orders.states == {1: "refunded"}


def test_nothing_is_left_on_the_disk(world: World) -> None:
    """Folders of jobs are gone when they are done, answers when their time is over, and what a killed node left at the next start."""
    world.place(1)
    world.settle()
    assert not list((world.folder / "work").iterdir())
    (world.folder / "work" / "99").mkdir()
    (world.folder / "work" / "99" / "data.parquet").write_text("left")
    world.begin().start()
    assert not list((world.folder / "work").iterdir())
    world.now += 31 * 86_400
    world.provider.tick()
    assert world.provider.means.queue.entry(1) is None
    assert world.provider.means.queue.knows(1)


def test_no_sandbox_no_start(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node whose sandbox does not pass its self-test does not start."""

    def fails() -> None:
        raise SandboxError("sandbox: self-test")

    monkeypatch.setattr(world.sandbox, "check", fails)
    with pytest.raises(SandboxError):
        world.provider.start()


def test_no_start_in_a_softer_sandbox(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node starts with a policy that demands the harder tier if its sandbox is of that tier, and else not."""
    held = world.holdings["codes"]
    world.holdings["codes"] = replace(held, policy=replace(held.policy, sandbox=Tier.GVISOR))
    with pytest.raises(SandboxError, match="this policy demands gvisor"):
        world.provider.start()
    monkeypatch.setattr(world.sandbox, "name", "gvisor")
    world.begin().start()


def test_hidden_fields_do_not_reach_the_disk(tmp_path: Path) -> None:
    """What the policy hides is not in the file that a job gets."""
    import pyarrow.parquet as pq

    world = World(tmp_path, executor=Later())
    world.place(1)
    world.provider.tick()
    assert pq.read_table(tmp_path / "work" / "1" / "data.parquet").column_names == ["x"]


def _orders(world: World) -> None:
    world.place(1)
    world.place(2, b"", buyer="second")
    world.place(3, BROKEN)


def _check(world: World) -> None:
    assert world.orders.states == {1: "delivered", 2: "delivered", 3: "refunded"}
    assert world.orders.paid == {1: 1, 2: 1}
    assert world.orders.refunded == {3: 1}
    assert world.methods.spent == {2: COST}
    assert not world.methods.aside
    assert world.orders.handed[1][0] == b'{"sum":190}'
    assert world.orders.handed[2][0] == world.methods.answers[2]


def _until_killed(world: World, fuse: Fuse) -> None:
    """Run a provider until its fuse burns down, or the work is done."""
    try:
        world.begin(fuse).start()
        world.settle(10)
    except Killed:
        world.now += 1


def _length(folder: Path) -> int:
    folder.mkdir()
    world, fuse = World(folder), Fuse()
    _orders(world)
    _until_killed(world, fuse)
    return fuse.burnt


@pytest.mark.parametrize("part", range(8))
def test_killed_at_any_call_nothing_is_lost_or_done_twice(tmp_path: Path, part: int) -> None:
    """Killed before or after every single call to the world, the next start pays, refunds and spends each exactly once."""
    length = _length(tmp_path / "whole")
    assert length > 100
    for place in range(1 + part, length + 1, 8):
        folder = tmp_path / str(place)
        folder.mkdir()
        world = World(folder)
        _orders(world)
        _until_killed(world, Fuse(place))
        world.begin().start()
        world.settle(10)
        _check(world)


@pytest.mark.parametrize("seed", range(10))
def test_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    """A node that is killed ten times on the way still does everything once; a job may run out of tries, then it is refunded."""
    import random

    lots = random.Random(seed)
    world = World(tmp_path, Rules(attempts=100))
    _orders(world)
    for _ in range(10):
        _until_killed(world, Fuse(lots.randrange(1, 120)))
    world.begin().start()
    world.settle(110)
    assert {**world.orders.states, 3: "refunded"} == {1: "delivered", 2: "delivered", 3: "refunded"}
    assert world.orders.paid == {1: 1, 2: 1}
    assert world.methods.spent == {2: COST}
    assert all(count == 1 for count in world.orders.refunded.values())


def test_limits_of_the_policy_reach_the_sandbox(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job runs within the limits that the policy gives."""
    seen: list[Limits] = []
    run = world.sandbox.run
    monkeypatch.setattr(world.sandbox, "run", lambda job: (seen.append(job.limits), run(job))[1])
    world.place(1)
    world.settle(2)
    assert seen == [APPROVED.limits]


def test_output_of_methods_is_capped(world: World) -> None:
    """A method's answer beyond the cap does not leave either; what it spent is in the receipt."""
    world.holdings["counts"] = Holding(
        replace(COUNTS, limits=Limits(wall_seconds=60, output_bytes=3)), 20, lambda: TABLE
    )
    world.place(1, b"")
    world.settle()
    assert world.orders.handed[1][0] == FAILED_OUTPUT
    assert world.orders.handed[1][1].spent_nanonats == COST
