"""The demo of data that never move does what it tells."""

from __future__ import annotations

import pytest
from rich.console import Console

from sheaf.cli.demo import private, private_report
from sheaf.cli.frame.paper import Paper


def test_demo_private() -> None:
    """A statistic and a model are sold, the owner is paid, every attempt to carry data out fails, five owners learn together."""
    for library in ("opendp", "opacus"):
        pytest.importorskip(library)
    said: list[str] = []
    found = private.play(3, said.append)
    assert found.statistic.epsilon <= 0.5001 and found.model.epsilon <= 3.0001
    assert found.model.answer["accuracy"] > 0.8 and found.income == 25 * 10**18
    tried = found.attempts
    assert "unapproved code could carry personal data out" in tried.open_policy
    assert "runs no code of buyers" in tried.unapproved and tried.unapproved_sent == "placed"
    assert 0 < tried.answered < tried.repeated and tried.money_back
    assert tried.bits_cap is None or (tried.bits_cap < 12 and tried.whole_table == '{"failed":true}')
    assert found.together.rounds == 20 and found.together.accuracy > 0.9
    console = Console(record=True, width=100)
    private_report.show(Paper(console), found)
    assert "nobody saw a record" in console.export_text() and len(said) == 4
