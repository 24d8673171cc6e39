"""The check for near duplicates of what others gave: what counts, what is named, and that nobody finds anything else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sheaf.domain.request import CheckUse
from sheaf.domain.verdict import Finding
from sheaf.verification import near
from sheaf.verification.batch import Earlier, Standing, counted
from sheaf.verification.checks import near_duplicates
from sheaf.verification.checks.near_duplicates import CHECK, travelling_of
from sheaf.verification.fingerprints import ExactIndex
from sheaf.verification.pipeline import Pipeline
from tests.unit.verification.near.test_kinds import encoded, pictures
from tests.unit.verification.near.test_travel import sentences
from tests.unit.verification.test_near_duplicates import batch

FIRST = pa.table({"t": sentences(4, 1)})
COPIES = pa.table(
    {"t": [FIRST["t"][2].as_py() + " more", *sentences(1, 2), FIRST["t"][0].as_py() + " and more"]}
)
TEXT = {"kind": "text"}


class Past:
    """What was given before, as one member has it: indexes by kind, and standings."""

    def __init__(self, **standings: Standing) -> None:
        self.standings = {int(name[1:]): standing for name, standing in standings.items()}
        self.indexes: dict[str, near.NearIndex] = {}

    def near(self, kind: near.Kind) -> near.NearIndex:
        return self.indexes.setdefault(kind.namespace, near.NearIndex(kind))

    def take(self, table: pa.Table, number: int, **parameters: Any) -> None:
        """Take the sketches of a submission as they come in its sheet."""
        kind = travelling_of(
            [CheckUse("near_duplicates", parameters={"scope": "market", **parameters})], table[:0]
        )
        assert kind is not None
        rows = near.packed(kind.sketch(table))
        self.near(kind).add(
            near.unpacked(np.frombuffer(rows.tobytes(), np.uint8).reshape(rows.shape), kind.bands), number
        )

    def found(self, table: pa.Table, **parameters: Any) -> list[Finding]:
        """Return what the check finds in submission 9 of request 1."""
        earlier = Earlier(ExactIndex(), self.standings.get, self.near)
        given = replace(batch(table), submission=9, earlier=earlier)
        return Pipeline([CheckUse("near_duplicates", parameters=parameters)]).run(given)


def test_a_near_copy_of_an_accepted_record_is_refused() -> None:
    """The finding names submission and record, and refuses by itself; a record like none before stands."""
    past = Past(s3=Standing(1, counted(4)))
    past.take(FIRST, 3)
    found = past.found(COPIES, scope="request", **TEXT)
    assert [one.record for one in found] == [0, 2]
    assert all(one.code == "near_duplicates.request" and one.is_refusal for one in found)
    assert found[0].detail.startswith("like record 2 of submission 3, similarity 0.9")
    assert past.found(COPIES, **TEXT) == []  # the scope is the submission where nothing is said


def test_what_was_refused_or_came_later_does_not_count() -> None:
    """Refused records, submissions drawn no earlier, the submission itself: none of them speaks against a record."""
    refused = np.array([True, True, True, True])
    for past in (Past(s3=Standing(1, counted(4, refused))), Past()):
        past.take(FIRST, 3)
        assert past.found(COPIES, scope="market", **TEXT) == []
    own = Past(s9=Standing(1, counted(4)))
    own.take(FIRST, 9)
    assert own.found(COPIES, scope="market", **TEXT) == []


def test_other_requests_count_where_the_buyer_asks_for_it() -> None:
    """Another request's record is near by scope `market` alone; the code says that it was another."""
    past = Past(s3=Standing(2, counted(4)))
    past.take(FIRST, 3)
    assert past.found(COPIES, scope="request", **TEXT) == []
    assert {one.code for one in past.found(COPIES, scope="market", **TEXT)} == {"near_duplicates.market"}


def test_a_copy_within_the_submission_is_named_first() -> None:
    """A record near both to an earlier one of its submission and to what was given before has one finding."""
    past = Past(s3=Standing(1, counted(4)))
    past.take(FIRST, 3)
    twice = pa.concat_tables([COPIES, COPIES[:1]])
    found = past.found(twice, scope="request", **TEXT)
    assert [(one.record, one.code.partition(".")[2]) for one in found] == [
        (0, "request"),
        (2, "request"),
        (3, "submission"),
    ]


def test_rows_images_and_series_travel_too() -> None:
    """A number within the tolerance, a picture stored anew, a series that was scaled: each falls; a JPEG is passed over."""
    rng = np.random.default_rng(5)
    table = pa.table({"a": [1.0, 7.0], "b": ["x", "y"]})
    given = {"kind": "table", "scales": {"a": 1.0}}
    past = Past(s3=Standing(1, counted(2)))
    past.take(table, 3, **given)
    near_by = pa.table({"a": [1.004, 7.004, 1.004], "b": ["x", "x", "y"]})
    assert [one.record for one in past.found(near_by, scope="market", **given)] == [0]
    picture = pictures(1)[0]
    images = pa.table({"p": [encoded(picture, format="PNG")]})
    past.take(images, 4, kind="image")
    past.standings[4] = Standing(1, counted(1))
    smaller = pa.table(
        {"p": [encoded(picture.resize((100, 100)), format="PNG"), encoded(picture, format="JPEG")]}
    )
    assert [one.record for one in past.found(smaller, scope="market", kind="image")] == [0]
    walk = np.cumsum(rng.normal(size=400))
    past.take(pa.table({"s": [walk.tolist()]}), 5, kind="series")
    past.standings[5] = Standing(1, counted(1))
    scaled = pa.table({"s": [(3 * walk + 7).tolist(), rng.normal(size=400).tolist()]})
    assert [one.record for one in past.found(scaled, scope="market", kind="series")] == [0]


def test_estimates_refuse_by_one_standard_error() -> None:
    """Where sketches only estimate similarity a record falls a standard error above the threshold; elsewhere at it, never beyond 1."""
    texts = near.choose(FIRST, "text", ("t",), 0.5)
    assert near_duplicates.least(texts) == 0.5625
    assert near_duplicates.least(near.choose(FIRST, "text", ("t",), 1.0)) == 1.0
    rows = near.choose(pa.table({"a": [1.0]}), "table", ("a",), 0.99, {"scales": {"a": 1.0}})
    assert near_duplicates.least(rows) == 0.99


@pytest.mark.parametrize(
    ("parameters", "table"),
    [
        ({"scope": "submission"}, FIRST),
        ({"scope": "market", "kind": "image"}, FIRST),
        ({"scope": "market", "fields": ["absent"]}, FIRST),
        ({"scope": "market", "kind": "table", "fields": ["o"]}, pa.table({"o": [{"a": [1]}]})),
    ],
)
def test_where_nothing_travels_nothing_is_bound(parameters: dict[str, Any], table: pa.Table) -> None:
    """By default, for fields that are not there or cannot be compared, submissions carry no sketch, and nothing is found."""
    assert travelling_of([CheckUse("near_duplicates", parameters=parameters)], table[:0]) is None
    assert Past().found(table, **parameters) == []


def test_without_the_check_nothing_is_bound() -> None:
    """A specification that does not name the check keeps its plain sheets."""
    assert travelling_of([CheckUse("duplicates")], FIRST) is None
    assert CHECK.settled({})["scope"] == "submission"
