"""Sorted runs on disk: what an index is made of, whatever it indexes.

A run holds what was added at once, sorted; runs are merged by levels as in a log-structured merge tree (O'Neil et al.
1996). A run is written beside, synced and renamed; it lives from the moment the manifest that names it is renamed into
place, so a process killed at any point leaves the index as it was before or after the change, never between. Files are
mapped, not read: opening costs the same however much there is.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import threading
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from sheaf.domain.errors import InputError, IntegrityError

FAN = 4
"""Runs of one level that are merged into one of the next."""

_HEADER_BYTES = 64


class Run(Protocol):
    """What was added, sorted: a number of entries, from submissions of which each is in one run only."""

    @property
    def submissions(self) -> NDArray[np.uint64]:
        """Shape (submissions,)."""
        ...

    def __len__(self) -> int:
        """Return the number of entries."""
        ...

    def parts(self) -> tuple[NDArray[Any], ...]:
        """Return the arrays that are written, the submissions first."""
        ...


R = TypeVar("R", bound=Run)
Shape = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class Layout(Generic[R]):
    """How one kind of run lies in its file.

    `magic` has eight bytes; `shapes(entries, submissions)` gives type and shape of each part; `run` takes the parts; `merge`
    makes one of several, unless together they have more than `most` entries. `remedy` says what to do about a broken file.
    """

    name: str
    magic: bytes
    remedy: str
    shapes: Callable[[int, int], list[Shape]]
    run: Callable[..., R]
    merge: Callable[[Sequence[R]], R]
    most: int = 2**62


class _Header(msgspec.Struct, array_like=True):
    version: int
    entries: int
    submissions: int
    checksum: int


class _Listed(msgspec.Struct, array_like=True, frozen=True):
    name: str
    level: int
    entries: int


class _Manifest(msgspec.Struct):
    serial: int = 0
    runs: list[_Listed] = []


class Runs(Generic[R]):
    """Runs of one layout in `directory` under `namespace`, or in memory if that is None.

    Any number of processes may read; writers take turns.
    """

    def __init__(self, layout: Layout[R], directory: Path | None, namespace: str) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", namespace):
            raise InputError("namespace", namespace, "use lower-case letters, digits and -")
        self._layout = layout
        self._at = None if directory is None else directory / namespace
        self._open: dict[str, R] = {}
        self._manifest, self._seen = _Manifest(), (0, 0)
        self._lock: FileLock | threading.Lock = threading.Lock()
        if self._at is not None:
            self._at.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self._at / "lock")
        self._refresh()

    def __len__(self) -> int:
        """Return the number of entries."""
        self._refresh()
        return sum(run.entries for run in self._manifest.runs)

    @property
    def count(self) -> int:
        """How many runs there are."""
        return len(self._manifest.runs)

    def every(self) -> list[R]:
        """Return the runs as they are now."""
        self._refresh()
        return [self._open[run.name] for run in self._manifest.runs]

    def submissions(self) -> NDArray[np.uint64]:
        """Return the submissions that were added, ascending."""
        found = [run.submissions for run in self.every()]
        return np.sort(np.concatenate([np.empty(0, np.uint64), *found]))

    def has(self, submission: int) -> bool:
        """Tell whether `submission` was added."""
        return any(submission in run.submissions for run in self.every())

    def add(self, run: R) -> bool:
        """Add the run of one submission, and merge. Returns False, changing nothing, if the submission is there."""
        with self._lock:
            if any(self.has(int(submission)) for submission in run.submissions):
                return False
            runs = [*self._manifest.runs, _Listed("", 0, len(run))]
            fresh = {len(runs) - 1: run}
            while len(tail := _full_level(runs, self._layout.most)):
                merged = self._layout.merge(
                    [fresh[i] if i in fresh else self._open[runs[i].name] for i in tail]
                )
                fresh = {tail[0]: merged}
                runs[tail[0] :] = [_Listed("", runs[tail[0]].level + 1, len(merged))]
            self._replace(runs, fresh)
            return True

    def check(self) -> None:
        """Read every run whole and raise IntegrityError where its bytes are not those that were written."""
        self._refresh()
        for listed in self._manifest.runs if self._at else ():
            read_run(self._layout, self._at / listed.name, whole=True)  # type: ignore[operator]

    def _refresh(self) -> None:
        """Take up the newest manifest and open the runs that it names."""
        if self._at is None:
            return
        for _ in range(100):  # a merge may remove a run between our reading its name and our opening it
            seen, manifest = _read_manifest(self._layout, self._at / "manifest")
            if seen == self._seen:
                return
            with contextlib.suppress(FileNotFoundError):
                self._open = {
                    run.name: self._open[run.name]
                    if run.name in self._open
                    else read_run(self._layout, self._at / run.name)
                    for run in manifest.runs
                }
                self._manifest, self._seen = manifest, seen
                return
        raise _broken(self._layout, f"a run of the manifest in {self._at} is missing")

    def _replace(self, runs: list[_Listed], fresh: dict[int, R]) -> None:
        """Make `runs` the index: write the fresh ones, then the manifest, then remove what nothing names."""
        manifest = _Manifest(self._manifest.serial + 1, runs)
        for i, run in fresh.items():
            checksum, parts = _run_bytes(self._layout, run)
            # Names are never used again, even if the index is rebuilt under the eyes of a reader.
            name = f"{manifest.serial:012d}-{checksum:08x}.run"
            manifest.runs[i] = msgspec.structs.replace(runs[i], name=name)
            if self._at is not None:
                _write(self._at / name, parts)
            else:
                self._open[name] = run
        names = {run.name for run in manifest.runs}
        if self._at is None:
            self._manifest = manifest
            self._open = {name: self._open[name] for name in names}
            return
        _write(self._at / "manifest", [msgspec.json.encode(manifest)])
        self._refresh()
        for path in self._at.iterdir():
            if path.suffix in (".run", ".tmp") and path.name not in names:
                path.unlink(missing_ok=True)


def _full_level(runs: list[_Listed], most: int) -> range:
    """Return the positions of the last FAN runs if they are of one level and not too large, else an empty range."""
    tail = range(max(0, len(runs) - FAN), len(runs))
    is_full = len(tail) == FAN and runs[tail[0]].level == runs[-1].level
    return tail if is_full and sum(runs[i].entries for i in tail) <= most else range(0)


def _broken(layout: Layout[Any], what: str) -> IntegrityError:
    return IntegrityError(f"{layout.name}: {what}: {layout.remedy}")


def _run_bytes(layout: Layout[R], run: R) -> tuple[int, list[memoryview]]:
    """Return the checksum of a run, and its file in parts."""
    parts = [np.ascontiguousarray(part).reshape(-1).view(np.uint8).data for part in run.parts()]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    header = msgspec.json.encode(_Header(1, len(run), len(run.submissions), checksum))
    return checksum, [memoryview((layout.magic + header).ljust(_HEADER_BYTES)), *parts]


def _write(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Put bytes at `path`, whole or not at all, and on the disk before we go on."""
    beside = path.with_suffix(".tmp")
    with beside.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read_manifest(layout: Layout[Any], path: Path) -> tuple[tuple[int, int], _Manifest]:
    """Return (what changes when it is replaced, the manifest); an absent one is empty."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            manifest = msgspec.json.decode(file.read(), type=_Manifest)
    except FileNotFoundError:
        return (0, 0), _Manifest()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _broken(layout, f"{path} is broken") from None
    if not all(re.fullmatch(r"\d{12}-[0-9a-f]{8}\.run", run.name) for run in manifest.runs):
        raise _broken(layout, f"{path} names files that are no runs")
    return (manifest.serial, status.st_ino), manifest


def read_run(layout: Layout[R], path: Path, whole: bool = False) -> R:
    """Map a run into memory; its bytes are compared with their checksum only if `whole`."""
    broken = _broken(layout, f"{path} is broken")
    if path.stat().st_size < _HEADER_BYTES:
        raise broken
    data = np.memmap(path, dtype=np.uint8, mode="r")
    head = data[:_HEADER_BYTES].tobytes()
    try:
        header = msgspec.json.decode(head.removeprefix(layout.magic), type=_Header)
    except msgspec.MsgspecError:
        raise broken from None
    if not head.startswith(layout.magic) or header.version != 1:
        raise broken
    if min(header.entries, header.submissions) < 0:
        raise broken
    parts, at = [], _HEADER_BYTES
    for dtype, shape in layout.shapes(header.entries, header.submissions):
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if at + size > len(data):
            raise broken
        parts.append(np.asarray(data[at : at + size]).view(dtype).reshape(shape))
        at += size
    if at != len(data) or (whole and zlib.crc32(data[_HEADER_BYTES:].data) != header.checksum):
        raise broken
    return layout.run(*parts)
