"""Rounds among a coordinator and owners, over real connections in threads of this process."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sheaf.actions.train import coordinate, join, training_status
from sheaf.actions.train.coordinate import _Run, model_of
from sheaf.actions.train.identity import open_identity
from sheaf.actions.train.learner import Learner, first_model
from sheaf.domain.errors import (
    CredentialError,
    InputError,
    IntegrityError,
    RecordError,
    Refused,
    StoreError,
    Unreachable,
)
from sheaf.sandbox.federated.connection import Letter
from sheaf.sandbox.federated.hall import Hall
from tests.mocks.training import Field


def test_owners_train_a_model_none_could_alone(tmp_path: Path) -> None:
    """Four owners of 40 records train for the plan's rounds; the model finds over 93 of 100 held-out sides, all took part in all rounds."""
    held = Field(tmp_path)
    report, joined = held.run()
    assert report.rounds == 4 and report.repeated == 0 and report.accuracy > 0.93
    assert {one.rounds for one in joined.values()} == {4}
    model = np.load(report.model)
    assert np.array_equal(model, model_of(tmp_path / "coordinator", held.plan))
    assert sum(report.contributions.values()) > 0.1


@pytest.mark.parametrize("absent", ["west", "north"])
def test_one_may_be_away(tmp_path: Path, absent: str) -> None:
    """With one owner of four away the others go on, and the report says who was there."""
    held = Field(tmp_path, rounds=2)
    report, _ = held.run(absent=(absent,))
    assert report.rounds == 2
    status = training_status(held.plan, tmp_path / "coordinator")
    assert {one.name: one.rounds for one in status.owners} == {
        name: 2 * (name != absent) for name in held.names
    }


def test_too_few_owners(tmp_path: Path) -> None:
    """With fewer than the minimum there within the time the coordinator says how many came."""
    held = Field(tmp_path)
    with pytest.raises(Unreachable, match="0 of the 3 needed came in 0 s"):
        coordinate(held.plan, tmp_path / "coordinator", wait_seconds=0)


def test_a_coordinator_that_died_goes_on(tmp_path: Path) -> None:
    """A coordinator that dies after two rounds and is started again does the rest, and no round twice."""
    held = Field(tmp_path)

    class Died(BaseException):
        pass

    ports: list[int] = []

    def dies(event: str, told: dict[str, Any]) -> None:
        if event == "listening":
            ports.append(told["port"])
            for name in held.names:
                address = ("127.0.0.1", told["port"])
                given = (held.plan, tmp_path / f"{name}.csv", tmp_path / name)
                threading.Thread(target=join, args=given, kwargs={"address": address}, daemon=True).start()
        elif told["round_number"] == 1:
            raise Died

    with pytest.raises(Died):
        coordinate(held.plan, tmp_path / "coordinator", on_event=dies, wait_seconds=10)
    assert training_status(held.plan, tmp_path / "coordinator").round_number == 2
    report = coordinate(held.plan, tmp_path / "coordinator", address=("127.0.0.1", ports[0]), wait_seconds=10)
    status = training_status(held.plan, tmp_path / "coordinator", pool=100)
    assert report.rounds == 4 and status.is_done
    assert [record.round_number for record in status.history] == [0, 1, 2, 3]
    again = coordinate(held.plan, tmp_path / "coordinator")
    assert again.rounds == 4 and again.repeated == 0


def test_an_owner_whose_budget_is_spent_leaves(tmp_path: Path) -> None:
    """An owner with budget for two rounds of four leaves with the reason after two; the others go on, and both sides tell what happened."""
    held = Field(tmp_path)
    protected = held.protect("north", epsilon=10.5, noise=1.8)
    report, joined = held.run(protected={"north": protected})
    left = joined["north"]
    assert report.rounds == 4 and report.accuracy > 0.93
    assert left.rounds == 2 and "no further round" in left.left and left.spent.rounds == 2
    assert left.spent.epsilon <= 10.5 and left.spent.rounds_left == 0
    assert {one.rounds for name, one in joined.items() if name != "north"} == {4}
    status = training_status(held.plan, tmp_path / "coordinator")
    north = next(one for one in status.owners if one.name == "north")
    assert north.rounds == 2 and "no further round" in north.left
    assert training_status(held.plan, tmp_path / "north").spent == left.spent
    assert training_status(held.plan, tmp_path / "east").spent is None


def test_an_owner_that_left_may_come_back(tmp_path: Path) -> None:
    """An owner that left over too little budget and joins again under a larger one takes part in the rounds that are left."""
    held = Field(tmp_path, rounds=6)
    poor = held.protect("north", epsilon=10.5, noise=1.8, total=90.0)
    came: list[threading.Thread] = []

    def again(event: str, told: dict[str, Any]) -> None:
        if event == "listening":
            ports.append(told["port"])
            for name in held.names:
                given = poor if name == "north" else tmp_path / f"{name}.csv"
                came.append(joining(held, name, given, told["port"]))
        elif event == "round" and told["round_number"] == 3:
            assert "north" not in told["survivors"]
            rich = held.protect("north", epsilon=80.0, noise=1.8, total=90.0)
            came.append(joining(held, "north", rich, ports[0]))
            came[0].join(10)

    ports: list[int] = []
    report = coordinate(held.plan, tmp_path / "coordinator", on_event=again, wait_seconds=10)
    for thread in came:
        thread.join(10)
    assert report.rounds == 6 and len(came) == 5
    status = training_status(held.plan, tmp_path / "coordinator")
    north = next(one for one in status.owners if one.name == "north")
    assert north.rounds >= 2 and (north.left == "" or north.rounds == 2)


def joining(held: Field, name: str, records: Any, port: int) -> threading.Thread:
    given = (held.plan, records, held.folder / name)
    options = {"address": ("127.0.0.1", port), "patience_seconds": 5}
    thread = threading.Thread(target=join, args=given, kwargs=options, daemon=True)
    thread.start()
    return thread


def test_a_repeated_round_costs_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coordinator that dies with a sum in its hands asks for the round again: owners send the same update, and each round costs once."""
    held = Field(tmp_path)
    protected = {name: held.protect(name, epsilon=20.0) for name in held.names}
    sums: list[np.ndarray] = []
    commit = _Run._commit

    def dying(run: Any, at: Any, seconds: float) -> None:
        if at.number == 1:
            sums.append(at.groups[0].server.result)
            if len(sums) < 3:
                raise Died
        commit(run, at, seconds)

    def heard(event: str, told: dict[str, Any]) -> None:
        if event == "listening" and not ports:
            ports.append(told["port"])
            came.extend(joining(held, name, protected[name], ports[0]) for name in held.names)

    ports: list[int] = []
    came: list[threading.Thread] = []
    monkeypatch.setattr(_Run, "_commit", dying)
    for _ in range(2):
        with pytest.raises(Died):
            coordinate(held.plan, tmp_path / "coordinator", address=("127.0.0.1", sum(ports)), on_event=heard)
    report = coordinate(held.plan, tmp_path / "coordinator", address=("127.0.0.1", ports[0]))
    for thread in came:
        thread.join(10)
    assert report.rounds == 4 and np.array_equal(sums[0], sums[1]) and np.array_equal(sums[1], sums[2])
    for name in held.names:
        told = training_status(held.plan, tmp_path / name)
        assert told.owners[0].rounds == told.spent.rounds == 4
        assert told.spent.epsilon == pytest.approx(20.0, rel=1e-3)


class Died(BaseException):
    """A coordinator killed in the middle."""


def test_contributions_tell_a_spoiler(tmp_path: Path) -> None:
    """An owner whose labels are turned round comes out last over rounds of pairs, and is paid the least of a pool."""
    held = Field(tmp_path, owners=6, rounds=30, group_size=2, minimum=4, local_steps=2)
    text = (tmp_path / "south.csv").read_text().splitlines()
    turned = [line[:-1] + ("0" if line.endswith("1") else "1") for line in text[1:]]
    (tmp_path / "south.csv").write_text("\n".join([text[0], *turned]) + "\n")
    held.run()
    status = training_status(held.plan, tmp_path / "coordinator", pool=1_000_000)
    worth = {one.name: one.contribution for one in status.owners}
    shares = {one.name: one.share for one in status.owners}
    assert min(worth, key=lambda name: worth[name]) == "south"
    assert min(shares, key=lambda name: shares[name]) == "south" and sum(shares.values()) == 1_000_000


def test_flower_joins_groups(tmp_path: Path) -> None:
    """A strategy of Flower's trains as ours do."""
    pytest.importorskip("flwr")
    report, _ = Field(tmp_path, group_size=2, strategy="flower:FedAvg").run()
    assert report.accuracy > 0.9


def bad_coordinator(held: Field, letters: list[Letter]) -> list[Letter]:
    """Send letters to an owner as its coordinator and return its answers."""
    identity = open_identity(held.folder / "coordinator")
    plan, name = held.plan, held.names[0]
    with Hall(("127.0.0.1", 0), identity, plan.roster, plan.session, plan.letter_bytes) as hall:
        given = (plan, held.folder / f"{name}.csv", held.folder / name)
        owner = threading.Thread(
            target=lambda: join(*given, address=("127.0.0.1", hall.port), patience_seconds=0), daemon=True
        )
        owner.start()
        assert hall.next(5)[2].kind == "came"
        answers = []
        for letter in letters:
            hall.send(0, letter)
            answers.append(hall.next(5)[2])
        hall.send(0, Letter("done"))
        owner.join(5)
    return answers


def test_a_coordinator_that_plays_false_over_the_wire(tmp_path: Path) -> None:
    """Rounds asked again, gone back to, unknown, or with a model that is none are left by the owner, with the reason."""
    held = Field(tmp_path, rounds=4, attempts=50)
    model = first_model(held.plan).astype("<f8").tobytes()
    start = Letter("round", 2, 0, "advertise", model)
    answers = bad_coordinator(
        held,
        [
            start,
            start,
            Letter("round", 1, 5, "advertise", model),
            Letter("round", 9, 0, "advertise", model),
            Letter("round", 3, 0, "advertise", model[:-8]),
            Letter("round", 3, 0, "advertise", np.full(8, np.nan).tobytes()),
            Letter("round", 3, 0, "advertise", model),
            Letter("phase", 3, 0, "share", b"\x00garbage"),
        ],
    )
    said = [one.reason for one in answers]
    assert (answers[0].kind, answers[6].kind) == ("phase", "phase")
    assert "round 2, attempt 0: asked again: I am at 2, 0" in said[1]
    assert "asked again" in said[2] and "the plan has 4" in said[3]
    assert "not 8 finite numbers" in said[4] and "not 8 finite numbers" in said[5]
    assert "introduction: cannot be read" in said[7]
    status = training_status(held.plan, tmp_path / "north")
    assert status.role == "owner" and len(status.owners[0].aborts) == 6


def test_what_cannot_be_joined(tmp_path: Path) -> None:
    """Folders of another key, records that do not fit, and states of another plan are refused by name."""
    held, other = Field(tmp_path / "one", rounds=1), Field(tmp_path / "two")
    place = {"address": ("127.0.0.1", 1), "patience_seconds": 0}
    with pytest.raises(InputError, match="the plan does not name the key"):
        join(held.plan, tmp_path / "one" / "north.csv", tmp_path / "two" / "north", **place)
    with pytest.raises(InputError, match="the plan names another key"):
        coordinate(held.plan, tmp_path / "two" / "coordinator")
    with pytest.raises(Unreachable, match="is it running"):
        join(held.plan, tmp_path / "one" / "north.csv", tmp_path / "one" / "north", **place)
    bad = tmp_path / "bad.csv"
    for text, said in (
        ("a,b,c\n1,2,3\n", "label: side"),
        ("a,b,c,side\n1,2,x,0\n", "give numbers in every column"),
        ("a,b,c,side\n1,2,3,7\n", "give classes 0 to 1"),
        ("a,b,c,side\n1,2,3,0.5\n", "give whole classes"),
        ("a,b,side\n1,2,0\n", "of 3 features each"),
        ("a,b,c,side\n1,2,,0\n1,2,3,1\n", "give finite numbers"),
    ):
        bad.write_text(text)
        with pytest.raises(RecordError, match=said):
            join(held.plan, bad, tmp_path / "one" / "north", **place)
    held.run()
    with pytest.raises(StoreError, match="of another plan"):
        training_status(other.plan, tmp_path / "one" / "coordinator")
    with pytest.raises(InputError, match="no training of this plan"):
        training_status(other.plan, tmp_path / "two" / "west")
    with pytest.raises(InputError, match="no training was coordinated"):
        model_of(tmp_path / "two" / "west", other.plan)
    (tmp_path / "one" / "coordinator" / "coordinator.state").write_bytes(b"\xff")
    with pytest.raises(StoreError, match="not the state of a training"):
        training_status(held.plan, tmp_path / "one" / "coordinator")
    (tmp_path / "one" / "north" / "identity.key").write_bytes(b"short")
    with pytest.raises(CredentialError, match="not a key"):
        open_identity(tmp_path / "one" / "north")


def test_a_round_that_always_fails(tmp_path: Path) -> None:
    """Where owners refuse every attempt the coordinator gives up after as many as the plan allows, with a reason."""
    held = Field(tmp_path, rounds=1, attempts=2, phase_seconds=1.0, minimum=4, dropped=0)
    (tmp_path / "north.csv").write_text("a,b,c,side\n1e300,1e300,1e300,1\n")
    with np.errstate(all="ignore"), pytest.raises(Refused, match="round 0: failed 2 times"):
        held.run()


def test_gradients_are_those_of_the_loss(tmp_path: Path) -> None:
    """For both models a small step along the change lowers the loss by what finite differences say."""
    for hidden in (0, 5):
        plan = Field(tmp_path / str(hidden), hidden=hidden).plan
        random = np.random.default_rng(0)
        learner = Learner(plan, random.normal(size=(30, 3)), random.integers(0, 2, 30))
        model = first_model(plan) + random.normal(0, 0.1, plan.length)
        slope = learner._gradient(model)
        for place in range(0, plan.length, 3):
            step = np.zeros(plan.length)
            step[place] = 1e-6
            assert (learner.loss(model + step) - learner.loss(model - step)) / 2e-6 == pytest.approx(
                slope[place], abs=1e-5
            )


def test_the_aborted_round_is_told(tmp_path: Path) -> None:
    """After as many rounds left in a row as the plan allows, the owner leaves the training and says why."""
    held = Field(tmp_path, attempts=1)
    identity, plan = open_identity(tmp_path / "coordinator"), held.plan
    with Hall(("127.0.0.1", 0), identity, plan.roster, plan.session, plan.letter_bytes) as hall:
        errors: list[BaseException] = []

        def owner() -> None:
            try:
                join(plan, tmp_path / "north.csv", tmp_path / "north", address=("127.0.0.1", hall.port))
            except IntegrityError as error:
                errors.append(error)

        thread = threading.Thread(target=owner)
        thread.start()
        hall.next(5)
        hall.send(0, Letter("round", 99))
        thread.join(5)
    assert "training left after 1 rounds aborted in a row: round 99" in str(errors[0])
