"""A bench for every test, back as it was afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from tests.contracts.review.proofs.bench import Bench


@pytest.fixture(scope="package")
def _bench() -> Bench:
    return Bench()


@pytest.fixture
def bench(_bench: Bench) -> Iterator[Bench]:
    """A market with a court and proofs."""
    with boa.env.anchor():
        yield _bench
