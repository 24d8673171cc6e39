"""What every judge keeps to, whatever it is made of."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.domain.ports import Judge
from sheaf.domain.request import Specification
from sheaf.verification.judges import KINDS, named

SPECIFICATION = Specification(title="signs", schema={}, licence="CC0-1.0", label="sign")
PROGRAM = "import json,sys\nfor line in sys.stdin: print(int(json.loads(line)['sign'] == 'plus'))"


def points(values: list[float], signs: list[str] | None = None) -> pa.Table:
    right = ["plus" if value > 0 else "minus" for value in values]
    column = pa.array(right if signs is None else signs, pa.string())
    return pa.table({"x": pa.array(values, pa.float64()), "sign": column})


SAMPLE = points([side * (1 + i / 10) for i in range(20) for side in (-1, 1)])
MAKERS: dict[str, Callable[[], Judge]] = {
    **{kind: lambda kind=kind: named(kind, SAMPLE, SPECIFICATION) for kind in KINDS},  # type: ignore[misc]
    "program": lambda: named(
        f"program:{sys.executable} -c '{PROGRAM.replace(chr(39), chr(34))}'", None, SPECIFICATION
    ),
}


@pytest.fixture(scope="module", params=list(MAKERS))
def judge(request: pytest.FixtureRequest) -> Judge:
    return MAKERS[request.param]()


def test_one_boolean_for_each_record(judge: Judge) -> None:
    """The vote is an array of booleans of shape (n,), for no record and for one as for many."""
    for count in (0, 1, 5):
        votes = judge.judge(SAMPLE.slice(0, count), SPECIFICATION)
        assert votes.shape == (count,) and votes.dtype == np.bool_


@settings(max_examples=5)
@given(order=st.permutations(range(12)))
def test_each_record_is_judged_by_itself(judge: Judge, order: list[int]) -> None:
    """Asked again in another order, a judge gives every record the same vote."""
    signs = ["plus", "minus", "minus", "plus"] * 3
    records = points([side * (1 + i / 7) for i in range(6) for side in (-1, 1)], signs)
    votes = judge.judge(records, SPECIFICATION)
    assert votes.tolist() != [True] * 12
    assert judge.judge(records.take(order), SPECIFICATION).tolist() == votes[order].tolist()


def test_chunks_do_not_matter(judge: Judge) -> None:
    """A table in several pieces is the same records."""
    pieces = pa.concat_tables([SAMPLE.slice(0, 3), SAMPLE.slice(3, 0), SAMPLE.slice(3, 9)])
    assert (judge.judge(pieces, SPECIFICATION) == judge.judge(SAMPLE.slice(0, 12), SPECIFICATION)).all()


def test_the_records_are_left_as_they_are(judge: Judge) -> None:
    """Judging changes nothing in the table that is judged."""
    records = points([1.5, -1.5])
    before = records.to_pydict()
    judge.judge(records, SPECIFICATION)
    assert records.to_pydict() == before
