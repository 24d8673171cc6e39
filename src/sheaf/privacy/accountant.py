"""Privacy loss, and how losses add up: Rényi divergence at one order that a budget fixes once.

A mechanism has (α, R)-Rényi privacy if the Rényi divergence of order α between its outputs with and without any one person is
at most R nats (Mironov 2017, doi:10.1109/CSF.2017.11). At one fixed order losses simply add, also where each question depends on
earlier answers (the Rényi filter of Feldman and Zrnic 2021, arXiv:2008.11193): so one sum of whole numbers is a budget.
Why not zCDP, nor numerical composition: docs/decisions/0007-privacy-losses-add-at-one-order.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

from sheaf.domain.errors import InputError

NANONATS = 10**9
"""Units of a ledger in one nat of Rényi divergence."""

ORDERS = (
    *(1 + step / 20 for step in range(1, 200)),
    *map(float, range(11, 65)),
    *(float(round(64 * 1.1**step)) for step in range(1, 90)),
)
"""The orders that budgets and conversions choose among, from 1.05 to 340,000."""

SMALL = 1e-3
MOST_EPSILON = 100.0
MOST_SAMPLED_ORDER = 512


@dataclass(frozen=True, order=True)
class Rounds:
    """Steps of a Gaussian mechanism on random samples: each person is in a step with chance `rate`, `noise` is its deviation over
    the sensitivity, taken `steps` times (Mironov, Talwar and Zhang 2019, arXiv:1908.10530)."""

    rate: float
    noise: float
    steps: int


@dataclass(frozen=True)
class Loss:
    """What one release may tell about any one person, at every order.

    `rho` is the part of zero-concentrated mechanisms (Gaussian noise, noisy maxima; Bun and Steinke 2016), which is `order·rho`;
    `epsilons` are pure losses; `rounds` are sampled Gaussian steps. Losses add: `a + b` is the loss of releasing both.
    """

    rho: float = 0.0
    epsilons: tuple[float, ...] = ()
    rounds: tuple[Rounds, ...] = ()

    def __post_init__(self) -> None:
        for value in (self.rho, *self.epsilons):
            if not (math.isfinite(value) and value >= 0):
                raise InputError("loss", value, "give a finite number from 0")
        for part in self.rounds:
            if not (0 < part.rate <= 1 and math.isfinite(part.noise) and part.noise > 0 and part.steps >= 1):
                raise InputError("loss", part, "give a rate in (0, 1], noise above 0 and at least one step")

    def __add__(self, other: Loss) -> Loss:
        return Loss(self.rho + other.rho, self.epsilons + other.epsilons, self.rounds + other.rounds)

    def at(self, order: float) -> float:
        """Return the bound on the Rényi divergence of `order`, in nats."""
        pure = sum(_pure(epsilon, order) for epsilon in self.epsilons)
        return self.rho * order + pure + sum(_sampled(part, order) for part in self.rounds)

    def nanonats(self, order: float) -> int:
        """Return `at(order)` in units of a ledger, rounded up, and up again by what floating point may have lost."""
        return math.ceil(self.at(order) * NANONATS * (1 + 2.0**-40))

    def epsilon(self, delta: float) -> float:
        """Return the smallest ε for which this alone is (ε, `delta`)-differentially private, as far as the bounds show."""
        if self.rho == 0 and not self.rounds:
            pure = sum(self.epsilons)
            return min([pure, *(to_epsilon(self.at(order), order, delta) for order in ORDERS)])
        return min(to_epsilon(self.at(order), order, delta) for order in ORDERS)


@dataclass(frozen=True)
class Budget:
    """What may be lost in all: (ε, δ). `order` is where it is counted, `nanonats` how much there is.

    The order is the one at which most Gaussian noise fits in. Raises InputError for numbers that promise nothing.
    """

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not _is_number(self.epsilon) or not 0 < self.epsilon <= MOST_EPSILON:
            raise InputError("epsilon", self.epsilon, f"give a number above 0, at most {MOST_EPSILON:g}")
        check_delta(self.delta)
        if self.nanonats < 1:
            raise InputError("epsilon", self.epsilon, "give more: no answer fits in it at this delta")

    @cached_property
    def order(self) -> float:
        """The Rényi order of this budget."""
        return max(ORDERS, key=lambda order: _room(self.epsilon, self.delta, order) / order)

    @cached_property
    def nanonats(self) -> int:
        """The budget in units of a ledger, rounded down."""
        room = _room(self.epsilon, self.delta, self.order)
        return math.floor(room * NANONATS * (1 - 2.0**-40)) if room > 0 else 0

    def spent_epsilon(self, nanonats: int) -> float:
        """Return the ε, at this budget's δ, that a sum of `nanonats` stands for; 0 where nothing was spent."""
        return to_epsilon(nanonats / NANONATS, self.order, self.delta) if nanonats else 0.0


def gaussian_rho(epsilon: float, delta: float) -> float:
    """Return the largest ρ at which ρ-zCDP still is (ε, δ)-differentially private, from the orders above."""
    budget = Budget(epsilon, delta)
    return _room(epsilon, delta, budget.order) / budget.order * (1 - 2.0**-40)


def to_epsilon(nats: float, order: float, delta: float) -> float:
    """Return the ε of Rényi divergence `nats` at `order` (Canonne, Kamath and Steinke 2020, arXiv:2004.00010, proposition 12)."""
    return max(0.0, nats + math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / (order - 1))


def check_delta(delta: float) -> None:
    """Raise InputError unless `delta` is a chance that may be risked."""
    if not _is_number(delta) or not 1e-15 <= delta <= 1e-3:
        raise InputError(
            "delta", delta, "give a number from 1e-15 to 1e-3, below 1 over the number of people"
        )


def _room(epsilon: float, delta: float, order: float) -> float:
    """Return the nats at `order` that are (ε, δ): `to_epsilon` turned round."""
    return epsilon - math.log1p(-1 / order) + (math.log(delta) + math.log(order)) / (order - 1)


def _pure(epsilon: float, order: float) -> float:
    """Return the divergence of randomised response, the worst of all ε-private mechanisms (Bun and Steinke 2016, lemma 3.2)."""
    if epsilon * order < SMALL:  # here the exact formula would lose its digits
        return epsilon * epsilon * order / 2
    yes, no = -math.log1p(math.exp(-epsilon)), -epsilon - math.log1p(math.exp(-epsilon))
    terms = (order * yes + (1 - order) * no, order * no + (1 - order) * yes)
    top = max(terms)
    exact = (top + math.log(sum(math.exp(term - top) for term in terms))) / (order - 1)
    return min(epsilon, epsilon * epsilon * order / 2, max(exact, 0.0))


@lru_cache(maxsize=4096)
def _sampled(part: Rounds, order: float) -> float:
    """Return opacus' bound, and never more than for steps with everyone in them, which a sample cannot exceed.

    Far orders are never the best for sampled steps, and there the sums behind opacus' bound lose their digits: the plain bound stands.
    """
    whole = part.steps * order / (2 * part.noise * part.noise)
    if part.rate == 1 or order > MOST_SAMPLED_ORDER:
        return whole
    from sheaf.privacy.extras import need

    analysis = need("opacus.accountants.analysis.rdp")
    found = float(
        analysis.compute_rdp(q=part.rate, noise_multiplier=part.noise, steps=part.steps, orders=order)
    )
    return min(found, whole) if math.isfinite(found) and found > 0 else whole


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
