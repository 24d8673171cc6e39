"""Each tier of the sandbox in turn."""

from __future__ import annotations

import pytest

from sheaf.sandbox.confined import Confined


@pytest.fixture(scope="module", params=["bubblewrap", "gvisor"])
def sandbox(request: pytest.FixtureRequest) -> Confined:
    found: Confined = request.getfixturevalue(request.param)
    return found
