"""What the tests of the market's contracts share."""

from __future__ import annotations

import pytest

from tests.contracts.market.desk import Desk, deploy_desk
from tests.contracts.market_world import World


@pytest.fixture(scope="session")
def desk() -> Desk:
    """Requests and Escrow before verdicts that say whatever the test needs."""
    return deploy_desk()


@pytest.fixture(scope="session")
def world() -> World:
    """A whole market, validators staked."""
    return World()
