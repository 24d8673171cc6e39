"""Every game's known values, by enumeration, by every sampler, and against the literature's tables."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from sheaf.domain.errors import InputError
from sheaf.valuation import games
from sheaf.valuation.leave_one_out import largest, leave_one_out
from sheaf.valuation.samplers import antithetic, permutations, stratified, subsets
from sheaf.valuation.semivalues import banzhaf, beta, exact, sampled, shapley
from sheaf.valuation.stopping import Stopping
from sheaf.valuation.utility import Cached, Mean, Pooled, Program

GAMES = {
    "additive, with a dummy": games.additive([1.0, -2.0, 0.0, 3.5]),
    "airport": games.airport([1.0, 2.0, 2.0, 5.0, 9.0]),
    "saving": games.saving([1.0, 2.0, 4.0]),
    "glove": games.glove(2),
    "gloves": games.glove(4),
    "majority, odd": games.majority(5),
    "majority, even": games.majority(6),
    "apex": games.apex(5),
    "unanimity, with dummies": games.unanimity(6, [1, 4, 5]),
    "symmetric": games.symmetric([0.5, 0.0, 1.0, 3.0, 3.5]),
    "one player": games.additive([2.0]),
    "replica": games.replicas([1.0, 2.0, 0.5], of=1),
}
game = pytest.mark.parametrize("game", GAMES.values(), ids=GAMES.keys())


@game
def test_enumeration_gives_the_known_values(game: games.Game) -> None:
    """Shapley and Banzhaf by enumeration are what the formulas of the game say."""
    assert exact(game).values == pytest.approx(game.shapley, abs=1e-12)
    assert exact(game, banzhaf).values == pytest.approx(game.banzhaf, abs=1e-12)


@game
def test_shapley_is_the_mean_over_all_orders(game: games.Game) -> None:
    """Enumeration by coalitions and by orders, written anew here, are the same."""
    orders = list(itertools.permutations(range(game.players)))
    total = np.zeros(game.players)
    for order in orders:
        members = np.zeros((game.players + 1, game.players), dtype=np.bool_)
        for step, player in enumerate(order):
            members[step + 1 :, player] = True
        total[list(order)] += np.diff(game(members))
    assert exact(game).values == pytest.approx(total / len(orders), abs=1e-12)


@game
@pytest.mark.parametrize("sampler", [permutations, antithetic, stratified, subsets])
@pytest.mark.parametrize("coefficient", [shapley, banzhaf, beta(2.0, 1.0)])
def test_every_sampler_estimates_every_semivalue(game: games.Game, sampler, coefficient) -> None:
    """Each estimate lies within five of its own standard errors of the enumerated value."""
    found = sampled(game, sampler, coefficient, Stopping(rounds=100), seed=1)
    assert (np.abs(found.values - exact(game, coefficient).values) <= 5 * found.errors + 1e-9).all()
    assert found.evaluations <= 2**game.players and found.rounds == 100


@game
def test_shapley_shares_out_everything(game: games.Game) -> None:
    """Shapley values sum to what all are worth less what nobody is worth, enumerated and drawn alike."""
    ends = game(np.array([[False] * game.players, [True] * game.players]))
    assert exact(game).values.sum() == pytest.approx(ends[1] - ends[0])
    for sampler in (permutations, antithetic, stratified):
        assert sampled(game, sampler, stopping=Stopping(rounds=3)).values.sum() == pytest.approx(
            ends[1] - ends[0]
        )


def voting(quota: int, weights: list[int]) -> Program:
    return Program(len(weights), lambda who: float(sum(weights[i] for i in who) >= quota))


@pytest.mark.parametrize(
    ("quota", "weights", "power", "swing"),
    [
        (51, [50, 49, 1], [2 / 3, 1 / 6, 1 / 6], [3 / 4, 1 / 4, 1 / 4]),
        (
            12,
            [4, 4, 4, 2, 2, 1],
            [14 / 60, 14 / 60, 14 / 60, 9 / 60, 9 / 60, 0],
            [5 / 16] * 3 + [3 / 16] * 2 + [0],
        ),
        (6, [4, 3, 2, 1], [5 / 12, 3 / 12, 3 / 12, 1 / 12], [5 / 8, 3 / 8, 3 / 8, 1 / 8]),
    ],
)
def test_voting_powers_of_the_textbooks(
    quota: int, weights: list[int], power: list[float], swing: list[float]
) -> None:
    """Weighted votes: three shareholders; the Council of the EEC of 1958, Luxembourg being a dummy; and [6; 4, 3, 2, 1]."""
    assert exact(voting(quota, weights)).values == pytest.approx(power)
    assert exact(voting(quota, weights), banzhaf).values == pytest.approx(swing)


def test_security_council() -> None:
    """Five with a veto and ten without, nine votes needed: .19627 and .00186 (Shapley and Shubik 1954, since 1965)."""
    inner = games.Game(
        15, lambda s: (s[:, :5].all(axis=1) & (s.sum(axis=1) >= 9)).astype(float), np.zeros(15), np.zeros(15)
    )
    values = exact(inner).values
    assert values[:5] == pytest.approx([0.196270] * 5, abs=1e-6)
    assert values[5:] == pytest.approx([0.001865] * 10, abs=1e-6)


def test_beta_is_shapley_at_one_and_leave_one_out_at_its_end() -> None:
    """Beta(1, 1) weighs all sizes alike; a large second parameter leaves the largest coalition; a large first one the smallest."""
    assert beta(1.0, 1.0)(7) == pytest.approx(shapley(7))
    assert beta(1.0, 1e9)(7) == pytest.approx(largest(7), abs=1e-6)
    assert beta(1e9, 1.0)(7)[0] == pytest.approx(1.0, abs=1e-6)
    for coefficient in (beta(16.0, 1.0), beta(1.0, 4.0), beta(0.5, 0.5), banzhaf, shapley, largest):
        assert math.fsum(coefficient(9)) == pytest.approx(1.0)


def test_leave_one_out_is_the_last_step() -> None:
    """n + 1 evaluations give what the coefficient of the largest coalition gives; of two replicas neither is missed."""
    game = games.replicas([1.0, 2.0, 0.5], of=1)
    found = leave_one_out(game)
    assert found.values == pytest.approx(exact(game, largest).values)
    assert found.values == pytest.approx([1.0, 0.0, 0.5, 0.0])
    assert found.evaluations == 5


def test_stopping_is_honest_about_its_intervals() -> None:
    """Over forty runs the joint intervals at 95 % hold the truth in all but three at most, and narrower ones cost more rounds."""
    game = GAMES["airport"]
    rule = Stopping(tolerance=0.5)
    runs = [sampled(game, permutations, stopping=rule, seed=seed) for seed in range(40)]
    assert all(run.is_settled and (rule.width(run.errors) <= 0.5).all() for run in runs)
    missed = [(np.abs(run.values - game.shapley) > rule.width(run.errors)).any() for run in runs]
    assert sum(missed) <= 3
    finer = sampled(game, permutations, stopping=Stopping(tolerance=0.2), seed=0)
    assert finer.rounds > runs[0].rounds
    assert not sampled(game, permutations, stopping=Stopping(tolerance=1e-9, rounds=40)).is_settled


def test_antithetic_and_stratified_rounds_are_quieter() -> None:
    """For the same number of chains both have less error than plain orders, over twenty seeds."""

    def error(sampler, rounds: int) -> float:
        runs = [
            sampled(GAMES["airport"], sampler, stopping=Stopping(rounds=rounds), seed=s).values
            for s in range(20)
        ]
        return float(np.sqrt(((np.array(runs) - GAMES["airport"].shapley) ** 2).mean()))

    plain = error(permutations, 80)
    assert error(antithetic, 40) < plain and error(stratified, 16) < plain


def test_the_same_seed_draws_the_same() -> None:
    """A seed fixes every bit; another seed draws something else."""
    one, same, other = (
        sampled(GAMES["airport"], antithetic, stopping=Stopping(rounds=9), seed=s) for s in (3, 3, 4)
    )
    assert one.values.tobytes() == same.values.tobytes() != other.values.tobytes()


def test_budget_ends_a_run() -> None:
    """A run ends once its evaluations are spent, but not before a standard error is known."""
    found = sampled(games.majority(15), permutations, stopping=Stopping(evaluations=1))
    assert found.rounds == 2 and np.isfinite(found.errors).all() and not found.is_settled


def test_utilities_compose() -> None:
    """A cache asks once; pooling turns a game of records into one of owners; the mean of games has the mean of values."""
    asked: list[int] = []

    def count(who: np.ndarray) -> float:
        asked.append(len(who))
        return float(len(who) ** 2)

    cached = Cached(Program(4, count))
    exact(cached), exact(cached)
    assert len(asked) == cached.evaluations == 16
    pooled = Pooled(cached, [0, 0, 1, 0])
    assert pooled(np.array([[True, False], [False, False], [True, True]])).tolist() == [9.0, 0.0, 16.0]
    assert exact(pooled).values == pytest.approx([12.0, 4.0])
    a, b = games.airport([1.0, 4.0]), games.additive([2.0, 0.0])
    assert exact(Mean(a, b)).values == pytest.approx((a.shapley + b.shapley) / 2)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Program(0, float), "players: 0"),
        (lambda: Program(True, float), "players: True"),
        (lambda: Program(2.0, float), "players: 2.0"),  # type: ignore[arg-type]
        (lambda: exact(Program(2, lambda who: math.nan)), "utility: nan"),
        (lambda: exact(games.additive([1.0] * 17)), "players: 17: enumerate at most 16"),
        (lambda: beta(0.0, 1.0), "beta: "),
        (lambda: beta(math.nan, 1.0), "beta: "),
        (lambda: Stopping(tolerance=-1.0), "tolerance: -1.0"),
        (lambda: Stopping(tolerance=math.nan), "tolerance: nan"),
        (lambda: Stopping(confidence=1.0), "confidence: 1.0"),
        (lambda: Stopping(rounds=1), "budget: "),
        (lambda: Pooled(games.majority(3), [0, 2, 2]), "owner: 0 to 2: number owners"),
        (lambda: Pooled(games.majority(3), [0, 1]), "owner: shape"),
        (lambda: Pooled(games.majority(3), [0.0, 1.0, 2.0]), "owner: shape"),  # type: ignore[list-item]
        (lambda: Pooled(games.majority(3), [-1, 0, 1]), "owner: -1 to 1"),
        (lambda: Mean(), "utilities: "),
        (lambda: Mean(games.majority(3), games.majority(4)), "utilities: "),
    ],
)
def test_what_makes_no_game_is_refused(act, message: str) -> None:
    """Numbers of players, owners, coefficients and budgets that make no sense are refused in one line."""
    with pytest.raises(InputError, match=message) as refusal:
        act()
    assert "\n" not in str(refusal.value)
