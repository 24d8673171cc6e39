"""Sending once: a payment that a killed process had sent is found again, not made twice.

Before a transaction that moves money is sent, a note of its number and of the newest block is on disk; it goes once the outcome is
known. Whoever finds the note looks on the chain for what it led to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from sheaf.actions.cases import journal
from sheaf.domain.errors import InputError, Reverted

if TYPE_CHECKING:
    from pathlib import Path

    from sheaf.actions.context import Context

T = TypeVar("T")


class Sending(msgspec.Struct):
    """Journal: the account's number for the transaction, and the newest block before it."""

    nonce: int
    block: int


def find_sent(ctx: Context, what: str, find: Callable[[int], T | None]) -> T | None:
    """Return what a process that died before it knew had achieved under the name `what`, or None.

    `find` looks for it in the blocks after the one it is given.
    """
    note = journal.recall(_path(ctx, what), Sending)
    if note is None:
        return None
    close_number(ctx, note.nonce)
    found = find(note.block)
    _path(ctx, what).unlink(missing_ok=True)
    return found


def close_number(ctx: Context, nonce: int) -> None:
    """Wait until this account's transaction number `nonce` is mined: one that a process which died had sent, or an empty one."""
    if ctx.chain.nonce(ctx.account) > nonce:
        return
    # The node does not have it, but it may be on its way there. If its number is taken, it comes now or never. Numbers before it are
    # open too where a reorganisation took their transactions back.
    for _ in range(ctx.chain.nonce(ctx.account, pending=True), nonce + 1):
        ctx.chain.transfer(ctx.sender, ctx.account, 0)
    ctx.chain.wait_for_nonce(ctx.account, nonce)


def send_noted(ctx: Context, what: str, send: Callable[[], T]) -> T:
    """Call `send` with a note under the name `what` on disk until its outcome is known."""
    path = _path(ctx, what)
    nonce = ctx.chain.nonce(ctx.account, pending=True)
    journal.keep(path, Sending(nonce, ctx.chain.block().number))
    try:
        result = send()
    except (Reverted, InputError):
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)
    return result


def _path(ctx: Context, what: str) -> Path:
    return ctx.folder / "sending" / f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.json"
