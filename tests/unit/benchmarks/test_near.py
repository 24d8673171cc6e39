"""Records made near for the benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import _near


@pytest.mark.parametrize("similarity", [0.3, 0.62, 0.78, 0.9])
def test_pairs_have_the_similarity_that_is_promised(similarity: float) -> None:
    """Every pair of texts is as near as asked for, as nearly as whole numbers of shingles allow."""
    left, right, exact = _near.text_pairs(20, similarity, 1)
    assert len(left) == len(right) == 20 and abs(exact.mean() - similarity) < 0.004
    assert np.abs(exact - similarity).max() < 0.02
    assert _near.jaccard(left[0].split(), right[0].split()) == exact[0]


def test_real_series_are_cut_in_parts(tmp_path: Path) -> None:
    """Of files with time and value whole parts are taken; other files are passed over."""
    (tmp_path / "one.csv").write_text("timestamp,value\n" + "".join(f"t,{i}\n" for i in range(7)))
    (tmp_path / "two.csv").write_text("item,worker,label\n0,0,1\n")
    (tmp_path / "none.csv").write_text("")
    parts = _near.real_series(tmp_path, 3)
    assert [part.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5]]


def test_labelled_pairs_are_read_by_their_columns(tmp_path: Path) -> None:
    """Files without labels or sides are passed over; a text is every column of its side but numbers of rows."""
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "more.csv").write_text("label,left_id\n1,2\n")
    (tmp_path / "pairs.csv").write_text(
        "id,label,left_id,left_a,left_b,right_id,right_a,right_b\n0,1,7,red,,8,Red,apple\n1,0,7,x,y,9,z,\n"
    )
    ((name, left, right, truth),) = _near.labelled_pairs(tmp_path)
    assert (name, left, right) == ("pairs", ["red ", "x y"], ["Red apple", "z "])
    assert truth.tolist() == [True, False]
