"""The local mailbox against death, damage and other processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sheaf.domain.errors import StoreError
from sheaf.store.mailbox import LocalMailbox

POSTER = """
import sys
from pathlib import Path
from sheaf.store.mailbox import LocalMailbox

mailbox = LocalMailbox(Path(sys.argv[1]))
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    mailbox.post("topic", b"%s %d" % (sys.argv[3].encode(), number))
    print(number, flush=True)
"""


def start(directory: Path, letters: int, name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", POSTER, str(directory), str(letters), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def folder(directory: Path) -> list[Path]:
    return sorted((directory / "topics" / "topic").iterdir())


def test_processes_post_at_once(tmp_path: Path) -> None:
    """Two processes lose nothing of each other's, and each one's order is kept."""
    posters = [start(tmp_path, 10, name) for name in ("a", "b")]
    for poster in posters:
        assert poster.stdin is not None
        poster.stdin.write(b"go\n")
        poster.stdin.flush()
    for poster in posters:
        poster.communicate()
        assert poster.returncode == 0
    letters = LocalMailbox(tmp_path).read("topic")
    for name in (b"a", b"b"):
        assert [letter for letter in letters if letter.startswith(name)] == [
            b"%s %d" % (name, n) for n in range(10)
        ]


def test_a_posted_letter_survives_the_poster(tmp_path: Path) -> None:
    """After kill -9 every letter that was reported posted is there, whole, and posting goes on."""
    with start(tmp_path, 100_000, "a") as poster:
        assert poster.stdin is not None
        assert poster.stdout is not None
        poster.stdin.write(b"go\n")
        poster.stdin.flush()
        for number in range(5):
            assert int(poster.stdout.readline()) == number
        poster.send_signal(signal.SIGKILL)
        reported = 5 + len(poster.stdout.read().splitlines())
    mailbox = LocalMailbox(tmp_path)
    letters = mailbox.read("topic")
    assert len(letters) in (reported, reported + 1)
    assert letters == [b"a %d" % number for number in range(len(letters))]
    mailbox.post("topic", b"next")
    assert mailbox.read("topic") == [*letters, b"next"]


def test_a_damaged_letter_is_left_out_until_posted_again(tmp_path: Path) -> None:
    """A letter that the disk altered does not come out; posting it again heals it in its old place."""
    mailbox = LocalMailbox(tmp_path)
    for letter in (b"one", b"two"):
        mailbox.post("topic", letter)
    first = folder(tmp_path)[0]
    first.unlink()
    first.write_bytes(b"0ne")
    assert mailbox.read("topic") == [b"two"]
    mailbox.post("topic", b"one")
    assert mailbox.read("topic") == [b"one", b"two"]


def test_foreign_files_are_no_letters(tmp_path: Path) -> None:
    """Files that strangers put among the letters are not read."""
    mailbox = LocalMailbox(tmp_path)
    mailbox.post("topic", b"letter")
    (tmp_path / "topics" / "topic" / "00000009.txt").write_bytes(b"forged")
    with (tmp_path / "topics" / "topic" / f"00000001.{'0' * 64}").open("wb") as file:
        file.truncate(1 << 40)
    assert mailbox.read("topic") == [b"letter"]


def test_a_mailbox_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A file in the way of a topic is named, with what to do."""
    mailbox = LocalMailbox(tmp_path)
    (tmp_path / "topics" / "topic").write_bytes(b"")
    with pytest.raises(StoreError, match="a file stands in the way"):
        mailbox.post("topic", b"letter")
    with pytest.raises(StoreError, match="a file stands in the way"):
        mailbox.read("topic")
