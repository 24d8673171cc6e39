"""The index of exact fingerprints."""

from __future__ import annotations

import hashlib
import shutil
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import InputError, IntegrityError
from sheaf.verification.fingerprints import ExactIndex, Matches, first_copies
from sheaf.verification.runs import FAN


def digests(*names: int) -> bytes:
    return b"".join(hashlib.sha256(name.to_bytes(8, "big")).digest() for name in names)


def triples(matches: Matches) -> list[tuple[int, int, int]]:
    return list(
        zip(matches.query.tolist(), matches.submission.tolist(), matches.record.tolist(), strict=True)
    )


@given(
    st.lists(st.lists(st.integers(0, 12), max_size=8), max_size=14), st.lists(st.integers(0, 14), max_size=10)
)
def test_found_is_what_was_added(submissions: list[list[int]], queries: list[int]) -> None:
    """Through all merges, a digest is found under every submission that holds it, at its first record there."""
    index, holders = ExactIndex(), defaultdict(list)
    for number, names in enumerate(submissions, 1):
        assert index.add(digests(*names), number)
        for name in dict.fromkeys(names):
            holders[name].append((number, names.index(name)))
    expected = [(i, *holder) for i, name in enumerate(queries) for holder in holders[name]]
    assert triples(index.find(digests(*queries))) == expected
    assert index.submissions().tolist() == list(range(1, len(submissions) + 1))
    assert len(index) == sum(len(set(names)) for names in submissions)


@given(st.lists(st.integers(0, 6), max_size=20))
def test_first_copies_names_the_first_of_equals(names: list[int]) -> None:
    """Every record points to the first one with its digest."""
    assert first_copies(digests(*names)).tolist() == [names.index(name) for name in names]


def test_equal_keys_are_not_equal_records(tmp_path: Path) -> None:
    """Digests that agree in the 64-bit key only are different records: all 32 bytes must agree."""
    one, other = bytes(8) + bytes(24), bytes(8) + bytes(23) + b"\x01"
    index = ExactIndex(tmp_path)
    index.add(one + other, 7)
    assert triples(index.find(other)) == [(0, 7, 1)]
    assert not len(index.find(bytes(8) + b"\xff" * 24))
    assert first_copies(one + other + one).tolist() == [0, 1, 0]


def test_the_extreme_keys_are_found() -> None:
    """The smallest and the greatest key lie in the index like any other."""
    index = ExactIndex()
    index.add(bytes(32) + b"\xff" * 32, 1)
    assert triples(index.find(b"\xff" * 32 + bytes(32))) == [(0, 1, 1), (1, 1, 0)]


def test_what_was_added_is_there_after_reopening(tmp_path: Path) -> None:
    """A second opening, even while the first is open, sees all that was added, and runs stay few."""
    first, second = ExactIndex(tmp_path), ExactIndex(tmp_path)
    for number in range(1, 30):
        assert first.add(digests(number, number + 100), number)
        assert triples(second.find(digests(number))) == [(0, number, 0)]
    again = ExactIndex(tmp_path)
    assert triples(again.find(digests(*range(1, 30)))) == [(i, i + 1, 0) for i in range(29)]
    assert again.runs <= 3 * FAN and len(list((tmp_path / "market").glob("*.run"))) == again.runs
    again.check()


def test_adding_a_submission_again_changes_nothing(tmp_path: Path) -> None:
    """After a crash one may add again without asking."""
    index = ExactIndex(tmp_path)
    assert index.add(digests(1), 5) and not index.add(digests(2), 5)
    assert index.has(5) and not index.has(4)
    assert not len(ExactIndex(tmp_path).find(digests(2)))


def test_empty_submissions_are_held_too(tmp_path: Path) -> None:
    """Submissions without records are known, through merges and reopening."""
    index = ExactIndex(tmp_path)
    for number in range(2 * FAN):
        assert index.add(digests(1) if number == FAN else b"", number)
    assert ExactIndex(tmp_path).submissions().tolist() == list(range(2 * FAN))
    assert triples(index.find(digests(1))) == [(0, FAN, 0)]


def test_namespaces_know_nothing_of_each_other(tmp_path: Path) -> None:
    """What was added under one name is not found under another."""
    ExactIndex(tmp_path, "chain-1").add(digests(1), 1)
    assert len(ExactIndex(tmp_path, "chain-1").find(digests(1))) == 1
    assert not len(ExactIndex(tmp_path, "chain-2").find(digests(1)))


@pytest.mark.parametrize("name", ["", "../up", "a/b", "A", ".", "x" * 65])
def test_a_namespace_is_a_plain_name(tmp_path: Path, name: str) -> None:
    """A namespace cannot lead out of its directory."""
    with pytest.raises(InputError, match="namespace: "):
        ExactIndex(tmp_path, name)


@pytest.mark.parametrize(
    ("data", "submission"), [(bytes(31), 1), (bytes(33), 1), (bytes(32), -1), (b"", 2**64)]
)
def test_malformed_additions_are_refused(data: bytes, submission: int) -> None:
    """Digests come 32 bytes each, submissions below 2**64; nothing is added otherwise."""
    index = ExactIndex()
    with pytest.raises(InputError):
        index.add(data, submission)
    assert not len(index)


def test_broken_files_are_refused_with_a_way_out(tmp_path: Path) -> None:
    """A broken manifest, a truncated, foreign or missing run each give one line that says how to rebuild."""
    index = ExactIndex(tmp_path)
    index.add(digests(1, 2, 3), 1)
    manifest, run = tmp_path / "market" / "manifest", next((tmp_path / "market").glob("*.run"))
    good = run.read_bytes()
    for bad in (good[:-1], good + b"\0", b"", good[:70], b"\0" * len(good), good.replace(b"[1,3,", b"[2,3,")):
        run.write_bytes(bad)
        with pytest.raises(IntegrityError, match="rebuilt"):
            ExactIndex(tmp_path)
    run.unlink()
    with pytest.raises(IntegrityError, match="missing"):
        ExactIndex(tmp_path)
    run.write_bytes(good)
    for bad in (b"", b"{", b'{"serial": 1, "runs": [["../x", 0, 1]]}', b'{"serial": "x"}', b"\xff"):
        manifest.write_bytes(bad)
        with pytest.raises(IntegrityError, match="rebuilt"):
            ExactIndex(tmp_path)


def test_an_index_rebuilt_under_a_reader_is_read_anew(tmp_path: Path) -> None:
    """Thrown away and made again, even with as many additions, the index shows the new content to who had it open."""
    reader, writer = ExactIndex(tmp_path), ExactIndex(tmp_path)
    writer.add(digests(1), 1)
    assert len(reader.find(digests(1))) == 1
    shutil.rmtree(tmp_path / "market")
    ExactIndex(tmp_path).add(digests(2), 1)
    assert len(reader.find(digests(2))) == 1 and not len(reader.find(digests(1)))


def test_a_flipped_bit_is_found_by_check(tmp_path: Path) -> None:
    """`check` reads every run whole."""
    index = ExactIndex(tmp_path)
    index.add(digests(1, 2, 3), 1)
    run = next((tmp_path / "market").glob("*.run"))
    data = bytearray(run.read_bytes())
    data[-1] ^= 1
    run.write_bytes(data)
    with pytest.raises(IntegrityError, match="is broken"):
        ExactIndex(tmp_path).check()
    ExactIndex().check()


def test_many_keys_are_found_at_once() -> None:
    """A vectorised look-up over many runs agrees with a dictionary."""
    random = np.random.default_rng(1)
    index, parts = ExactIndex(), [random.bytes(32 * 500) for _ in range(6)]
    for number, part in enumerate(parts, 1):
        index.add(part, number)
    query = parts[4][:3200] + random.bytes(3200) + parts[0][:3200]
    expected = [(i, 5, i) for i in range(100)] + [(200 + i, 1, i) for i in range(100)]
    assert triples(index.find(query)) == expected
