"""The check that refuses records with personal data."""

from __future__ import annotations

from typing import Any, cast

import pyarrow as pa
import pytest

from sheaf.domain.errors import SpecificationError
from sheaf.domain.request import CheckUse
from sheaf.domain.verdict import Finding
from sheaf.verification.batch import Batch, Commitment
from sheaf.verification.checks import find, resolve
from sheaf.verification.reasons import reasons

BOUND = Commitment(b"", "", b"")


def findings(table: pa.Table | None, **parameters: Any) -> list[Finding]:
    [(check, settled)] = resolve((CheckUse("personal_data", parameters=parameters),))
    nothing = cast("Any", None)
    return check.run(Batch(1, 1, 3, table, b"", nothing, BOUND, BOUND, nothing), settled)


TABLE = pa.table(
    {
        "a": ["call +44 7700 900123", "Dr. Zorblat lives at 12 Elm Street", "clean"],
        "b": ["x", None, "someone@example.org"],
        "n": [4111111111111111, 2, 3],
    }
)


def test_sure_identifiers_refuse_by_default() -> None:
    """Telephone and e-mail refuse with weight 1; a name and an address do only if the specification asks."""
    found = findings(TABLE)
    assert [(one.record, one.code, one.weight) for one in found] == [
        (0, "personal_data.contact", 1.0),
        (2, "personal_data.contact", 1.0),
    ]
    named = findings(TABLE, kinds=["person", "address"])
    assert [(one.record, one.code) for one in named] == [
        (1, "personal_data.name"),
        (1, "personal_data.place"),
    ]


def test_parameters_choose_kinds_fields_and_certainty() -> None:
    """Only the fields named are searched, only the kinds named count, only what is sure enough refuses."""
    assert [one.record for one in findings(TABLE, fields=["b"])] == [2]
    assert [one.record for one in findings(TABLE, kinds=["phone"])] == [0]
    assert findings(TABLE, kinds=["phone"], least_score=1.0) == []
    assert findings(TABLE, fields=["n", "z"]) == []


def test_details_never_show_what_was_found() -> None:
    """The detail names field and kind, and covers the middle of what was found."""
    for one in findings(TABLE, kinds=["phone", "email", "person", "address"]):
        assert not {"900123", "someone@example.org", "Zorblat", "12 Elm Street"} & set(one.detail.split(": "))
        assert "•" in one.detail


def test_at_most_eight_findings_a_record() -> None:
    """A record full of addresses is refused by eight findings, not by all."""
    crowd = pa.table({"a": [" ".join(f"a{n}@example.org" for n in range(50)), "", ""]})
    assert len(findings(crowd)) == 8


def test_unreadable_content_is_not_searched() -> None:
    """Where there are no records there is nothing to find."""
    assert findings(None) == []


@pytest.mark.parametrize(
    "parameters", [{"kinds": ["mail"]}, {"least_score": 2}, {"fields": [1]}, {"kind": []}]
)
def test_other_parameters_are_refused(parameters: dict[str, Any]) -> None:
    """Unknown kinds, names of no field and numbers out of range are refused with the specification."""
    with pytest.raises(SpecificationError):
        findings(TABLE, **parameters)


def test_every_kind_has_a_reason() -> None:
    """Each kind that may be named leads to a reason with a remedy."""
    check = find("personal_data")
    from sheaf.verification.checks.personal_data import _CAUSE_OF
    from sheaf.verification.personal import KINDS

    assert set(_CAUSE_OF) == set(KINDS)
    assert {reason.code for reason in check.reasons} <= set(reasons())
