"""What the tests of Disputes share."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from tests.contracts.review.disputes.court import Court


@pytest.fixture(scope="session")
def court() -> Court:
    """A market with a court."""
    return Court()


@pytest.fixture(autouse=True)
def _anchored_court(court: Court) -> Any:
    with boa.env.anchor():
        yield
