"""The local store against death, disks and strangers."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sheaf.domain.errors import IntegrityError, StoreError
from sheaf.domain.ids import Cid
from sheaf.store.chunks import CHUNK_BYTES, root_of
from sheaf.store.files import make_directory, refusal
from sheaf.store.local import LocalStore

WRITER = """
import sys
from pathlib import Path
from sheaf.store.local import LocalStore

def pieces():
    yield bytes(700_000)
    print("half", flush=True)
    sys.stdin.read()

LocalStore(Path(sys.argv[1])).put(pieces())
"""


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def start_writer(directory: Path) -> subprocess.Popen[bytes]:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"half\n"
    return writer


def test_a_killed_writer_leaves_nothing(tmp_path: Path) -> None:
    """After kill -9 in the middle of a put there is no content, and the next opening removes the remains."""
    with start_writer(tmp_path) as writer:
        assert files(tmp_path)
        writer.send_signal(signal.SIGKILL)
    assert files(tmp_path / "content") == []
    LocalStore(tmp_path)
    assert files(tmp_path) == []


def test_opening_spares_writers_at_work(tmp_path: Path) -> None:
    """A store opened while another process puts does not disturb that put."""
    with start_writer(tmp_path) as writer:
        store = LocalStore(tmp_path)
        assert len(files(tmp_path)) == 1
        writer.communicate()
    assert writer.returncode == 0
    assert store.get(root_of(bytes(700_000))) == bytes(700_000)


def test_remains_are_swept_whatever_they_are(tmp_path: Path) -> None:
    """Folders and links in the way are left alone; what a lock holds is left; the store opens all the same."""
    incoming = tmp_path / "incoming"
    (incoming / "folder").mkdir(parents=True)
    (incoming / "link").symlink_to(tmp_path)
    (incoming / "dead").touch()
    with (incoming / "held").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        LocalStore(tmp_path)
    assert sorted(path.name for path in incoming.iterdir()) == ["folder", "held", "link"]


@pytest.mark.parametrize("size", [10, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
@pytest.mark.parametrize("cut", [1, 31, 32, 33, 64])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int, cut: int) -> None:
    """A file cut short by the disk raises IntegrityError naming the CID, and gives out nothing of a broken list."""
    store = LocalStore(tmp_path)
    cid = store.put(bytes(range(250)) * 4000 + bytes(size) if size > CHUNK_BYTES else bytes(size))
    path = tmp_path / "content" / cid
    path.chmod(0o644)
    os.truncate(path, max(0, path.stat().st_size - cut))
    with pytest.raises(IntegrityError, match=cid):
        store.get(cid)


@pytest.mark.parametrize(
    "length", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 32, CHUNK_BYTES + 64, 2 * CHUNK_BYTES + 96]
)
def test_a_length_that_no_content_has_is_refused(tmp_path: Path, length: int) -> None:
    """A planted file for a CID of many blocks is refused by its length, or by its list of blocks."""
    store = LocalStore(tmp_path)
    cid = root_of(bytes(3 * CHUNK_BYTES))
    (tmp_path / "content" / cid).write_bytes(bytes(length))
    with pytest.raises(IntegrityError, match=cid):
        store.get(cid)


def test_a_planted_giant_is_refused_unread(tmp_path: Path) -> None:
    """A terabyte of nothing under the CID of one block is refused by its size alone."""
    store = LocalStore(tmp_path)
    cid = root_of(b"small")
    with (tmp_path / "content" / cid).open("wb") as file:
        file.truncate(1 << 40)
    for ask in (store.get, store.size):
        with pytest.raises(IntegrityError, match="1099511627776 bytes cannot be it"):
            ask(cid)


def test_a_planted_folder_is_no_content(tmp_path: Path) -> None:
    """A folder under a CID's name is refused in one line."""
    store = LocalStore(tmp_path)
    cid = root_of(b"small")
    (tmp_path / "content" / cid).mkdir()
    assert not store.has(cid)
    with pytest.raises(StoreError, match="is a directory"):
        store.get(cid)


def test_content_is_written_for_reading_only(tmp_path: Path) -> None:
    """What was put cannot be overwritten by accident."""
    cid = LocalStore(tmp_path).put(b"content")
    assert (tmp_path / "content" / cid).stat().st_mode & 0o777 == 0o444


def test_content_survives_reopening(tmp_path: Path) -> None:
    """Another store on the same directory has what the first was given."""
    cid = LocalStore(tmp_path).put(b"content")
    assert LocalStore(tmp_path).get(cid) == b"content"


def test_a_disk_that_takes_no_more_is_said(tmp_path: Path) -> None:
    """A write refused by the system raises StoreError with path, reason and fix, and leaves nothing."""
    store = LocalStore(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(StoreError, match=rf"^store: {tmp_path}.*: file too large: .*ulimit -f"):
            store.put([bytes(1 << 20), bytes(1 << 20)])
        with pytest.raises(StoreError, match="file too large"):
            store.put(bytes((1 << 20) - 10))  # fits, but the list of blocks does not
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(tmp_path) == []


def test_a_directory_that_is_a_file_is_said(tmp_path: Path) -> None:
    """A file where the directory should be is named, with what to do."""
    (tmp_path / "taken").write_bytes(b"")
    for path in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(StoreError, match="a file stands in the way"):
            LocalStore(path)


def test_a_directory_that_went_away_is_said(tmp_path: Path) -> None:
    """A put and a deletion after the directory was removed raise StoreError, not a trace."""
    store = LocalStore(tmp_path)
    for name in ("incoming", "content"):
        (tmp_path / name).rmdir()
    with pytest.raises(StoreError, match="no such file or directory"):
        store.put(b"content")
    with pytest.raises(StoreError, match="no such file or directory"):
        store.delete(root_of(b"content"))


def test_a_directory_without_rights_is_said(tmp_path: Path) -> None:
    """A directory that this account may not write is named, with what to do."""
    tmp_path.chmod(0o500)
    account = os.geteuid()
    if account == 0:  # root may write anywhere, so be nobody for a while
        os.seteuid(65534)
    try:
        with pytest.raises(StoreError, match="permission denied: give this account the right"):
            LocalStore(tmp_path / "store")
    finally:
        os.seteuid(account)


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, "no space left on device: free some space"),
        (errno.EDQUOT, "disk quota exceeded: raise"),
        (errno.EACCES, "permission denied: give this account"),
        (errno.EROFS, "read-only file system: mount"),
        (errno.EIO, "input/output error: check the disk"),
    ],
)
def test_what_the_system_refuses_is_one_line(number: int, fix: str) -> None:
    """Every reason a disk has is told with path and fix."""
    told = str(refusal(Path("data"), OSError(number, os.strerror(number))))
    assert told.startswith(f"store: data: {fix}")
    assert "\n" not in told


def test_a_made_directory_may_be_there(tmp_path: Path) -> None:
    """Making a directory twice, or a relative one, is no error."""
    make_directory(tmp_path / "a" / "b")
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert Cid(LocalStore(tmp_path / "a" / "b").put(b""))
