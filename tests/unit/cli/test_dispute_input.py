"""How records are named on the command line."""

from __future__ import annotations

import pytest

from sheaf.cli.disputes.dispute import _parsed, _written
from sheaf.domain.errors import InputError


def test_spans_and_numbers() -> None:
    """Numbers and spans in any order give each record once; what is written can be read again."""
    assert _parsed("7-9,3,8,0") == [0, 3, 7, 8, 9]
    assert _parsed("none") == [] == list(_parsed(_written(())))
    assert _parsed(_written((1, 2, 255))) == [1, 2, 255]


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1,,2", "1-2-3", "٣", "0-16385", "9" * 40, "1\n"])
def test_malformed_records_are_refused(text: str) -> None:
    """Whatever is not a number or a span of at most 16,384 is refused in one line."""
    with pytest.raises(InputError, match="records"):
        _parsed(text)
