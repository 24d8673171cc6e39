"""What a job sees of a table, and the synthetic twin."""

from __future__ import annotations

import datetime
from typing import Any

import pyarrow as pa
import pytest

from sheaf.domain.errors import RecordError
from sheaf.domain.policy import FieldRule, Policy, Release, Showing
from sheaf.formats.release.shown import project, twin

TABLE = pa.table(
    {
        "name": ["Ärmel", "Bo", None],
        "age": [39, 40, None],
        "weight": [71.26, -0.3, None],
        "born": [datetime.date(1987, 5, 17), datetime.date(1999, 12, 31), None],
        "label": [1, 0, 1],
    }
)


def policy(**rules: FieldRule) -> Policy:
    return Policy(Release.STATISTICS, True, rules, ("research",))


def coarse(**how: Any) -> FieldRule:
    return FieldRule(Showing.GENERALISED, **how)


def test_fields_are_shown_as_the_policy_says() -> None:
    """Hidden and unnamed fields are gone, others coarse or as they are; absent values stay absent; the order is the table's."""
    rules = policy(
        label=FieldRule(Showing.DISCLOSED),
        name=coarse(keep=1),
        age=coarse(step=10),
        weight=coarse(step=0.5),
        born=coarse(period="year"),
    )
    shown = project(TABLE, rules)
    assert shown.column_names == ["name", "age", "weight", "born", "label"]
    assert shown.to_pydict() == {
        "name": ["Ä", "B", None],
        "age": [30, 40, None],
        "weight": [71.0, -0.5, None],
        "born": [datetime.date(1987, 1, 1), datetime.date(1999, 1, 1), None],
        "label": [1, 0, 1],
    }
    assert project(
        TABLE, policy(age=FieldRule(Showing.HIDDEN), label=FieldRule(Showing.DISCLOSED))
    ).column_names == ["label"]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"height": FieldRule(Showing.HIDDEN)}, r"^fields\.height: not in the table: name one of name, age"),
        ({"name": coarse(step=1.0)}, r"^fields\.name\.step: string: it does not fit"),
        ({"age": coarse(keep=1)}, r"^fields\.age\.keep: int64"),
        ({"label": coarse(period="year")}, r"^fields\.label\.period: int64"),
    ],
)
def test_rules_must_fit_the_table(rules: dict[str, FieldRule], message: str) -> None:
    """A rule for a field that is not there, or of another kind, is refused before anything is shown."""
    with pytest.raises(RecordError, match=message):
        project(TABLE, policy(**rules))


def test_twin_has_the_shape_and_no_value() -> None:
    """The twin has the columns and types that a job sees; it is drawn from a schema alone, the same for the same seed."""
    rules = policy(**dict.fromkeys(TABLE.column_names, FieldRule(Showing.DISCLOSED)))
    drawn = twin(TABLE.schema, rules, 50, seed=1)
    assert drawn.schema == project(TABLE, rules).schema
    assert drawn.num_rows == 50
    assert drawn.equals(twin(TABLE.schema, rules, 50, seed=1))
    assert not drawn.equals(twin(TABLE.schema, rules, 50, seed=2))
    assert not set(drawn["weight"].to_pylist()) & set(TABLE["weight"].to_pylist())
    assert not set(drawn["name"].to_pylist()) & set(TABLE["name"].to_pylist())


def test_twin_is_as_coarse_as_the_data() -> None:
    """What is hidden is not in the twin, and what is generalised is so in the twin too."""
    drawn = twin(TABLE.schema, policy(age=coarse(step=10), name=FieldRule(Showing.HIDDEN)), 30)
    assert drawn.column_names == ["age"]
    assert {age % 10 for age in drawn["age"].to_pylist()} == {0}


def test_twin_of_lists_and_times() -> None:
    """Lists of numbers, truth values and times are drawn too."""
    schema = pa.schema({"a": pa.list_(pa.float32()), "b": pa.bool_(), "c": pa.timestamp("us", "UTC")})
    rules = policy(**dict.fromkeys("abc", FieldRule(Showing.DISCLOSED)))
    assert twin(schema, rules, 3).schema == schema
    assert twin(schema, rules, 0).num_rows == 0


@pytest.mark.parametrize("rows", [-1, True, 1.5, None, 1 << 25])
def test_number_of_rows_is_bounded(rows: object) -> None:
    """The number of rows is a whole number that fits into memory."""
    with pytest.raises(RecordError, match=r"^rows: "):
        twin(TABLE.schema, policy(age=FieldRule(Showing.DISCLOSED)), rows)  # type: ignore[arg-type]


def test_undrawn_types_are_refused() -> None:
    """A type of which no twin is drawn is named with what to do."""
    with pytest.raises(RecordError, match=r"^fields\.a: struct<x: int64>: no twin is drawn"):
        twin(pa.schema({"a": pa.struct({"x": pa.int64()})}), policy(a=FieldRule(Showing.DISCLOSED)), 3)
