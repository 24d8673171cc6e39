"""What the benchmarks of scoring make is what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from benchmarks._records import Set, corrupted, sets
from benchmarks.purchase import SPAMMERS, offer


@pytest.fixture
def small() -> Set:
    random = np.random.default_rng(0)
    columns = {
        "size": random.normal(size=400),
        "list": random.integers(0, 9, (400, 3)).tolist(),
        "text": [" ".join(random.choice(["a", "bb", "ccc"], 4)) for _ in range(400)],
    }
    return Set("small", pa.table(columns), random.integers(0, 4, 400), list("wxyz"))


def test_corrupted_labels_are_those_that_differ_from_the_truth(small: Set) -> None:
    """Two in five labels are flipped, each to another one, and none of gold."""
    made = corrupted(small, 0)
    assert (made.is_right == (made.given == made.truth)).all()
    assert 0.3 < 1 - made.is_right.mean() < 0.5
    assert len(made.gold) == 80 and made.records.num_rows == 320
    assert made.records.column("label").to_pylist() == [small.names[i] for i in made.given]


@pytest.mark.parametrize("seed", [0, 1])
def test_spammers_spoil_what_they_say(small: Set, seed: int) -> None:
    """Honest records are right, flipped and moved ones wrong, garbage never right, half of the half-honest clean."""
    made = offer(small, seed)
    kind, is_same = np.array(made.kind), made.given == made.truth
    assert made.is_right[kind == "honest"].all() and made.is_clean[kind == "honest"].all()
    assert not is_same[np.isin(kind, ("flipped", "coordinated"))].any()
    assert not made.is_right[kind == "garbage"].any()
    assert 0.2 < made.is_clean[kind == "half-honest"].mean() < 0.8
    assert not made.is_clean[np.isin(kind, ("random", "flipped", "garbage", "coordinated"))].any()
    assert set(kind) == {"honest", *SPAMMERS}
    assert len(set(made.records.column("contributor").to_pylist())) <= 20


def test_sets_are_read_from_a_folder(tmp_path: Path, small: Set) -> None:
    """A folder of folders is read, whatever the labels are; an empty one is refused, and so is a set without labels."""
    with pytest.raises(SystemExit, match="give files, or folders"):
        sets(tmp_path)
    (tmp_path / "small").mkdir()
    labelled = small.records.append_column("label", pa.array([small.names[i] for i in small.label]))
    parquet.write_table(labelled, tmp_path / "small" / "records.parquet")
    (found,) = sets(tmp_path)
    assert found.names == list("wxyz") and (found.label == small.label).all()
    assert found.records.column_names == ["size", "list", "text"]
    parquet.write_table(
        labelled.rename_columns(["size", "list", "text", "target"]), tmp_path / "flat.parquet"
    )
    assert [one.name for one in sets(tmp_path)] == ["flat", "small"]
    parquet.write_table(small.records, tmp_path / "small" / "records.parquet")
    with pytest.raises(SystemExit, match="give a column named label"):
        sets(tmp_path)
