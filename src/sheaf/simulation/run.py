"""Runs: a habit among honest people, over many seeds, and what each of them got out of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pyarrow as pa

from sheaf import actions
from sheaf.domain.amounts import WAD
from sheaf.simulation.agents import Agent, find
from sheaf.simulation.world import Economy, World, is_right


@dataclass(frozen=True)
class Scenario:
    """One habit (or several) among honest sellers and validators, for so many rounds; each seller sells a batch a round."""

    habits: Sequence[str]
    rounds: int = 2
    honest_sellers: int = 2
    economy: Economy = field(default_factory=Economy)


class Interval(msgspec.Struct, frozen=True):
    """A mean with its 95 % interval (Student's t) over `count` values."""

    mean: float
    low: float
    high: float
    count: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one world came to: the return of every agent in whole tokens, the quality of what was bought, and what it cost.

    A return is what an agent's accounts hold more than at the start, less what making and looking cost it; a gain is how much better
    the agent fared than by being honest: less the worth of the records that it made, and of honest reviews by its validators.
    """

    seed: int
    returns: dict[str, float]
    gains: dict[str, float]
    honest: list[str]
    bought: int
    right: int
    fees: float
    gas: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Means over all seeds, by habit: returns of `attackers` and of `honest`, the attackers' gains, and the share of right records."""

    attackers: dict[str, Interval]
    gains: dict[str, Interval]
    honest: dict[str, Interval]
    precision: Interval
    seeds: int


def play(scenario: Scenario, seed: int) -> Outcome:
    """Play one world from start to end. Raises InputError for an unknown habit."""
    world = World(seed, scenario.economy)
    agents = _people(scenario)
    for agent in agents:
        agent.join(world)
    world.settle_in()
    start = {agent.name: sum(map(world.wealth, agent.accounts)) for agent in agents}
    first = world.market.chain.block().number
    tables: list[pa.Table] = []
    sellers = scenario.honest_sellers + len(scenario.habits)
    request = world.open(scenario.rounds * (sellers + 1))
    for _ in range(scenario.rounds):
        world.play([number for agent in agents for number in agent.act(world, request, tables)])
    for agent in agents:
        agent.leave(world)
    bought, right = _quality(world)
    settled = world.market.chain.events("Requests", "SubmissionSettled", 0)
    returns = {
        agent.name: (sum(map(world.wealth, agent.accounts)) - start[agent.name]) / WAD - agent.effort(world)
        for agent in agents
    }
    return Outcome(
        seed=seed,
        returns=returns,
        gains=_gains(agents, returns, scenario.economy),
        honest=[agent.name for agent in agents if agent.is_honest],
        bought=bought,
        right=right,
        fees=sum(one.args["validators_paid"] + one.args["protocol_fee"] for one in settled) / WAD,
        gas=world.market.chain.gas_used(first + 1, world.market.chain.block().number),
    )


def play_all(scenario: Scenario, seeds: Iterable[int]) -> Summary:
    """Play a scenario once for each seed."""
    outcomes = [play(scenario, seed) for seed in seeds]
    return Summary(
        attackers=_by_habit(outcomes, "returns", is_honest=False),
        gains=_by_habit(outcomes, "gains", is_honest=False),
        honest=_by_habit(outcomes, "returns", is_honest=True),
        precision=interval([one.right / one.bought for one in outcomes if one.bought]),
        seeds=len(outcomes),
    )


def interval(values: Sequence[float]) -> Interval:
    """Return mean and 95 % interval; an interval of one value has no width."""
    count = len(values)
    mean = float(np.mean(values)) if count else 0.0
    if count < 2:
        return Interval(mean, mean, mean, count)
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    half = float(stdtrit(count - 1, 0.975)) * float(np.std(values, ddof=1)) / count**0.5
    return Interval(mean, mean - half, mean + half, count)


def _by_habit(outcomes: list[Outcome], what: str, *, is_honest: bool) -> dict[str, Interval]:
    """Return an interval a habit over worlds: agents of one habit in one world share its luck and count as one."""
    found: dict[str, list[float]] = {}
    for one in outcomes:
        kinds: dict[str, list[float]] = {}
        for name, value in getattr(one, what).items():
            if (name in one.honest) == is_honest:
                kinds.setdefault(name.rpartition(" ")[0], []).append(value)
        for habit, values in kinds.items():
            found.setdefault(habit, []).append(float(np.mean(values)))
    return {habit: interval(values) for habit, values in found.items()}


def _gains(agents: list[Agent], returns: dict[str, float], economy: Economy) -> dict[str, float]:
    peers = [returns[agent.name] for agent in agents if agent.is_honest and agent.judges]
    review = float(np.mean(peers)) if peers else 0.0
    margin = economy.price - economy.make_cost
    return {
        agent.name: returns[agent.name] - agent.made * margin - len(agent.judges) * review for agent in agents
    }


def _people(scenario: Scenario) -> list[Agent]:
    """Return everybody: who attacks, honest sellers, and honest validators in the places that are left."""
    attackers = [find(name)(number + 1) for number, name in enumerate(scenario.habits)]
    sellers = [find("honest-seller")(number + 1) for number in range(scenario.honest_sellers)]
    validators = [find("honest-validator")(number + 1) for number in range(scenario.economy.validators)]
    return [*sellers, *attackers, *validators]


def _quality(world: World) -> tuple[int, int]:
    """Return how many records the buyer's request bought, and how many of them are right."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        bundle = actions.download(world.buyer, 1, Path(folder) / "bought")
        table = bundle.to_arrow()
        return table.num_rows, int(is_right(table).sum())
