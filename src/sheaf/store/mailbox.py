"""Mailboxes: append-only topics of sealed or signed letters, on a local disk or in memory."""

from __future__ import annotations

import hashlib
import re
import threading
from pathlib import Path

from sheaf.domain.errors import InputError, StoreError
from sheaf.store.files import Incoming, locked, make_directory, refusing, sweep

LETTER_BYTES = 64 * 1024
LETTERS = 4096
TOPIC_CHARACTERS = 200
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,80}(/[A-Za-z0-9_-]{1,80}){0,7}", re.ASCII)
_LETTER = re.compile(r"[0-9]{8}\.[0-9a-f]{64}", re.ASCII)
_TOPIC_FIX = "use 1 to 8 words of letters, digits, - and _, joined by /, at most 200 characters"


def check_topic(topic: str) -> None:
    """Refuse what is no topic: 1 to 8 words of 1 to 80 letters, digits, `-`, `_`, joined by `/`. Raises InputError."""
    if len(topic) > TOPIC_CHARACTERS or not _TOPIC.fullmatch(topic):
        raise InputError("topic", topic, _TOPIC_FIX)


def check_letter(letter: bytes) -> None:
    """Refuse a letter that is empty or over 64 KiB. Raises InputError."""
    if not 0 < len(letter) <= LETTER_BYTES:
        raise InputError("letter", f"{len(letter)} bytes", f"send 1 to {LETTER_BYTES} bytes")


def _full(topic: str, limit: int) -> StoreError:
    return StoreError(f"mailbox: topic {topic} is full: it holds {limit} letters; use another topic")


class LocalMailbox:
    """A Mailbox in `directory`, shared by any threads and processes; `letters` is the limit of one topic.

    One file per letter, named by its number in the topic and its sha2-256. A posted letter is on the disk when
    `post` returns; a writer that dies leaves nothing. Raises StoreError.
    """

    def __init__(self, directory: Path, letters: int = LETTERS) -> None:
        self._topics = Path(directory) / "topics"
        self._incoming = Path(directory) / "incoming"
        self._limit = letters
        make_directory(self._topics)
        make_directory(self._incoming)
        sweep(self._incoming)

    def post(self, topic: str, letter: bytes) -> None:
        """Add `letter` (1 byte to 64 KiB) to `topic`; the same letter twice is kept once. Raises InputError, StoreError."""
        check_topic(topic)
        check_letter(letter)
        folder = self._topics / topic
        digest = hashlib.sha256(letter).hexdigest()
        make_directory(folder)
        with locked(folder):
            kept = _letters(folder)
            known = next((path for path in kept if path.name.endswith(digest)), None)
            if known and _read(known) == letter:
                return
            if not known and len(kept) >= self._limit:
                raise _full(topic, self._limit)
            number = int(kept[-1].name[:8]) + 1 if kept else 0
            with Incoming(self._incoming) as file:
                file.write(letter)
                # A damaged letter is healed in its place.
                file.keep(known or folder / f"{number:08}.{digest}")

    def read(self, topic: str) -> list[bytes]:
        """Return the letters of `topic` as they were posted, but for those that the disk has damaged.

        Raises InputError, StoreError.
        """
        check_topic(topic)
        letters = ((path.name[9:], _read(path)) for path in _letters(self._topics / topic))
        return [letter for digest, letter in letters if hashlib.sha256(letter).hexdigest() == digest]


def _letters(folder: Path) -> list[Path]:
    """Return the letter files of one topic in the order of posting; the folder also holds deeper topics."""
    with refusing(folder):
        try:
            return sorted(path for path in folder.iterdir() if _LETTER.fullmatch(path.name))
        except FileNotFoundError:
            return []


def _read(path: Path) -> bytes:
    with refusing(path), path.open("rb") as file:
        return file.read(LETTER_BYTES + 1)


class MemoryMailbox:
    """A Mailbox in this process's memory; `letters` is the limit of one topic."""

    def __init__(self, letters: int = LETTERS) -> None:
        self._topics: dict[str, dict[bytes, None]] = {}
        self._limit = letters
        self._lock = threading.Lock()

    def post(self, topic: str, letter: bytes) -> None:
        """Add `letter` (1 byte to 64 KiB) to `topic`; the same letter twice is kept once. Raises InputError, StoreError."""
        check_topic(topic)
        check_letter(letter)
        letter = bytes(letter)
        with self._lock:
            kept = self._topics.setdefault(topic, {})
            if letter not in kept and len(kept) >= self._limit:
                raise _full(topic, self._limit)
            kept[letter] = None

    def read(self, topic: str) -> list[bytes]:
        """Return the letters of `topic` as they were posted. Raises InputError."""
        check_topic(topic)
        with self._lock:
            return list(self._topics.get(topic, {}))
