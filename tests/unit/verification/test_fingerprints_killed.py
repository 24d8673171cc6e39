"""The index of fingerprints, killed at every point at which it touches the disk."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sheaf.verification import runs
from sheaf.verification.fingerprints import ExactIndex

ADDITIONS = 5  # more than FAN, so that a merge happens on the way


def submission(number: int) -> bytes:
    return b"".join(hashlib.sha256(b"%d %d" % (number, i)).digest() for i in range(number * 3))


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked process and return its wait status."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


def dying_at(point: int, call: Callable[..., Any], seen: list[int]) -> Callable[..., Any]:
    def dies(*arguments: Any, **named: Any) -> Any:
        seen[0] += 1
        if seen[0] == point:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **named)

    return dies


def add_all(directory: Path, point: int, said: int) -> None:
    """Add submissions, saying so on `said`, and die before the touch of the disk number `point`."""
    seen = [0]
    os.fsync = dying_at(point, lambda file: None, seen)
    for name in ("open", "replace", "unlink"):
        setattr(Path, name, dying_at(point, getattr(Path, name), seen))
    index = ExactIndex(directory)
    for number in range(1, ADDITIONS + 1):
        index.add(submission(number), number)
        os.write(said, bytes([number]))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_killed_anywhere_nothing_added_is_lost(tmp_path: Path, monkeypatch: Any) -> None:
    """Killed before any touch of the disk, the index holds all that was added and at most the addition under way."""
    monkeypatch.setattr(
        os, "fsync", lambda file: None
    )  # a killed process loses nothing that is not yet synced
    killed = 0
    for point in range(1, 1000):
        directory = tmp_path / str(point)
        listen, said = os.pipe()
        status = in_child(lambda d=directory, p=point, s=said: add_all(d, p, s))  # type: ignore[misc]
        os.close(said)
        done = len(os.read(listen, 100))
        os.close(listen)
        held = ExactIndex(directory)
        held.check()
        numbers = held.submissions().tolist()
        assert numbers in (list(range(1, done + 1)), list(range(1, done + 2)))
        for number in range(1, ADDITIONS + 1):
            data = submission(number)
            assert len(held.find(data)) == (len(data) // 32 if number in numbers else 0)
        following = len(numbers) + 1
        assert held.add(submission(following), following)
        files = {path.name for path in (directory / "market").iterdir()} - {"lock", "manifest"}
        assert len(files) == held.runs, "what a killed writer left is swept away by the next"
        if not os.WIFSIGNALED(status):
            break
        killed += 1
    assert killed > 30


ENDLESS = """
import hashlib, sys
from pathlib import Path
from sheaf.verification.fingerprints import ExactIndex
index = ExactIndex(Path(sys.argv[1]))
number = int(index.submissions().max(initial=0))
while True:
    number += 1
    index.add(hashlib.sha256(number.to_bytes(8, "big")).digest() * 2, number)
    print(number, flush=True)
"""


def test_killed_between_any_two_instructions_nothing_is_lost(tmp_path: Path) -> None:
    """Killed from outside, whatever it was doing, a writer has kept everything that it said it had added."""
    last = 0
    for lines in (3, 7, 11, 18):
        with subprocess.Popen(
            [sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            for _ in range(lines):
                last = int(writer.stdout.readline())
            writer.kill()
            last = int((writer.stdout.read().split() or [last])[-1])
        index = ExactIndex(tmp_path)
        index.check()
        held = index.submissions().tolist()
        assert held in (list(range(1, last + 1)), list(range(1, last + 2)))
        last = held[-1]


def test_two_writers_take_turns(tmp_path: Path) -> None:
    """Two processes that add at once lose nothing of each other."""
    work = (
        "import hashlib,sys\nfrom pathlib import Path\n"
        "from sheaf.verification.fingerprints import ExactIndex\n"
        "index = ExactIndex(Path(sys.argv[1]))\n"
        "for n in range(int(sys.argv[2]), 60, 2): index.add(hashlib.sha256(bytes([n])).digest(), n)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", work, str(tmp_path), str(i)]) for i in range(2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    index = ExactIndex(tmp_path)
    index.check()
    assert index.submissions().tolist() == list(range(60))
    assert len(index.find(b"".join(hashlib.sha256(bytes([n])).digest() for n in range(60)))) == 60


def test_a_reader_survives_a_merge_between_two_of_its_looks(tmp_path: Path, monkeypatch: Any) -> None:
    """If a run vanishes after its name was read, the reader reads the newer manifest."""
    writer = ExactIndex(tmp_path)
    for number in range(1, runs.FAN):
        writer.add(submission(number), number)
    read_run, merged = runs.read_run, []

    def merging_first(layout: Any, path: Path, whole: bool = False) -> Any:
        if not merged:
            merged.append(True)
            writer.add(submission(runs.FAN), runs.FAN)
        return read_run(layout, path, whole)

    monkeypatch.setattr(runs, "read_run", merging_first)
    assert ExactIndex(tmp_path).submissions().tolist() == list(range(1, runs.FAN + 1))
