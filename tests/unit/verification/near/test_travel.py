"""Sketches that travel: what is bound to a root, found again by everyone alike, and bounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.domain.errors import IntegrityError
from sheaf.verification.near import Cells, NearIndex, packed, size_of, unpacked
from sheaf.verification.near.pairs import CROWD
from sheaf.verification.near.rows import Rows
from sheaf.verification.near.sketch import Sketch
from sheaf.verification.near.text import Texts

TEXT = Texts(("text",))
ROWS = Rows(("a", "b"), ("c",), (1.0, 10.0), 0.9)
CELLS = Cells(ROWS)


def texts(*values: str | None) -> pa.Table:
    return pa.table({"text": pa.array(values, pa.string())})


def rows(a: Any, b: Any, c: Any = "x") -> pa.Table:
    count = len(a)
    return pa.table({"a": pa.array(a, pa.float64()), "b": pa.array(b, pa.float64()), "c": [c] * count})


def everything(submissions: Any, records: Any) -> Any:
    return np.ones(len(submissions), np.bool_)


def sentences(count: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(f"w{word}" for word in rng.integers(0, 10_000, 30)) for _ in range(count)]


@pytest.mark.parametrize("kind", [TEXT, CELLS])
def test_what_was_packed_is_unpacked(kind: Any) -> None:
    """Keys, signatures and presence come back; a record alone has the sketch that it has among others."""
    made = sentences(4)
    table = texts(*made, None, "") if kind is TEXT else rows([1.0, 2.5, None], [3.0, np.inf, 1e300])
    sketch = kind.sketch(table)
    data = packed(sketch)
    assert data.shape == (table.num_rows, size_of(kind))
    again = unpacked(data, kind.bands)
    there = sketch.present
    assert np.array_equal(again.present, there)
    assert np.array_equal(again.keys[there], sketch.keys[there])
    assert np.array_equal(again.signature[there], sketch.signature[there])
    for place in range(table.num_rows):
        assert np.array_equal(packed(kind.sketch(table.slice(place, 1)))[0], data[place])


def test_sketches_that_nobody_makes_are_refused() -> None:
    """A record that has nothing to compare has no sketch, and presence is yes or no."""
    data = packed(TEXT.sketch(texts("something to compare here", None)))
    for place, value in ((0, 2), (1, 0)):
        forged = data.copy()
        if place:
            forged[1, 5] = 1
        else:
            forged[0, 0] = value
        with pytest.raises(IntegrityError, match="sketch"):
            unpacked(forged, TEXT.bands)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1.5, 1.5), st.floats(-1.5, 1.5)
)  # fmt: skip
def test_cells_refuse_nothing_beyond_the_tolerance(a: float, b: float, da: float, db: float) -> None:
    """Rows within seven eighths of the tolerance are found; none that differ by more than it ever is."""
    near_by = rows([a + da * ROWS.tolerance], [b + db * ROWS.tolerance * 10])
    apart = max(abs(near_by["a"][0].as_py() - a), abs(near_by["b"][0].as_py() / 10 - b / 10)) / ROWS.tolerance
    index = NearIndex(CELLS)
    index.add(CELLS.sketch(rows([a], [b])), 1)
    found = index.given_before(CELLS.sketch(near_by), everything, CELLS.threshold)
    if apart <= 0.87:
        assert len(found) == 1 and found.similarity[0] >= CELLS.threshold
    if apart > 1.001:
        assert not len(found)


def test_cells_hold_no_number() -> None:
    """Of numbers a byte each travels, the same for numbers 32 tolerances apart; what else differs still differs."""
    sketch = CELLS.sketch(rows([0.0, 3.2 * 1, 0.0], [0.0, 0.0, 0.0]))
    assert sketch.signature.shape == (3, 10) and CELLS.width == 10
    assert np.array_equal(sketch.signature[0], sketch.signature[1])
    assert not np.array_equal(sketch.keys[0], sketch.keys[1])
    other = CELLS.sketch(rows([0.0], [0.0], "y"))
    assert CELLS.similarity(sketch.signature[:1], other.signature)[0] == 0.0


def test_without_tolerance_cells_are_equal_or_not() -> None:
    """With threshold 1 every number must be the same to the bit, infinite ones and huge ones too."""
    kind = Cells(Rows(("a",), (), (1.0,), 1.0))
    values = [0.1, np.nextafter(0.1, 1), 1e300, np.inf, 1e-320]
    table = pa.table({"a": values})
    index = NearIndex(kind)
    index.add(kind.sketch(table), 1)
    found = index.given_before(kind.sketch(table), everything, 1.0)
    assert found.query.tolist() == found.record.tolist() == list(range(5))


@pytest.mark.parametrize("seed", range(3))
def test_all_members_find_the_same(seed: int, tmp_path: Any) -> None:
    """Whatever order submissions came in, however runs were merged, whatever lies beside: the same, and what brute force finds."""
    rng = np.random.default_rng(seed)
    batches = {number: sentences(6, 100 * seed + number) for number in range(1, 12)}
    for number in (5, 9):
        batches[number][2] = batches[2][3] + " more"
    asked = [batches[2][3] + " and", batches[9][0], *sentences(2, 999 + seed)]
    sketch = TEXT.sketch(texts(*asked))
    eligible = {1, 2, 5, 9}

    def counts(submissions: Any, records: Any) -> Any:
        return np.isin(submissions, [*eligible])

    said = []
    for place in range(3):
        index = NearIndex(TEXT, tmp_path / str(place))
        for number in rng.permutation([*batches]).tolist():
            if number in eligible or rng.random() < 0.5:
                index.add(TEXT.sketch(texts(*batches[number])), number)
        found = index.given_before(sketch, counts, 0.5)
        said.append([part.tolist() for part in found])
    assert said[0] == said[1] == said[2]
    named = {(query, submission, record) for query, submission, record, _ in zip(*said[0], strict=True)}
    assert named == {(0, 2, 3), (0, 5, 2), (0, 9, 2), (1, 9, 0)}


def test_a_crowd_hides_nobody_who_came_first() -> None:
    """However many later records share a key, the first CROWD that count are compared: who came first is found, and no more."""
    kind = Cells(Rows((), ("c",), (), 1.0))
    same = pa.table({"c": ["x"] * (3 * CROWD)})
    index = NearIndex(kind)
    for number in (7, 3, 5):
        index.add(kind.sketch(same), number)
    asked = kind.sketch(pa.table({"c": ["x", "y"]}))
    found = index.given_before(asked, everything, 1.0)
    assert len(found) == CROWD and set(found.submission.tolist()) == {3} and set(found.query.tolist()) == {0}
    assert found.record.tolist() == list(range(CROWD))
    later = index.given_before(asked, lambda s, r: (s == 7) | ((s == 5) & (r > 40)), 1.0)
    assert [(5, n) for n in range(41, 48)] == list(zip(later.submission, later.record, strict=True))[:7]


def test_an_empty_index_finds_nothing() -> None:
    """Nothing was given before; nothing is asked for."""
    index = NearIndex(TEXT)
    assert not len(index.given_before(TEXT.sketch(texts("something")), everything, 0.5))
    index.add(TEXT.sketch(texts("something to be found")), 1)
    assert not len(index.given_before(TEXT.sketch(texts()), everything, 0.5))
    nothing = Sketch(np.zeros(1, np.bool_), np.zeros((1, 32), np.uint32), np.zeros((1, 32), np.uint8))
    assert not len(index.given_before(nothing, everything, 0.5))
