"""Flower's strategies (flwr) over groups: each secretly summed group is one node of a grid, and its mean is that node's reply.

flwr is a library here: none of its servers, processes or connections are started, and its reports to its makers are off. Its
strategies see the means of groups, never an owner's update.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from flwr.app import Message

Array = NDArray[np.float64]
STRATEGIES = (
    "FedAvg", "FedAvgM", "FedAdagrad", "FedAdam", "FedYogi", "FedMedian", "FedTrimmedAvg", "Krum", "MultiKrum",
)  # fmt: skip


class Flower:
    """One of Flower's strategies, called round by round."""

    def __init__(self, name: str) -> None:
        """Raises InputError for an unknown strategy, and where flwr is not installed."""
        if name not in STRATEGIES:
            raise InputError("strategy", name, f"choose one of {', '.join(STRATEGIES)}")
        try:
            silence()
            strategies = importlib.import_module("flwr.serverapp.strategy")
            self._grid_class = _grid_class()
        except ImportError:
            raise InputError(
                "strategy", f"flower:{name}", 'flwr is not installed: pip install "sheaf[federated]"'
            ) from None
        options = {
            "fraction_evaluate": 0.0,
            "min_train_nodes": 1,
            "min_evaluate_nodes": 0,
            "min_available_nodes": 1,
        }
        self._strategy = getattr(strategies, name)(**options)

    def join(self, round_number: int, model: Array, means: Array, sizes: Sequence[int]) -> Array:
        """Return the next model, shape (d,), from the groups' mean changes, shape (groups, d), and how many clients each has."""
        from flwr.app import ArrayRecord, ConfigRecord

        grid = self._grid_class([model + mean for mean in means], sizes)
        arrays = ArrayRecord([model])
        if hasattr(self._strategy, "current_arrays"):
            self._strategy.current_arrays = arrays
        messages = self._strategy.configure_train(round_number, arrays, ConfigRecord(), grid)
        joined, _ = self._strategy.aggregate_train(round_number, grid.send_and_receive(messages))
        if joined is None:
            raise InputError(
                "strategy",
                type(self._strategy).__name__,
                f"it makes nothing of {len(means)} groups: have more",
            )
        return np.asarray(joined.to_numpy_ndarrays()[0], np.float64)


def silence() -> None:
    """Switch flwr's reports to its makers off, whatever the environment says, and its log to warnings. Raises ImportError."""
    import logging

    telemetry = importlib.import_module("flwr.supercore.telemetry")
    telemetry.FLWR_TELEMETRY_ENABLED = "0"  # type: ignore[attr-defined]
    logging.getLogger("flwr").setLevel(logging.ERROR)
    task = importlib.import_module("flwr.supercore.task_identity").TaskIdentity
    task.task_id, task.run_id, task.node_id = 1, 1, 1  # its messages ask who sends them


def _answer(message: Message, model: Array, size: int) -> Message:
    """Return the reply of a group of `size` clients whose mean is `model`."""
    from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict

    parts: dict[str, Any] = {
        "arrays": ArrayRecord([model]),
        "metrics": MetricRecord({"num-examples": int(size)}),
    }
    return Message(content=RecordDict(parts), reply_to=message)


def _grid_class() -> Callable[[Sequence[Array], Sequence[int]], Any]:
    from flwr.app import Message, RecordDict
    from flwr.serverapp import Grid

    class Groups(Grid):
        """A grid whose nodes are groups, numbered from 1, which answer at once with what was summed before."""

        def __init__(self, models: Sequence[Array], sizes: Sequence[int]) -> None:
            self._models, self._sizes = models, sizes
            self._answers: dict[str, Message] = {}

        def set_run(self, run: Any) -> None:
            """Do nothing: there is one run."""

        @property
        def run(self) -> Any:
            """Refuse: no run of flwr's own is under way."""
            raise InputError("run", "none", "rounds are counted by the coordinator")

        def create_message(
            self,
            content: RecordDict,
            message_type: str,
            dst_node_id: int,
            group_id: str,
            ttl: float | None = None,
        ) -> Message:
            """Return a message to a group."""
            return Message(
                content=content,
                message_type=message_type,
                dst_node_id=dst_node_id,
                group_id=group_id,
                ttl=ttl,
            )

        def get_node_ids(self) -> Iterable[int]:
            """Return the groups' numbers."""
            return range(1, len(self._models) + 1)

        def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
            """Take messages and remember each group's answer; return the answers' names."""
            names = []
            for message in messages:
                place = message.metadata.dst_node_id - 1
                names.append(f"{place}-{len(self._answers)}")
                self._answers[names[-1]] = _answer(message, self._models[place], self._sizes[place])
            return names

        def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
            """Return the answers of those names, each once."""
            return [self._answers.pop(name) for name in message_ids if name in self._answers]

        def send_and_receive(
            self, messages: Iterable[Message], *, timeout: float | None = None
        ) -> Iterable[Message]:
            """Return the groups' answers to messages."""
            return self.pull_messages(self.push_messages(messages))

    return Groups
