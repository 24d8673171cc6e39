"""What a preview says of records, money and standing, against the twins and by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sheaf.actions.forecast.acceptance import Acceptance, accepted
from sheaf.actions.forecast.likeness import likeness, usual
from sheaf.actions.forecast.money import outlook, score, weighed
from sheaf.actions.forecast.refusals import refusals
from sheaf.domain.amounts import WAD
from sheaf.domain.request import CheckUse, Specification
from sheaf.domain.verdict import Finding
from sheaf.review.standing import Record, StandingTwin
from sheaf.verification.near import NearIndex

WANTED = Specification(title="t", schema={}, licence="CC0-1.0", label="label")
LONG = "the quick brown fox jumps over the lazy dog by the river bank at dawn"


def request(price: int, fee_bps: int = 400) -> Any:
    return SimpleNamespace(price=price, fee_bps=fee_bps, protocol_fee_bps=250)


def test_every_refusal_is_explained() -> None:
    """A refusal has its code, meaning, field, value and remedy; advice is none; a field that is not there stays empty."""
    table = pa.table({"x": [1.0, 7.5, None]})
    said = [
        Finding(1, "schema", 1, "schema.maximum", detail="x: 7.5 is above the maximum 1.0"),
        Finding(0, "novelty", 1, "novelty.unlike", weight=0.5),
        Finding(2, "duplicates", 1, "duplicates.submission", detail="the same as record 0"),
        Finding(0, "schema", 1, "schema.required", detail="y: it is missing"),
    ]
    found = refusals(said, table)
    assert [one.record for one in found] == [0, 1, 2]
    assert (found[1].field, found[1].value, found[1].code) == ("x", "7.5", "schema.maximum")
    assert all(one.meaning and one.fix for one in found)
    assert (found[0].field, found[0].value, found[2].field) == ("", "", "")
    assert refusals(said)[1].field == ""


def test_money_is_what_the_settlement_would_do() -> None:
    """At a price of 1 token, 20 % and 4 %: each refused record costs .24 of the bond, and pay falls by its price."""
    found = outlook(request(WAD), (50, 0, 3), None, 12 * WAD)
    assert (found.most, found.least, found.expected) == (50 * WAD, 47 * WAD, None)
    assert (found.bond_percent, found.fee) == (20, 2 * WAD)
    assert (found.cost, found.cost_if_all_fall) == (72 * WAD // 100, 12 * WAD)
    good = Acceptance(60, 40.5, (), "")
    assert outlook(request(WAD), (50, 0, 3), good, 12 * WAD).expected == 405 * WAD // 10
    mixed = outlook(request(WAD), (50, 10, 3), None, 144 * WAD // 10)
    assert (mixed.bond_percent, mixed.cost, mixed.most) == (20, found.cost, found.most)
    dust = outlook(request(0), (50, 0, 50), None, 0)
    assert (dust.most, dust.cost_if_all_fall, dust.bond_percent) == (0, 0, 0)


def test_standing_rises_and_falls_as_the_twin_says() -> None:
    """All right raises the score, more so for a stranger than for who was praised for the same buyer; all wrong never does."""
    fresh = Record(noted_at=5)
    twin = StandingTwin({"f"}, 5)
    twin.note("f", "a", "b", (15, 5), 20 * WAD)
    noted = twin.records["a"]
    assert weighed(fresh, 0, (15, 5), 20 * WAD) == (noted.praise, noted.blame)
    assert score(*weighed(fresh, 0, (20, 0), 20 * WAD)) > score(*weighed(fresh, 0, (15, 5), 20 * WAD)) > 0
    assert score(*weighed(fresh, 0, (0, 20), 20 * WAD)) == 0
    assert weighed(fresh, 1_000 * WAD, (20, 0), 20 * WAD) < weighed(fresh, 0, (20, 0), 20 * WAD)


def test_near_records_are_named_with_the_nearest(tmp_path: Path) -> None:
    """Of each record the nearest earlier one is named, and what an index knows; the label is not compared."""
    texts = [LONG, "nothing of the kind is said here, ever, by anyone at all", LONG + "!", LONG + " again"]
    table = pa.table({"text": texts, "label": ["a", "b", "c", "d"]})
    found = likeness(table, WANTED)
    assert [(one.record, one.other) for one in found] == [(2, 0), (3, 0)]
    assert found[0].similarity == 1.0 and found[0].known_as is None
    kind = usual(table, WANTED)
    assert kind is not None
    NearIndex(kind, tmp_path).add(kind.sketch(table.slice(1, 1)), 7)
    known = [one for one in likeness(table, WANTED, tmp_path) if one.known_as is not None]
    assert [(one.record, one.other, one.known_as) for one in known] == [(1, 0, 7)]


def test_records_are_compared_as_the_request_compares_them() -> None:
    """The check's own parameters count; without them texts, images, series, then all fields; nothing where there is nothing."""
    checks = (CheckUse("near_duplicates", parameters={"fields": ["text"], "threshold": 0.9}),)
    table = pa.table({"text": ["a"], "more": ["b"]})
    kind = usual(table, replace_checks(checks))
    assert kind is not None and kind.threshold == 0.9
    assert usual(pa.table({"n": [1.0]}), None).namespace.startswith("table-")  # type: ignore[union-attr]
    assert usual(pa.table({"s": [[1.0]]}), None).namespace == "series-64"  # type: ignore[union-attr]
    assert usual(pa.table({"o": [{"a": 1}]}), None) is None
    assert likeness(pa.table({"o": [{"a": 1}]}), WANTED) == []


def replace_checks(checks: tuple[CheckUse, ...]) -> Specification:
    return Specification(title="t", schema={}, licence="CC0-1.0", label=None, checks=checks)


def test_acceptance_is_counted_by_the_sample() -> None:
    """Two clouds and three wrong labels: about three fewer are expected, and it is these that are named; what falls anyway is left out."""
    rng = np.random.default_rng(3)
    x = np.concatenate([rng.normal(0, 1, 40), rng.normal(8, 1, 40)])
    label = np.repeat(["low", "high"], 40)
    sample = pa.table({"x": x[::2], "label": label[::2]})
    sent = label[1::2].copy()
    sent[:3] = "high"
    table = pa.table({"x": x[1::2], "label": sent})
    found = accepted(sample, table, "label", {39})
    assert found.expected is not None and 33 <= found.expected <= 38 and not found.why
    assert [one.record for one in found.doubtful] == [0, 1, 2]
    assert {one.reason for one in found.doubtful} == {"label"}


@pytest.mark.parametrize(
    ("sample", "label", "words"),
    [
        (None, "label", "no sample"),
        (pa.table({"x": [1.0], "label": ["a"]}), None, "no field"),
        (pa.table({"x": [1.0], "label": ["a"]}), "label", "labels"),
        (pa.table({"x": [1.0]}), "label", "label"),
    ],
)
def test_where_nothing_can_be_said_it_is_said_why(
    sample: pa.Table | None, label: str | None, words: str
) -> None:
    """No sample, no label, one answer, no answers: no number, but the reason."""
    found = accepted(sample, pa.table({"x": [1.0], "label": ["a"]}), label, set())
    assert found.expected is None and words in found.why


def test_nothing_left_is_nothing_expected() -> None:
    """Where the checks refuse every record none is expected."""
    sample = pa.table({"x": [1.0], "label": ["a"]})
    assert accepted(sample, sample, "label", {0}).expected == 0.0
