"""Runs: a habit among honest people, over many seeds, and what each of them got out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import msgspec
import numpy as np

from sheaf import actions
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError
from sheaf.simulation.agents import Agent, find
from sheaf.simulation.measures import Interval, Market, gains_of, interval, market_of
from sheaf.simulation.world import Economy, is_right, world


@dataclass(frozen=True)
class Scenario:
    """One habit (or several) among honest sellers and validators; each seller sells a batch a round.

    `strength` is how many validators each habit brings that brings any; 0 leaves it to the habit. `rounds` of 0 stands for as many as
    the habits take to show. Of the economy's validators those are honest whose place no habit takes.
    """

    habits: Sequence[str]
    rounds: int = 0
    strength: int = 0
    honest_sellers: int = 1
    economy: Economy = field(default_factory=Economy)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one world came to: the return of every agent in whole tokens, what became of the market, and how many records were delivered.

    A return is what an agent's accounts hold more than at the start, less what making and looking cost it; a gain is how much better
    the agent fared than by being honest: less the worth of the records that it made, and of honest reviews by its validators.
    """

    seed: int
    returns: dict[str, float]
    gains: dict[str, float]
    honest: list[str]
    market: Market
    delivered: int
    right: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Means over all seeds, by habit: returns of `attackers` and of `honest`, the attackers' gains; and of the market.

    `slashed` is the share of good records of honest sellers that were rejected, `jailed` how many of the `seats` honest validators
    were, and `by_reversal` from how many a jury's ruling took anything, in all worlds.
    """

    attackers: dict[str, Interval]
    gains: dict[str, Interval]
    honest: dict[str, Interval]
    precision: Interval
    recall: Interval
    fees: Interval
    at_stake: Interval
    lost: Interval
    gas: Interval
    seconds: Interval
    slashed: float
    jailed: int
    by_reversal: int
    seats: int
    seeds: int


def play(scenario: Scenario, seed: int) -> Outcome:
    """Play one world from start to end. Raises InputError for an unknown habit or too few validators."""
    agents = _people(scenario)
    honest = [agent for agent in agents if agent.is_honest]
    attackers = [agent.rounds for agent in agents if not agent.is_honest]
    rounds = scenario.rounds or max(attackers, default=Agent.rounds)
    with world(seed, scenario.economy) as made:
        for agent in agents:
            agent.join(made)
        start = {agent.name: sum(map(made.wealth, agent.accounts)) for agent in agents}
        request = made.open(rounds * (2 + sum(not (agent.is_honest and agent.judges) for agent in agents)))
        for _ in range(rounds):
            for agent in agents:
                agent.act(made, request)
            made.play()
        made.end()
        for agent in agents:
            agent.leave(made)
        market = market_of(made, request.id, honest)
        delivered = right = 0
        if market.bought:
            bundle = actions.download(made.buyer, request.id, made.home / "bought").to_arrow()
            delivered, right = bundle.num_rows, int(is_right(bundle).sum())
        earned = {
            agent.name: (sum(map(made.wealth, agent.accounts)) - start[agent.name]) / WAD for agent in agents
        }
        returns = {agent.name: earned[agent.name] - agent.effort(made) for agent in agents}
        return Outcome(
            seed=seed,
            returns=returns,
            gains=gains_of(agents, returns, scenario.economy),
            honest=[agent.name for agent in honest],
            market=market,
            delivered=delivered,
            right=right,
        )


def play_all(scenario: Scenario, seeds: Iterable[int], *, processes: int = 1) -> Iterator[Outcome]:
    """Play a scenario once for each seed, in so many processes; outcomes come in the order of the seeds."""
    return play_each([(scenario, seed) for seed in seeds], processes=processes)


def play_each(worlds: Sequence[tuple[Scenario, int]], *, processes: int = 1) -> Iterator[Outcome]:
    """Play worlds by scenario and seed, in so many processes; outcomes come in the order of the worlds.

    Raises InputError for unknown habits before anything is played.
    """
    for scenario in {id(scenario): scenario for scenario, _ in worlds}.values():
        _people(scenario)
    if processes <= 1:
        return (play(scenario, seed) for scenario, seed in worlds)
    return _in_processes(worlds, processes)


def _in_processes(worlds: Sequence[tuple[Scenario, int]], processes: int) -> Iterator[Outcome]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Forked children would share locks of libraries with threads of their own.
    with ProcessPoolExecutor(processes, get_context("spawn"), initializer=hush) as pool:
        yield from pool.map(_play_one, worlds)


def hush() -> None:
    """Let nodes in this process keep to themselves what they put off: in a world under attack that is all day's work."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _play_one(given: tuple[Scenario, int]) -> Outcome:
    return play(*given)


def summarise(outcomes: Sequence[Outcome]) -> Summary:
    """Return means and intervals over worlds of one scenario. Raises InputError where there are none."""
    if not outcomes:
        raise InputError("seeds", 0, "play one world at least")
    markets = [one.market for one in outcomes]
    offered = sum(one.honest_offered for one in markets)

    def over(read: Callable[[Market], float]) -> Interval:
        return interval([read(market) for market in markets])

    return Summary(
        attackers=_by_habit(outcomes, "returns", is_honest=False),
        gains=_by_habit(outcomes, "gains", is_honest=False),
        honest=_by_habit(outcomes, "returns", is_honest=True),
        precision=over(lambda market: market.precision),
        recall=over(lambda market: market.recall),
        fees=over(lambda market: market.fees),
        at_stake=over(lambda market: market.at_stake),
        lost=over(lambda market: market.lost),
        gas=over(lambda market: market.gas),
        seconds=over(lambda market: market.seconds),
        slashed=sum(one.wrongly for one in markets) / offered if offered else 0.0,
        jailed=sum(one.jailed for one in markets),
        by_reversal=sum(one.by_reversal for one in markets),
        seats=sum(one.validators for one in markets),
        seeds=len(outcomes),
    )


def _by_habit(outcomes: Sequence[Outcome], what: str, *, is_honest: bool) -> dict[str, Interval]:
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


def _people(scenario: Scenario) -> list[Agent]:
    """Return everybody: honest sellers, who has the habits, and honest validators in the places that are left."""
    sellers = [find("honest-seller")(number + 1) for number in range(scenario.honest_sellers)]
    attackers = [find(name)(number + 1) for number, name in enumerate(scenario.habits)]
    for agent in chain.from_iterable(attackers):
        agent.strength = scenario.strength
    left = scenario.economy.validators - sum(agent.brings for made in attackers for agent in made)
    if left < 0:
        raise InputError("validators", scenario.economy.validators, f"these habits take {-left} more")
    validators = [find("honest-validator")(number + 1) for number in range(left)]
    return [*chain.from_iterable(sellers), *chain.from_iterable(attackers), *chain.from_iterable(validators)]
