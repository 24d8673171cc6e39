"""The models that may be declared: nothing of the buyer's runs, only its choice among these, and its numbers within bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sheaf.domain.errors import InputError
from sheaf.privacy.extras import need

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_INPUTS = 1 << 16
MOST_CLASSES = 1_000
MOST_HIDDEN = 1_024

Weights = dict[str, "NDArray[np.float32]"]


@dataclass(frozen=True)
class Model:
    """A model by name: `logistic`, `mlp` with one hidden layer, or `cnn` with two convolutions over images.

    `inputs` is the shape of one example: (features,), or (channels, height, width) for the cnn; `hidden` the width.
    """

    kind: Literal["logistic", "mlp", "cnn"]
    inputs: tuple[int, ...]
    classes: int
    hidden: int = 32

    def __post_init__(self) -> None:
        if self.kind not in ("logistic", "mlp", "cnn"):
            raise InputError("model", self.kind, "declare logistic, mlp or cnn")
        if len(self.inputs) != (3 if self.kind == "cnn" else 1) or min(self.inputs) < 1:
            shape = "channels, height, width" if self.kind == "cnn" else "one number of features"
            raise InputError("inputs", self.inputs, f"give {shape}")
        if math.prod(self.inputs) > MOST_INPUTS:
            raise InputError("inputs", self.inputs, f"give at most {MOST_INPUTS} numbers an example")
        if self.kind == "cnn" and min(self.inputs[1:]) < 4:
            raise InputError("inputs", self.inputs, "give images of at least 4 by 4 for cnn")
        if not 2 <= self.classes <= MOST_CLASSES:
            raise InputError("classes", self.classes, f"give 2 to {MOST_CLASSES}")
        if not 1 <= self.hidden <= MOST_HIDDEN:
            raise InputError("hidden", self.hidden, f"give 1 to {MOST_HIDDEN}")


def build(model: Model, seed: int) -> Any:
    """Return the torch module of `model` with its first weights, which `seed` decides and which tell nothing.

    Bounded activations keep gradients short, so less is clipped (Papernot and others 2021, arXiv:2007.14191); there is no
    normalisation over a batch, which would mix people.
    """
    torch = need("torch")
    nn = torch.nn
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if model.kind == "logistic":
            module = nn.Sequential(nn.Linear(model.inputs[0], model.classes))
        elif model.kind == "mlp":
            module = nn.Sequential(
                nn.Linear(model.inputs[0], model.hidden), nn.Tanh(), nn.Linear(model.hidden, model.classes)
            )
        else:
            channels, height, width = model.inputs
            half = max(1, model.hidden // 2)
            module = nn.Sequential(
                nn.Conv2d(channels, half, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2),
                nn.Conv2d(half, model.hidden, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
                nn.Linear(model.hidden * (height // 4) * (width // 4), model.classes),
            )  # fmt: skip
        last = module[-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    return module


def predict(model: Model, weights: Weights, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the chance of every class for each example, shape (n, classes). Raises InputError for weights of another model."""
    torch = need("torch")
    module = build(model, 0)
    _load(module, weights)
    with torch.no_grad():
        chances = torch.softmax(module(torch.from_numpy(features).reshape(-1, *model.inputs)), dim=1)
    found: NDArray[np.float64] = chances.double().numpy()
    return found


def read(module: Any) -> Weights:
    """Return the weights of a torch module by name."""
    return {name: value.detach().cpu().numpy().copy() for name, value in module.state_dict().items()}


def _load(module: Any, weights: Weights) -> None:
    torch = need("torch")
    wanted = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    if {name: value.shape for name, value in weights.items()} != wanted:
        raise InputError("weights", sorted(weights), f"give the weights of this model: {sorted(wanted)}")
    module.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
