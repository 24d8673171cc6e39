"""The check for near duplicates within a submission."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from sheaf.domain.canonical import record_digests
from sheaf.domain.errors import SpecificationError
from sheaf.domain.request import CheckUse
from sheaf.domain.verdict import Finding
from sheaf.verification.batch import Batch, Commitment, Earlier
from sheaf.verification.checks.near_duplicates import CHECK
from sheaf.verification.fingerprints import ExactIndex
from sheaf.verification.pipeline import Pipeline
from tests.unit.verification.near.test_kinds import encoded, pictures

COMMITTED = Commitment(b"r" * 32, "bafy", b"k" * 32)


class Anything:
    """A schema that every record keeps."""

    def violations(self, table: pa.Table) -> pl.DataFrame:
        return pl.DataFrame({"record": [], "field": [], "code": [], "detail": []})


def batch(table: pa.Table | None) -> Batch:
    count = 3 if table is None else table.num_rows
    return Batch(
        submission=1,
        request=1,
        count=count,
        records=table,
        digests=b"" if table is None else record_digests(table),
        schema=Anything(),
        committed=COMMITTED,
        recomputed=COMMITTED,
        earlier=Earlier(ExactIndex(), lambda _: None),
    )


def found(table: pa.Table | None, **parameters: Any) -> list[Finding]:
    return Pipeline([CheckUse("near_duplicates", parameters=parameters)]).run(batch(table))


def test_a_near_copy_names_what_it_repeats() -> None:
    """The finding has the similarity as its score, names the earlier record, and refuses by itself."""
    table = pa.table({"t": ["the cat sat on the mat today", "a dog", "The cat sat on the mat today!!"]})
    (finding,) = found(table)
    assert (finding.record, finding.code, finding.score) == (2, "near_duplicates.submission", 1.0)
    assert finding.detail == "like record 0, similarity 1.000" and finding.is_refusal


def test_of_a_chain_every_other_stands() -> None:
    """A record near only to one that fell is not blamed for it."""
    words = [f"w{i}" for i in range(60)]
    table = pa.table({"t": [" ".join(words[i : i + 30]) for i in (0, 9, 18)]})
    assert [f.record for f in found(table, unit="words", length=1, threshold=0.5)] == [1]


def test_rows_are_compared_by_the_scales_of_the_specification() -> None:
    """A number with a scale may differ by the tolerance, one without must be equal; spread by the contributor hides nothing."""
    table = pa.table({"a": [1.0, 1.4, 1.4, 5e9], "b": [2, 2, 3, 2]})
    assert found(table, kind="table") == []
    assert [f.record for f in found(table, kind="table", scales={"a": 50.0})] == [1]
    assert [f.record for f in found(table, kind="table", scales={"a": 50.0, "b": 100.0})] == [1, 2]
    assert found(table, kind="table", scales={"a": 50.0}, threshold=0.999) == []
    assert [f.record for f in found(table, kind="table", fields=["b"])] == [1, 3]


def test_only_images_that_decode_alike_everywhere_are_judged() -> None:
    """Near PNG files are found; the same as JPEG is passed over, since decoders differ in it."""
    picture = pictures(1)[0]
    files = [
        encoded(picture, format="PNG"),
        encoded(picture.resize((80, 60)), format="PNG"),
        encoded(picture, format="JPEG"),
    ]
    table = pa.table({"i": pa.array(files, pa.binary())})
    assert [f.record for f in found(table, kind="image")] == [1]
    assert [f.record for f in found(table, kind="image", threshold=0.5)] == [1]


def test_series_are_compared() -> None:
    """A scaled series is found among the fields that hold lists of numbers."""
    line = np.cumsum(np.random.default_rng(1).standard_normal(300))
    table = pa.table({"x": pa.array([line, line[::-1] ** 2, 2 * line + 1])})
    assert [f.record for f in found(table, kind="series")] == [2]


@pytest.mark.parametrize(
    "parameters",
    [{"kind": "image"}, {"fields": ["x"]}, {"kind": "series"}, {"kind": "table", "fields": ["x"]}],
)
def test_fields_that_are_not_there_are_no_fault_of_a_record(parameters: dict[str, Any]) -> None:
    """Where the records have nothing of the kind, or cannot be read, nothing is found."""
    assert found(pa.table({"t": ["a b c", "a b c d"]}), **parameters) == []
    assert [f.check for f in found(None, **parameters)] == ["commitment"] * 3
    unread = replace(batch(pa.table({"t": ["a"]})), records=None)
    assert CHECK.run(unread, CHECK.settled(parameters)) == []


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kind": "sound"}, "checks.near_duplicates.kind: sound"),
        ({"threshold": 2}, "checks.near_duplicates.threshold: 2"),
        ({"threshold": "high"}, "checks.near_duplicates.threshold"),
        ({"scales": {"a": 0}}, "checks.near_duplicates.scales.a: 0"),
        ({"length": 2.5}, "checks.near_duplicates.length"),
        ({"radius": 1}, "checks.near_duplicates.radius"),
    ],
)
def test_parameters_are_held_to_their_bounds(parameters: dict[str, Any], message: str) -> None:
    """Whatever is no such value is refused before anything runs."""
    with pytest.raises(SpecificationError, match=message):
        found(pa.table({"t": ["a"]}), **parameters)
