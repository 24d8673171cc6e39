"""What tests of stakes and committees share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boa
import pytest

from tests.contracts.conftest import DRAW, RELEASE, SLASH
from tests.contracts.review.disputes.court import Court


@dataclass
class JudgePower:
    """An actor that was appointed to draw, release and slash before anyone had staked."""

    stakes: Any
    actor: str

    def draw(
        self,
        seed: bytes,
        count: int,
        lock: int,
        excluded: tuple[str, ...] = (),
        seated: tuple[int, ...] = (),
    ) -> list[int]:
        """Draw in the current period."""
        period = self.stakes.current_period()
        return list(
            self.stakes.pick_and_lock(
                seed, period, count, lock, list(excluded), list(seated), sender=self.actor
            )
        )

    def lock(self, ids: list[int], amount: int) -> None:
        """Lock `amount` of all validators there are, by a draw of as many."""
        assert sorted(self.draw(bytes(32), len(ids), amount)) == sorted(ids)

    def release(self, ids: list[int], amount: int, missing: int = 0, penalty: int = 0) -> None:
        """Release."""
        self.stakes.release(ids, amount, missing, penalty, sender=self.actor)

    def slash(self, number: int, amount: int) -> int:
        """Slash."""
        return int(self.stakes.slash(number, amount, "0x" + "00" * 20, sender=self.actor))


@pytest.fixture
def judge_power(stakes: Any, deployer: str) -> JudgePower:
    actor = str(boa.env.generate_address("judge power"))
    stakes.appoint(actor, DRAW | RELEASE | SLASH, sender=deployer)
    return JudgePower(stakes, actor)


@pytest.fixture(scope="session")
def _court() -> Court:
    return Court()


@pytest.fixture
def court(_court: Court) -> Iterator[Court]:
    """A market with a court."""
    with boa.env.anchor():
        yield _court
