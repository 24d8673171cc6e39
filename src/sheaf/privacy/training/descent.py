"""Gradient descent with clipped, noisy steps on random samples of people (Abadi and others 2016, arXiv:1607.00133), by Opacus."""

from __future__ import annotations

import math
import secrets
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sheaf.domain.errors import InputError
from sheaf.privacy.accountant import Loss, Rounds
from sheaf.privacy.extras import need
from sheaf.privacy.training.models import Model, Weights, build, read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_STEPS = 100_000
CHUNK = 2_048
"""Examples whose gradients are held at once."""


@dataclass(frozen=True)
class Recipe:
    """How to train: `steps` steps, each on a sample in which every person is with chance `rate`; gradients are clipped to length `clip`.

    The weights that are given out are the mean over the last half of the steps: what noise moved to and fro cancels.
    """

    steps: int = 200
    rate: float = 0.25
    learning_rate: float = 0.3
    momentum: float = 0.9
    clip: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MOST_STEPS:
            raise InputError("steps", self.steps, f"give 1 to {MOST_STEPS}")
        if not 0 < self.rate <= 1:
            raise InputError("rate", self.rate, "give a number above 0, at most 1")
        if not 0 <= self.momentum < 1:
            raise InputError("momentum", self.momentum, "give a number from 0, below 1")
        for name, value in (("learning_rate", self.learning_rate), ("clip", self.clip)):
            if not (math.isfinite(value) and 0 < value <= 1000):
                raise InputError(name, value, "give a number above 0, at most 1000")

    def loss(self, noise: float) -> Loss:
        """Return what training by this recipe costs with `noise`, the deviation over `clip`."""
        return Loss(rounds=(Rounds(self.rate, noise, self.steps),))


def noise_for(recipe: Recipe, epsilon: float, delta: float, order: float) -> float:
    """Return the least noise with which the recipe alone is (ε, δ), counted at the Rényi order of the budget that pays for it."""
    from sheaf.privacy.accountant import to_epsilon

    def is_enough(noise: float) -> bool:
        return to_epsilon(recipe.loss(noise).at(order), order, delta) <= epsilon

    low, high = 0.05, 0.1
    while not is_enough(high):
        low, high = high, 2 * high
        if high > 1e6:
            raise InputError(
                "epsilon", epsilon, "give more: no noise is enough at this order, or fewer steps"
            )
    while high / low > 1 + 1e-4:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def train(
    model: Model,
    recipe: Recipe,
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    noise: float,
    seed: int = 0,
) -> Weights:
    """Train on `features`, shape (n, …), and `labels`, shape (n,), one example a person; costs `recipe.loss(noise)`.

    `seed` decides the first weights and nothing else: samples and noise come from the machine's randomness. How many
    people there are is taken as known. Raises InputError for examples that are not of the model.
    """
    torch, optimizers, modules = need("torch"), need("opacus.optimizers"), need("opacus.grad_sample")
    x, y = _examples(model, features, labels)
    if not (math.isfinite(noise) and noise > 0):
        raise InputError("noise", noise, "give a number above 0: training without noise is `train_openly`")
    randomness = torch.Generator().manual_seed(secrets.randbits(63))
    module = modules.GradSampleModule(build(model, seed))
    plain = torch.optim.SGD(module.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    optimizer = optimizers.DPOptimizer(
        plain,
        noise_multiplier=noise,
        max_grad_norm=recipe.clip,
        expected_batch_size=max(1, round(recipe.rate * len(x))),
        generator=randomness,
        # Sums four draws for each number, so that gaps between floating-point numbers tell nothing (Holohan and Braghin 2021).
        secure_mode=True,
    )
    total = _Mean(recipe.steps)
    for step in range(recipe.steps):
        chosen = torch.nonzero(torch.rand(len(x), generator=randomness) < recipe.rate).flatten()
        parts = torch.split(chosen, CHUNK) if len(chosen) else (chosen,)
        for number, part in enumerate(parts):
            optimizer.signal_skip_step(do_skip=number < len(parts) - 1)
            _backward(torch, module, x[part], y[part])
            optimizer.step()
            optimizer.zero_grad()
        total.add(step, module._module)
    return total.weights()


def train_openly(
    model: Model, recipe: Recipe, features: NDArray[np.float32], labels: NDArray[np.int64], seed: int = 0
) -> Weights:
    """Train by the same recipe with neither clipping nor noise: for who may see the records anyway, and to compare with."""
    torch = need("torch")
    x, y = _examples(model, features, labels)
    randomness = torch.Generator().manual_seed(seed)
    module = build(model, seed)
    optimizer = torch.optim.SGD(module.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    total = _Mean(recipe.steps)
    for step in range(recipe.steps):
        chosen = torch.nonzero(torch.rand(len(x), generator=randomness) < recipe.rate).flatten()
        optimizer.zero_grad()
        _backward(torch, module, x[chosen], y[chosen])
        optimizer.step()
        total.add(step, module)
    return total.weights()


def _backward(torch: Any, module: Any, x: Any, y: Any) -> None:
    """Take the gradient of the mean loss, which is 0 where chance put nobody in the sample."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Full backward hook"
        )  # examples themselves need no gradient
        torch.nn.functional.cross_entropy(module(x), y, reduction="sum").div(max(1, len(x))).backward()


class _Mean:
    """The mean of the weights over the last half of the steps."""

    def __init__(self, steps: int) -> None:
        self._first = steps // 2
        self._count = 0
        self._sums: Weights = {}

    def add(self, step: int, module: Any) -> None:
        if step < self._first:
            return
        self._count += 1
        for name, value in read(module).items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value

    def weights(self) -> Weights:
        return {name: (value / self._count).astype("float32") for name, value in self._sums.items()}


def _examples(model: Model, features: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[Any, Any]:
    import numpy as np

    torch = need("torch")
    if len(features) == 0 or len(features) != len(labels):
        raise InputError(
            "examples",
            f"{len(features)} and {len(labels)} labels",
            "give as many labels as examples, at least one",
        )
    if features[0].size != math.prod(model.inputs):
        raise InputError("features", features.shape, f"give {model.inputs} numbers an example")
    if not np.isfinite(features).all():
        raise InputError("features", "NaN or infinity", "give finite numbers")
    if labels.min() < 0 or labels.max() >= model.classes:
        raise InputError(
            "labels", f"{labels.min()} to {labels.max()}", f"number classes from 0 to {model.classes - 1}"
        )
    x = torch.from_numpy(np.array(features, np.float32)).reshape(-1, *model.inputs)
    return x, torch.from_numpy(np.array(labels, np.int64))
