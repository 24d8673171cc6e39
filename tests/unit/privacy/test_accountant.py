from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from sheaf.domain.errors import InputError
from sheaf.privacy.accountant import ORDERS, Budget, Loss, Rounds, gaussian_rho, to_epsilon


def _exact_delta(noise: float, epsilon: float) -> float:
    """The exact δ of a Gaussian mechanism of sensitivity 1 (Balle and Wang 2018, theorem 8)."""
    shift, drift = 1 / (2 * noise), epsilon * noise
    return float(stats.norm.cdf(shift - drift) - math.exp(epsilon) * stats.norm.cdf(-shift - drift))


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0, 8.0])
@pytest.mark.parametrize("delta", [1e-5, 1e-9])
def test_a_budget_never_promises_too_much(epsilon: float, delta: float) -> None:
    """All Gaussian noise that fits in a budget is (ε, δ) by the exact formula, and uses at least 70 % of the ε it could."""
    rho = gaussian_rho(epsilon, delta)
    noise = 1 / math.sqrt(2 * rho)
    assert _exact_delta(noise, epsilon) <= delta
    assert _exact_delta(noise, 0.7 * epsilon) > delta


@pytest.mark.parametrize("order", [1.05, 1.5, 2.0, 17.0, 300.0])
@pytest.mark.parametrize("epsilon", [1e-6, 1e-3, 0.05, 0.5, 2.0, 40.0])
def test_pure_losses_bound_randomised_response(order: float, epsilon: float) -> None:
    """The bound on a pure loss is at least the divergence of randomised response, summed here from its two outcomes, and tight."""
    with np.errstate(all="ignore"):
        yes = np.longdouble(1) / (1 + np.exp(np.longdouble(-epsilon)))
        no = np.longdouble(1) / (1 + np.exp(np.longdouble(epsilon)))
        exact = float(np.log(yes**order * no ** (1 - order) + no**order * yes ** (1 - order)) / (order - 1))
    bound = Loss(epsilons=(epsilon,)).at(order)
    assert bound <= min(epsilon, epsilon**2 * order / 2) * (1 + 1e-12)
    if math.isfinite(exact):
        assert exact * (1 - 1e-6) - 1e-15 <= bound <= exact * (1 + 1e-3) + 1e-12


@given(
    st.lists(st.floats(0, 1), max_size=4),
    st.lists(st.floats(0, 5), max_size=4),
    st.sampled_from([order for order in ORDERS if order < 1000]),
)
def test_losses_add(rhos: list[float], epsilons: list[float], order: float) -> None:
    """The loss of releasing several things is the sum of their losses at every order, and its units never fall short of it."""
    parts = [*(Loss(rho) for rho in rhos), *(Loss(epsilons=(epsilon,)) for epsilon in epsilons)]
    whole = sum(parts, Loss())
    assert whole.at(order) == pytest.approx(math.fsum(part.at(order) for part in parts), abs=1e-12)
    assert sum(part.nanonats(order) for part in parts) >= whole.at(order) * 1e9 * (1 - 1e-12)


def test_a_sample_of_everyone_is_plain_gaussian_noise() -> None:
    """Steps with everyone in them cost what Gaussian noise costs: steps / (2 noise²) at zero-concentration."""
    assert Loss(rounds=(Rounds(1.0, 4.0, 8),)).at(3.0) == pytest.approx(Loss(8 / 32).at(3.0))


def test_sampling_costs_less_and_follows_the_paper() -> None:
    """Sampled steps cost less than whole ones, and no less than q²α/σ², their cost for small rates (Mironov and others 2019)."""
    pytest.importorskip("opacus")
    rate, noise, order = 0.01, 4.0, 8.0
    sampled = Loss(rounds=(Rounds(rate, noise, 1),)).at(order)
    assert sampled < Loss(rounds=(Rounds(1.0, noise, 1),)).at(order) / 100
    leading = math.log(1 + math.comb(8, 2) * rate**2 * (math.exp(1 / noise**2) - 1)) / (order - 1)
    assert sampled == pytest.approx(leading, rel=0.05)


@pytest.mark.parametrize(("rate", "noise"), [(0.25, 5.42), (0.01, 1.1)])
def test_sampled_losses_are_their_integral(rate: float, noise: float) -> None:
    """At an order that is no whole number the loss of a sampled step is that of the integral it stands for."""
    pytest.importorskip("opacus")
    order = 7.5

    def weighed(x: float) -> float:
        ratio = 1 - rate + rate * math.exp((2 * x - 1) / (2 * noise**2))
        return float(stats.norm.pdf(x, 0, noise) * ratio**order)

    exact = math.log(integrate.quad(weighed, -40 * noise, 40 * noise, limit=500, points=[0, order])[0]) / (
        order - 1
    )
    assert Loss(rounds=(Rounds(rate, noise, 1),)).at(order) == pytest.approx(exact, rel=1e-4)


def test_no_order_makes_sampled_losses_vanish() -> None:
    """A loss of sampled steps is above zero and grows with the order, however far that lies."""
    pytest.importorskip("opacus")
    loss = Loss(rounds=(Rounds(0.5, 4.5, 3),))
    far = [loss.at(order) for order in ORDERS if order > 400]
    assert min(far) > 0 and far == sorted(far) and 0.8 < loss.epsilon(1e-6) < 3


def test_spent_epsilon_is_the_budget_when_all_is_spent() -> None:
    """A budget that is spent to the last unit stands for its own ε, and half of it for less."""
    budget = Budget(2.0, 1e-6)
    assert budget.spent_epsilon(budget.nanonats) == pytest.approx(2.0, abs=1e-6)
    assert budget.spent_epsilon(budget.nanonats) <= 2.0
    assert budget.spent_epsilon(budget.nanonats // 2) < 1.5
    assert budget.spent_epsilon(0) == 0


def test_epsilon_of_a_pure_loss_is_no_more_than_its_sum() -> None:
    """Few pure losses are worth their sum, many are worth less at a δ."""
    assert Loss(epsilons=(0.5,)).epsilon(1e-9) == 0.5
    assert Loss(epsilons=(0.01,) * 1000).epsilon(1e-6) < 3
    assert Loss().epsilon(1e-6) == 0


def test_conversion_at_the_orders_is_what_epsilon_says() -> None:
    """The ε of a loss is the best over the orders, by the published conversion."""
    assert Loss(0.1).epsilon(1e-6) == min(to_epsilon(0.1 * order, order, 1e-6) for order in ORDERS)


@pytest.mark.parametrize(
    ("epsilon", "delta"),
    [(0, 1e-6), (-1, 1e-6), (math.nan, 1e-6), (math.inf, 1e-6), (101, 1e-6), (True, 1e-6), ("1", 1e-6), (1, 0), (1, 0.1),
     (1, math.nan), (1, -1e-6), (1e-13, 1e-6)],
)  # fmt: skip
def test_budgets_without_meaning_are_refused(epsilon: float, delta: float) -> None:
    """A budget is two numbers that promise something: anything else is refused by the name of what is wrong."""
    with pytest.raises(InputError, match=r"epsilon|delta"):
        Budget(epsilon, delta)


@pytest.mark.parametrize(
    "make",
    [lambda: Loss(-1.0), lambda: Loss(math.nan), lambda: Loss(epsilons=(math.inf,)), lambda: Loss(rounds=(Rounds(0, 1, 1),)),
     lambda: Loss(rounds=(Rounds(0.5, 0, 1),)), lambda: Loss(rounds=(Rounds(0.5, 1, 0),)), lambda: Loss(rounds=(Rounds(2, 1, 1),))],
)  # fmt: skip
def test_losses_without_meaning_are_refused(make: object) -> None:
    """A loss below zero, or of no mechanism, is refused: it would give budget back."""
    with pytest.raises(InputError, match="loss"):
        make()  # type: ignore[operator]
