"""Dispute: what an account sends and remembers where others act at the same time, and in markets that number their cases alike."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from sheaf.actions.context import Context
from sheaf.actions.disputes import dispute
from sheaf.chain.events import Event
from sheaf.chain.rpc import Receipt
from sheaf.chain.signer import Signer
from sheaf.domain.ids import ZERO_ADDRESS
from sheaf.review.juries import Jury, Vote


class Chain:
    """A chain on which somebody else opens case 8 right after ours, which is case 7."""

    def address_of(self, contract: str) -> str:
        return contract

    def call(self, contract: str, function: str, *args: Any) -> Any:
        return 8 if function == "cases" else (1, "", "", 50, 10**18, 400, 1)

    def send(self, signer: Signer, contract: str, function: str, *args: Any) -> Receipt:
        opened = Event("Disputes", "CaseOpened", {"case": 7}, 1, "", "0x", 0, ZERO_ADDRESS)
        return Receipt("0x", 1, 0, (opened,))


def context(market: str = "one", **parts: Any) -> Context:
    """What `dispute` needs of a context."""
    return cast(Context, SimpleNamespace(market=market, sender=Signer(b"\x01" * 32), **parts))


def test_a_challenge_returns_its_own_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number is that of the case that was opened, not of the newest there is."""
    case = SimpleNamespace(records=50)
    ctx = context(chain=Chain(), token="token", docket=SimpleNamespace(case=lambda number: case))
    monkeypatch.setattr(dispute, "decided", lambda case: (np.zeros(50, dtype=np.bool_),) * 2)
    for name in ("require_funds", "approve"):
        monkeypatch.setattr(dispute, name, lambda *args: None)
    monkeypatch.setattr(dispute, "_bond", lambda *args: 1)
    assert dispute.challenge(ctx, 1, [3]) == [7]


def test_a_salt_that_was_opened_uncovers_nothing_elsewhere() -> None:
    """The same case and round of another market, or another round, has another salt; the same has the same."""

    def salt(market: str, round_number: int) -> Vote:
        open_case = dispute.Dispute(1, 1, (0, 1), (), (), "", 1, Jury(round=round_number))
        return dispute._vote(context(market), open_case, [1], False)

    assert salt("one", 1) == salt("one", 1)
    assert len({salt("one", 1).salt, salt("two", 1).salt, salt("one", 2).salt}) == 3
