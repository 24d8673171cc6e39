"""What goes wrong in one dispute holds up no other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sheaf.domain.errors import IntegrityError, Missing, Unreachable
from sheaf.nodes import juror
from sheaf.nodes.juror import PAUSE_TICKS, Juror


def node(monkeypatch: pytest.MonkeyPatch, **acts: Any) -> Juror:
    """A juror of account 0x01 whose every step is a fake: it does nothing unless told otherwise."""
    fakes = {
        "hand_to_jurors": lambda ctx, number: 0, "open_audit": lambda ctx, case, **how: False,
        "sit": lambda ctx, number, maker: "committed", "move": lambda ctx, hearing, **how: "",
        "winnings": lambda ctx: 0, **acts,
    }  # fmt: skip
    for name, fake in fakes.items():
        monkeypatch.setattr(juror, name, fake)
    ctx: Any = SimpleNamespace(account="0x01")
    return Juror(ctx, None, lambda duty, rank: True)


def case(*numbers: int, is_collected: bool = False) -> Any:
    hearings = [
        SimpleNamespace(number=n, jurors=("0x01",), is_concluded=is_collected, is_collected=is_collected)
        for n in numbers
    ]
    return SimpleNamespace(submission=7, is_over=False, hearings=hearings)


def test_a_vote_that_is_lost_holds_up_no_other_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are voted on and all are moved on; then the error is told, for the node's health."""
    moved: list[int] = []

    def move(ctx: Any, hearing: Any, **how: Any) -> str:
        moved.append(hearing.number)
        return "draw"

    def sit(ctx: Any, number: int, maker: Any) -> str:
        if number == 1:
            raise IntegrityError("vote in case 1: lost or altered: it cannot be opened")
        return "committed"

    one = node(monkeypatch, sit=sit, move=move)
    with pytest.raises(IntegrityError, match="case 1"):
        one.attend(case(1, 2), 0)
    assert one.doing == {2: "committed"}
    assert moved == [1, 2]


def test_without_the_chain_there_is_nothing_to_go_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers: the tick ends at once."""

    def sit(ctx: Any, number: int, maker: Any) -> str:
        raise Unreachable("rpc: nobody answers")

    with pytest.raises(Unreachable):
        node(monkeypatch, sit=sit).attend(case(1, 2), 0)


def test_a_jury_that_cannot_be_drawn_is_tried_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too few validators today may be enough tomorrow: one look in nine ticks."""
    tries = []

    def move(ctx: Any, hearing: Any, **how: Any) -> str:
        tries.append(1)
        raise Missing("jurors of case 1: too few validators can sit: it waits for others")

    one = node(monkeypatch, move=move)
    for _ in range(3 * (PAUSE_TICKS + 1)):
        one.attend(case(1), 0)
    assert len(tries) == 3


def test_pay_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a case is shared out a juror withdraws what it is owed, if anything, and never asks again."""
    taken: list[int] = []

    def collect(ctx: Any) -> int:
        taken.append(5)
        return 5

    one = node(monkeypatch, winnings=lambda ctx: 5, collect_winnings=collect)
    over = case(1, is_collected=True)
    assert [one.attend(over, 0) for _ in range(3)] == [1, 0, 0]
    assert taken == [5] and one.is_done(over) and not one.is_done(case(2))
    one.forget()
    assert one.attend(over, 0) == 1
