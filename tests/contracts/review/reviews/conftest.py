"""What the tests of Reviews share."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.contracts.market_world import World


@pytest.fixture(scope="session")
def world() -> World:
    """A whole market, validators staked."""
    return World()


@pytest.fixture(autouse=True)
def _anchored_world(world: World) -> Any:
    with boa.env.anchor():
        yield


@pytest.fixture
def case(world: World) -> int:
    """A submission of 50 records with a committee of five."""
    submission = world.submit(world.open(), 50)
    world.draw(submission)
    return submission
