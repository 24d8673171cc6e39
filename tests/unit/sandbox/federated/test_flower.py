"""Flower's strategies over groups, as a library that tells nobody."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from sheaf.domain.errors import InputError
from sheaf.sandbox.federated.flower import STRATEGIES, Flower, silence

MEANS = np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [4.0, 5.0], [100.0, -100.0]])


def test_fedavg_is_the_weighted_mean() -> None:
    """FedAvg moves the model by the mean of groups, weighted by how many clients each has."""
    pytest.importorskip("flwr")
    joined = Flower("FedAvg").join(1, np.array([10.0, 20.0]), MEANS[:2], [1, 3])
    assert np.allclose(joined, [10 + (1 + 3 * 2) / 4, 20 + (2 + 3 * 3) / 4])


def test_fedmedian_bears_a_group() -> None:
    """FedMedian takes the median of each number."""
    pytest.importorskip("flwr")
    assert np.allclose(Flower("FedMedian").join(1, np.zeros(2), MEANS, [2] * 5), np.median(MEANS, axis=0))


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_goes_two_rounds(name: str) -> None:
    """Every strategy offered makes a finite model of five groups, twice."""
    pytest.importorskip("flwr")
    flower, model = Flower(name), np.zeros(2)
    for number in (1, 2):
        model = flower.join(number, model, MEANS, [2] * 5)
        assert model.shape == (2,) and np.isfinite(model).all() and model.any()


def test_nothing_is_reported_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of flwr's is not sent, though the environment would have it sent."""
    pytest.importorskip("flwr")
    telemetry = importlib.import_module("flwr.supercore.telemetry")
    monkeypatch.setattr(telemetry, "FLWR_TELEMETRY_ENABLED", "1")
    silence()
    asked: list[object] = []
    monkeypatch.setattr(telemetry.urllib.request, "urlopen", lambda *given, **_: asked.append(given))
    telemetry.create_event(telemetry.EventType.PING, {})
    assert not asked and telemetry.FLWR_TELEMETRY_ENABLED == "0"


def test_unknown_and_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy that is none, and flwr not installed, are refused with what to do."""
    with pytest.raises(InputError, match="choose one of FedAvg"):
        Flower("FedMagic")
    monkeypatch.setitem(__import__("sys").modules, "flwr.serverapp.strategy", None)
    with pytest.raises(InputError, match=r"pip install \"sheaf\[federated\]\""):
        Flower("FedAvg")


def test_the_grid_has_no_run() -> None:
    """The grid answers only messages that it was given, each once."""
    pytest.importorskip("flwr")
    from flwr.app import ArrayRecord, RecordDict

    grid = Flower("FedAvg")._grid_class([np.zeros(2)], [2])
    message = grid.create_message(RecordDict({"arrays": ArrayRecord([np.zeros(2)])}), "train", 1, "")
    (name,) = grid.push_messages([message])
    assert len(list(grid.pull_messages([name]))) == 1 and not list(grid.pull_messages([name]))
    grid.set_run(None)
    with pytest.raises(InputError, match="counted by the coordinator"):
        _ = grid.run
