"""Four validators under one hand, of which whichever comes first looks and the others say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sheaf.simulation.agents import Agent
from sheaf.simulation.agents.honest_validator import Reviewer
from sheaf.simulation.world import Opinionated

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from sheaf.simulation.world import World


class Sharing(Reviewer):
    """Looks at each record once and votes on it as often as it has seats."""

    seats: ClassVar[int] = 4
    rounds: ClassVar[int] = 3

    def judge(self, world: World, seat: int) -> Opinionated:
        """Return a judge that asks the others first."""
        if seat == 0:
            self._seen: dict[float, bool] = {}
            self._rng = np.random.default_rng([world.seed, 3])
            self._skill = world.economy.skill
        judge = Opinionated(lambda records, right: self._look(judge, records, right), looks=False)
        return judge

    def _look(self, judge: Opinionated, records: pa.Table, right: NDArray[np.bool_]) -> NDArray[np.bool_]:
        found = []
        for x, is_right in zip(records.column("x").to_pylist(), right.tolist(), strict=True):
            if x not in self._seen:
                judge.looked += 1
                self._seen[x] = is_right ^ (self._rng.random() >= self._skill)
            found.append(self._seen[x])
        return np.array(found)


def make(number: int) -> list[Agent]:
    """Return validators that share their judgements."""
    return [Sharing(f"sharing validator {number}")]
