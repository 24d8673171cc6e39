"""A market in this process, fresh for every story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import sheaf
from sheaf import actions
from sheaf.nodes.custodian import Custodian
from tests.flows.town import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A market with a buyer, a contributor and a custodian, and no validators yet."""
    ctx = sheaf.local(directory=tmp_path / "home")
    buyer, contributor, custodian = (
        actions.local_account(ctx, name) for name in ("buyer", "contributor", "custodian")
    )
    yield Town(ctx, buyer, contributor, Custodian(custodian))
