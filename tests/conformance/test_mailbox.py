"""What every Mailbox promises; all implementations run the same claims."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sheaf.domain.errors import InputError, StoreError
from sheaf.domain.ports import Mailbox
from sheaf.store.mailbox import LETTER_BYTES, LocalMailbox, MemoryMailbox

Open = Callable[[int], Mailbox]


@pytest.fixture(params=["memory", "local"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "memory":
        return lambda letters: MemoryMailbox(letters)
    return lambda letters: LocalMailbox(tmp_path, letters)


@pytest.fixture
def mailbox(opened: Open) -> Mailbox:
    return opened(100)


def test_letters_come_in_the_order_of_posting(mailbox: Mailbox) -> None:
    """What was read before stays the beginning of what is read later."""
    seen: list[bytes] = []
    for letter in (b"\xff", b"a", b"\x00", b"b" * LETTER_BYTES):
        mailbox.post("submission/7/commits", letter)
        letters = mailbox.read("submission/7/commits")
        assert letters == [*seen, letter]
        seen = letters


def test_a_letter_is_kept_once(mailbox: Mailbox) -> None:
    """Posting the same letter again keeps its first place."""
    for letter in (b"one", b"two", b"one"):
        mailbox.post("topic", letter)
    assert mailbox.read("topic") == [b"one", b"two"]


def test_topics_are_strangers(mailbox: Mailbox) -> None:
    """A topic below another, and one that differs in case alone, have letters of their own; an unknown one has none."""
    mailbox.post("keys", b"above")
    mailbox.post("keys/1", b"below")
    mailbox.post("Keys", b"capital")
    assert mailbox.read("keys") == [b"above"]
    assert mailbox.read("keys/1") == [b"below"]
    assert mailbox.read("Keys") == [b"capital"]
    assert mailbox.read("keys/2") == []


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "..",
        "a/../b",
        ".",
        "a b",
        "a\n",
        "é",
        "a\x00",
        "a" * 81,
        "/".join("a" * 9),
        "~",
        "a.b",
        "/".join(["a" * 80] * 3),
    ],
)
def test_names_that_are_no_topics_are_refused(mailbox: Mailbox, topic: str, tmp_path: Path) -> None:
    """A topic never becomes a path outside of the mailbox, nor one that a disk cannot hold."""
    for ask in (mailbox.read, lambda topic: mailbox.post(topic, b"letter")):
        with pytest.raises(InputError, match=r"^topic: "):
            ask(topic)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("size", [0, LETTER_BYTES + 1])
def test_letters_have_bounds(mailbox: Mailbox, size: int) -> None:
    """Nothing, and more than 64 KiB, is no letter."""
    with pytest.raises(InputError, match=f"^letter: {size} bytes: send 1 to 65536 bytes"):
        mailbox.post("topic", bytes(size))
    assert mailbox.read("topic") == []


def test_a_full_topic_refuses_and_others_go_on(opened: Open) -> None:
    """A flood fills one topic only; what was posted before it stays, and posting that again is no error."""
    mailbox = opened(3)
    for number in range(3):
        mailbox.post("flooded", bytes((number,)))
    with pytest.raises(StoreError, match="topic flooded is full: it holds 3 letters"):
        mailbox.post("flooded", b"one more")
    mailbox.post("flooded", b"\x00")
    mailbox.post("other", b"one more")
    assert mailbox.read("flooded") == [b"\x00", b"\x01", b"\x02"]


def test_threads_post_at_once(mailbox: Mailbox) -> None:
    """Sixteen letters from eight threads, each posted by all, are kept once each."""
    letters = [bytes((number,)) for number in range(16)]
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for letter in letters:
            mailbox.post("topic", letter)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(mailbox.read("topic")) == letters


def test_a_caller_keeps_its_own_list(mailbox: Mailbox) -> None:
    """Altering what was read, or the buffer that was posted, alters no letter."""
    buffer = bytearray(b"letter")
    mailbox.post("topic", buffer)
    buffer[0] = 0
    mailbox.read("topic").clear()
    assert mailbox.read("topic") == [b"letter"]
