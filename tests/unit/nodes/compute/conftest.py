from __future__ import annotations

from pathlib import Path

import pytest

from sheaf.nodes.compute.queue import Queue
from tests.unit.nodes.compute.world import World


@pytest.fixture(autouse=True)
def _no_power_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is killed here are processes: the disk need not be waited for."""
    monkeypatch.setattr(Queue, "synchronous", "OFF")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
