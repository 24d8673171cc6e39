"""The index of near duplicates."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sheaf.domain.errors import InputError, IntegrityError
from sheaf.verification.near import Matches, NearIndex, Sketch, find_near_duplicates
from sheaf.verification.near import index as module
from sheaf.verification.near.rows import Rows
from sheaf.verification.near.text import Texts
from sheaf.verification.runs import FAN

KIND = Texts(("t",), 0.5, "words", 1)


def texts(*values: str | None) -> pa.Table:
    return pa.table({"t": pa.array(values, pa.string())})


def listed(matches: Matches) -> list[tuple[int, int, int]]:
    return list(zip(*(part.tolist() for part in matches[:3]), strict=True))


def random_sketch(seed: int, count: int = 20) -> Sketch:
    random = np.random.default_rng(seed)
    keys = random.integers(0, 2**32, (count, KIND.bands), dtype=np.uint32)
    return Sketch(
        np.ones(count, np.bool_), keys, random.integers(0, 256, (count, KIND.width), dtype=np.uint8)
    )


def test_near_records_are_found_through_merges_and_reopening(tmp_path: Path) -> None:
    """Each record names the submission, record and similarity of what it is near to, the most similar first."""
    index = NearIndex(KIND, tmp_path)
    for number in range(3 * FAN + 1):
        words = [f"w{number}x{i}" for i in range(20)]
        assert index.add(KIND.sketch(texts(None, " ".join(words), "", f"own {number}")), 7 * number)
    assert len(index) == 2 * (3 * FAN + 1) and index.runs < 2 * FAN
    again = NearIndex(KIND, tmp_path)
    for number in range(3 * FAN + 1):
        words = [f"w{number}x{i}" for i in range(18)] + ["else"]
        found = again.find(KIND.sketch(texts("nothing like it", " ".join(words), None)))
        assert listed(found) == [(1, 7 * number, 1)] and 0.6 < found.similarity[0] <= 1
    assert again.submissions().tolist() == list(range(0, 7 * (3 * FAN + 1), 7))
    again.check()


def test_the_most_similar_comes_first() -> None:
    """Of several matches of one record the nearest stands first; the threshold cuts."""
    index = NearIndex(KIND)
    words = [f"w{i}" for i in range(200)]
    index.add(KIND.sketch(texts(" ".join(words[:150]), " ".join(words), " ".join(words[:120]))), 1)
    found = index.find(KIND.sketch(texts(" ".join(words))))
    assert listed(found)[:2] == [(0, 1, 1), (0, 1, 0)]
    assert listed(index.find(KIND.sketch(texts(" ".join(words))), 0.95)) == [(0, 1, 1)]


def test_adding_again_changes_nothing() -> None:
    """After a crash one may add again without asking."""
    index = NearIndex(KIND)
    assert index.add(random_sketch(1), 5) and not index.add(random_sketch(2), 5)
    assert index.has(5) and not index.has(4) and len(index) == 20


def test_empty_submissions_are_held(tmp_path: Path) -> None:
    """Submissions without a comparable record are known, and move no other's records."""
    index = NearIndex(KIND, tmp_path)
    for number in range(2 * FAN):
        index.add(KIND.sketch(texts("one two three") if number % 3 == 1 else texts(None, "?")), number)
    found = NearIndex(KIND, tmp_path).find(KIND.sketch(texts("one two three")))
    assert listed(found) == [(0, n, 0) for n in range(2 * FAN) if n % 3 == 1]
    assert not len(index.find(KIND.sketch(texts())))


def test_large_runs_are_not_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merging keeps a bounded number of records in memory; what is beyond stays in runs of its own, and is found."""
    monkeypatch.setattr(module, "MOST", 100)
    index = NearIndex(KIND)
    for number in range(5 * FAN):
        index.add(random_sketch(number), number)
    assert index.runs > FAN
    for number in range(5 * FAN):
        assert listed(index.find(random_sketch(number))) == [(i, number, i) for i in range(20)]


def test_kinds_do_not_mix(tmp_path: Path) -> None:
    """Each kind has an index of its own in the folder, and sketches of another form are refused."""
    NearIndex(KIND, tmp_path).add(KIND.sketch(texts("one two three")), 1)
    other = Texts(("t",), 0.5, "words", 2)
    assert not len(NearIndex(other, tmp_path))
    rows = Rows(("n",), (), (1.0,))
    with pytest.raises(InputError, match=r"^sketch: 2 keys, 16 bytes"):
        NearIndex(KIND).add(rows.sketch(pa.table({"n": [1.0]})), 1)
    with pytest.raises(InputError, match=r"^index: text-words-1: open one of the kind text-words-2"):
        find_near_duplicates(texts("a"), other, index=NearIndex(KIND))


@pytest.mark.parametrize("submission", [-1, 2**64, 1.5, "1"])
def test_a_submission_is_a_number_of_64_bits(submission: int) -> None:
    """Anything else is refused, and nothing is added."""
    index = NearIndex(KIND)
    with pytest.raises(InputError, match=r"^submission: "):
        index.add(random_sketch(1), submission)
    assert not len(index)


def test_a_record_costs_292_bytes(tmp_path: Path) -> None:
    """32 entries of 8 bytes, 32 of signature, 4 of number: what the files hold for a record, beside 80 bytes a submission."""
    NearIndex(KIND, tmp_path).add(random_sketch(1, 1000), 1)
    (run,) = tmp_path.rglob("*.run")
    assert run.stat().st_size == 64 + 16 + 292 * 1000


def test_broken_files_are_refused_with_a_way_out(tmp_path: Path) -> None:
    """A truncated run, one of another width and a flipped bit each give one line that says what to do."""
    index = NearIndex(KIND, tmp_path)
    index.add(random_sketch(1), 1)
    (run,) = tmp_path.rglob("*.run")
    good = run.read_bytes()
    for bad in (good[:-1], good + b"\0", b"", b"sheafrun" + good[8:]):
        run.write_bytes(bad)
        with pytest.raises(IntegrityError, match=r"near duplicates: .* is broken: delete the directory"):
            NearIndex(KIND, tmp_path)
    run.write_bytes(good[:-9] + bytes([good[-9] ^ 1]) + good[-8:])
    with pytest.raises(IntegrityError, match="is broken"):
        NearIndex(KIND, tmp_path).check()


ENDLESS = """
import sys
from pathlib import Path
from sheaf.verification.near import NearIndex
from tests.unit.verification.near.test_index import KIND, random_sketch
index = NearIndex(KIND, Path(sys.argv[1]))
number = int(index.submissions().max(initial=0))
while True:
    number += 1
    index.add(random_sketch(number), number)
    print(number, flush=True)
"""


def test_killed_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Killed by signal 9 whatever it was doing, a writer has kept everything that it said it had added."""
    last = 0
    for lines in (5, 14):
        with subprocess.Popen(
            [sys.executable, "-c", ENDLESS, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[4],
            env=os.environ | {"PYTHONPATH": "."},
        ) as writer:
            assert writer.stdout is not None
            for _ in range(lines):
                last = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split()
            last = int(rest[-1]) if rest else last
        index = NearIndex(KIND, tmp_path)
        index.check()
        held = index.submissions().tolist()
        assert held in (list(range(1, last + 1)), list(range(1, last + 2)))
        for number in held:
            assert listed(index.find(random_sketch(number))) == [(i, number, i) for i in range(20)]
        last = held[-1]
