"""Files that are there whole or not at all, however the process or the machine dies."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from sheaf.domain.errors import StoreError
from sheaf.store.chunks import Bytes

_FIXES = {
    errno.ENOSPC: "free some space on this disk",
    errno.EDQUOT: "raise this account's disk quota or free some space",
    errno.EFBIG: "raise the limit on file size (ulimit -f) or use another disk",
    errno.EACCES: "give this account the right to read and write there",
    errno.EPERM: "give this account the right to read and write there",
    errno.EROFS: "mount the disk for writing or choose another directory",
    errno.ENOTDIR: "choose a directory: a file stands in the way",
    errno.EEXIST: "choose a directory: a file stands in the way",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENAMETOOLONG: "choose a shorter directory",
}


def refusal(path: Path, error: OSError) -> StoreError:
    """Return what the system refused as one line: the path, the system's reason, and what to do."""
    reason = (error.strerror or type(error).__name__).lower()
    return StoreError(f"store: {path}: {reason}: {_FIXES.get(error.errno or 0, 'check the disk')}")


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn an OSError about `path` into a StoreError."""
    try:
        yield
    except OSError as error:
        raise refusal(path, error) from error


def make_directory(path: Path) -> None:
    """Make `path` and its parents, so that they outlive a power cut. Raises StoreError."""
    with refusing(path):
        missing = [path, *path.parents]
        missing = missing[: next(i for i, parent in enumerate(missing) if parent.exists())]
        path.mkdir(parents=True, exist_ok=True)
        for made in missing:
            flush_directory(made.parent)


def flush_directory(path: Path) -> None:
    """Make names added to, or removed from, `path` outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the directory `path` against every other thread and process that locks it; a lock dies with its holder."""
    with refusing(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with refusing(path):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class Incoming:
    """A file being written in the directory `incoming`; nothing of it is left unless `keep` is called.

    Used with `with`. The writer locks its file, so that `sweep` can tell a dead writer's remains from work going on.
    """

    def __init__(self, incoming: Path) -> None:
        self._directory = incoming

    def __enter__(self) -> Incoming:
        with refusing(self._directory):
            while True:
                self._path = self._directory / secrets.token_hex(16)
                descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_nlink:  # else a sweep came between creation and lock
                    break
                os.close(descriptor)
        self._file = os.fdopen(descriptor, "wb")
        return self

    def write(self, data: Bytes) -> None:
        """Append `data`. Raises StoreError."""
        with refusing(self._path):
            self._file.write(data)

    def keep(self, target: Path) -> None:
        """Flush to the disk and take the place of `target` at once. Raises StoreError."""
        with refusing(target):
            self._file.flush()
            os.fchmod(self._file.fileno(), 0o444)
            os.fsync(self._file.fileno())
            self._path.replace(target)
            flush_directory(target.parent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        with suppress(OSError):  # what could not be flushed has been reported by write or keep
            self._file.close()


def sweep(incoming: Path) -> None:
    """Remove what writers that died left in `incoming`. What cannot be removed stays. Raises StoreError."""
    with refusing(incoming):
        for path in incoming.iterdir():
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink(missing_ok=True)
                finally:
                    os.close(descriptor)
