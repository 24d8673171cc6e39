"""What worlds come to: returns, what was bought, what was at stake; and what chance does to the honest, computed exactly."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sheaf.domain.amounts import WAD
from sheaf.review.juries import is_beyond_chance
from sheaf.review.reversals import ALONE, JOINT
from sheaf.verification.gold import HIT, JAIL, MISS, RESET

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sheaf.domain.ids import RequestId
    from sheaf.simulation.agents import Agent
    from sheaf.simulation.world import Economy, World


class Interval(msgspec.Struct, frozen=True):
    """A mean with its 95 % interval (Student's t) over `count` values."""

    mean: float
    low: float
    high: float
    count: int


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to the buyer's request, and at what cost.

    `bought` records were approved; `good` of these are right and no copies, of `offered` that are. `wrongly` counts records of honest
    sellers that were good and were rejected, of `honest_offered`. Money is in whole tokens: `fees` were paid to validators and
    protocol, `at_stake` was locked for the average submission, `lost` was taken from the honest `validators`, of
    whom so many were `jailed`, and from so many a jury's ruling took anything (`by_reversal`).
    """

    bought: int
    good: int
    offered: int
    wrongly: int
    honest_offered: int
    fees: float
    at_stake: float
    lost: float
    jailed: int
    by_reversal: int
    validators: int
    gas: int
    seconds: float

    @property
    def precision(self) -> float:
        """The share of good records among those bought; 1 where none was."""
        return self.good / self.bought if self.bought else 1.0

    @property
    def recall(self) -> float:
        """The share of good records offered that were bought; 1 where none was offered."""
        return self.good / self.offered if self.offered else 1.0


def interval(values: Sequence[float]) -> Interval:
    """Return mean and 95 % interval; an interval of one value has no width."""
    count = len(values)
    mean = float(np.mean(values)) if count else 0.0
    if count < 2:
        return Interval(mean, mean, mean, count)
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    half = float(stdtrit(count - 1, 0.975)) * float(np.std(values, ddof=1)) / count**0.5
    return Interval(mean, mean - half, mean + half, count)


def market_of(world: World, request: RequestId, honest: Sequence[Agent]) -> Market:
    """Return what became of a request, whose sellers and validators `honest` agents are."""
    sellers = {agent.name for agent in honest}
    validators = {account.account for agent in honest if agent.judges for account in agent.accounts}
    chain, docket = world.market.chain, world.market.docket
    cases = [case for case in docket.cases.values() if case.request == request]
    counts = np.zeros(5, dtype=np.int64)
    for case in cases:
        own = world.own(case.submission)
        approved, rejected = (bits[own] for bits in _verdict(world, case.submission))
        sold = world.sold.get(case.submission)
        good = sold.is_good if sold is not None else np.zeros(len(own), dtype=np.bool_)
        honestly = good & (sold is not None and sold.seller in sellers)
        counts += [
            approved.sum(), (approved & good).sum(), good.sum(), (rejected & honestly).sum(), honestly.sum()
        ]  # fmt: skip
    settled = chain.events("Requests", "SubmissionSettled", world.began_at)
    jailed = {
        docket.validators[event.args["id"]] for event in chain.events("Stakes", "Jailed", world.began_at)
    }
    reversed_ids = {
        event.args["id"]
        for contract, name in (("Reversals", "MemberSlashed"), ("Disputes", "JurorSlashed"))
        for event in chain.events(contract, name, world.began_at)
    }
    locked = [drawn.lock * len(drawn.members) / WAD for case in cases for drawn in case.rounds]
    taken = [
        chain.block_at(case.ended_block).timestamp - chain.block_at(case.block).timestamp for case in cases
    ]
    bought, good_bought, offered, wrongly, honest_offered = map(int, counts)
    return Market(
        bought=bought,
        good=good_bought,
        offered=offered,
        wrongly=wrongly,
        honest_offered=honest_offered,
        fees=sum(one.args["validators_paid"] + one.args["protocol_fee"] for one in settled) / WAD,
        at_stake=sum(locked) / max(1, len(cases)),
        lost=sum(map(world.losses, validators)) / WAD,
        jailed=len(jailed & validators),
        by_reversal=len({docket.validators[number] for number in reversed_ids} & validators),
        validators=len(validators),
        gas=chain.gas_used(world.began_at + 1, chain.block().number),
        seconds=float(np.mean(taken)) if taken else 0.0,
    )


def gains_of(agents: Sequence[Agent], returns: dict[str, float], economy: Economy) -> dict[str, float]:
    """Return how much better each agent fared than by honesty: its return, less the margin of the records it made, less what as many
    honest validators earned in the same world.
    """
    peers = [returns[agent.name] for agent in agents if agent.is_honest and agent.judges]
    review = float(np.mean(peers)) if peers else 0.0
    margin = economy.price - economy.make_cost
    return {
        agent.name: returns[agent.name] - agent.made * margin - len(agent.judges) * review for agent in agents
    }


def false_rejection(skill: float, size: int, quorum: int) -> float:
    """Return the chance that honest validators who are right with probability `skill` reject a right record.

    With fewer than `quorum` equal votes in round 1 a record hangs and `size` + 1 more members join; then the majority of all decides,
    by no fewer than `quorum`, and an even split decides nothing.
    """
    total = 0.0
    for first in range(size + 1):
        chance = _binomial(first, size, 1 - skill)
        if first >= quorum:
            total += chance
        elif size - first < quorum:
            seats = 2 * size + 1
            more = sum(
                _binomial(second, size + 1, 1 - skill)
                for second in range(size + 2)
                if 2 * (first + second) > seats and first + second >= quorum
            )
            total += chance * more
    return total


def false_jail(skill: float) -> float:
    """Return the chance that a validator who is right with probability `skill` is jailed by one run of the sequential test on gold.

    Exact up to 1e-15: all paths of hits and misses (`HIT` and `MISS` millionths, Wald 1945) until one of the borders.
    """
    alive, jailed = {0: 1.0}, 0.0
    while sum(alive.values()) > 1e-15:
        moved: dict[int, float] = {}
        for llr, chance in alive.items():
            for step, probability in ((HIT, skill), (MISS, 1 - skill)):
                to = llr + step
                if to >= JAIL:
                    jailed += chance * probability
                elif to > RESET:
                    moved[to] = moved.get(to, 0.0) + chance * probability
        alive = moved
    return jailed


def false_slash(skill: float, records: int, correlation: float | None = None, seats: int = 5) -> float:
    """Return the chance, at most, that audits of `records` in all ever take from a validator who is right with probability `skill`.

    Exact for each of the two sums of `reversals.weigh` (Markov chains over single records, which bound those over whole audits from
    above), added. Without `correlation` the others err on every record, which is the worst that they can do; with it all `seats` are
    alike and err together as far as records differ in difficulty, by a Beta distribution of that intra-class correlation.
    """
    error = 1 - skill
    joint, against = error, skill
    if correlation is not None and 0 < correlation < 1 and 0 < error < 1:
        chances = [_beta_binomial(count, seats, error, correlation) for count in range(seats + 1)]
        half = (seats - 1) // 2
        joint = sum(chances[count] * count / seats for count in range(half + 1, seats + 1))
        against = sum(chances[count] * (seats - count) / seats for count in range(half, seats))
    alone = _reaches(ALONE, 5, error, 1, skill, records)
    return min(1.0, alone + _reaches(JOINT, 1, joint, 2, against, records))


def false_juror_slash(skill: float, records: int) -> float:
    """Return the chance that a reversed juror who is right with probability `skill` loses of its lock in a case of `records`, exactly."""
    return sum(
        _binomial(errors, records, 1 - skill)
        for errors in range(records + 1)
        if is_beyond_chance(errors, records)
    )


def _reaches(level: int, up: int, rise: float, down: int, fall: float, steps: int) -> float:
    """Return the chance that a sum reaches `level` in so many steps: `up` with chance `rise`, `down` with `fall`, never below 0."""
    chances, reached = np.zeros(level), 0.0
    chances[0] = 1.0
    for _ in range(steps):
        moved = (1 - rise - fall) * chances
        moved[: level - down] += fall * chances[down:]
        moved[0] += fall * chances[:down].sum()
        moved[up:] += rise * chances[: level - up]
        reached += rise * float(chances[level - up :].sum())
        chances = moved
    return reached


def _beta_binomial(count: int, of: int, mean: float, correlation: float) -> float:
    """Return the chance of so many successes of which each has the same, Beta distributed chance."""
    total = 1 / correlation - 1
    first, second = mean * total, (1 - mean) * total
    chance = float(comb(of, count))
    for i in range(of):
        chance *= (first + i if i < count else second + i - count) / (total + i)
    return chance


def _binomial(count: int, of: int, probability: float) -> float:
    return comb(of, count) * probability**count * (1 - probability) ** (of - count)


def _verdict(world: World, submission: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which records of a submission were approved, and which rejected; none where it is void."""
    case = world.market.docket.case(submission)
    rejected, hung, _ = case.verdict_at(case.ended_block or 2**62)
    if rejected is None or hung is None or case.settlement is None:
        nothing = np.zeros(case.records, dtype=np.bool_)
        return nothing, nothing
    return ~rejected & ~hung, rejected
