"""How computations are shown: where an order stands and what can be done about it, and its answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sheaf.cli.frame.listing import address_of
from sheaf.cli.frame.paper import span, when

if TYPE_CHECKING:
    from sheaf.actions.compute.progress import Progress
    from sheaf.actions.compute.result import Result
    from sheaf.cli.frame.paper import Paper
    from sheaf.cli.session import Session


def write_placed(out: Paper, session: Session, found: Progress) -> None:
    """Print an order that was just placed: when to expect its answer, and how the money comes back."""
    number, money = found.order, session.currency(address_of(found.token))
    out.line(f"order {number} is placed: {money.write(found.paid)} wait in escrow")
    rows = {"answer": _leaves(found), "money back": _back(found, 0)}
    out.pairs({**rows, "follow": f"sheaf compute watch {number}", "open": f"sheaf compute result {number}"})


def write_progress(out: Paper, session: Session, found: Progress) -> None:
    """Print how far an order is."""
    now, money = session.market.chain.block().timestamp, session.currency(address_of(found.token))
    out.head(f"order {found.order}", f" · {found.use} of dataset {found.dataset}, version {found.version}")
    out.line(in_words(session, found))
    rows = {"state": found.state, "paid": money.write(found.paid), "provider": found.provider}
    if found.state == "placed":
        rows["answer"] = _leaves(found)
    elif found.state == "accepted":
        rows["answer"] = f"leaves at the earliest {when(found.answer_at, now)}"
    elif found.answer != "none":
        rows["answer"] = _ANSWERS[found.answer]
    if found.state in ("placed", "accepted", "disputed"):
        rows["money back"] = _back(found, now)
    if found.dispute_until:
        rows["dispute"] = (
            f"until {when(found.dispute_until, now)}; {found.others} other providers could repeat it"
        )
    out.pairs(rows)


_ANSWERS = {
    "come": "has come",
    "stated": "its hash is on the chain, its bytes have not come",
    "forged": "bytes came, without its provider's signature",
    "unknown": "its hash is on the chain; name its buyer by --account to see whether its bytes came",
}


def in_words(session: Session, found: Progress) -> str:
    """Say in a line where an order stands, and what can be done next."""
    number, now = found.order, session.market.chain.block().timestamp
    if found.state == "placed":
        if found.declined:
            return f"not taken on ({found.declined}): `sheaf dataset refund {number}` brings all money back"
        return "waits for its provider to take it on"
    if found.state == "accepted":
        if now >= found.back_at:
            return f"no answer came in time: `sheaf dataset refund {number}` brings all money back"
        return "taken on: its provider computes"
    if found.state == "disputed":
        if now >= found.back_at:
            return f"nobody repeated it in time: `sheaf dataset refund {number}` brings all money back"
        return "disputed: a second provider repeats it"
    if found.state == "refunded":
        return "refunded: what was paid has come back, or waits for `sheaf dataset claim`"
    if found.is_withheld:
        return _withheld(found, now)
    if found.answer == "come":
        return f"the answer has come: `sheaf compute result {number}`"
    return "a result is stated"


def _withheld(found: Progress, now: int) -> str:
    """Say what the buyer of a result can do that was stated and not handed over."""
    what = _ANSWERS[found.answer]
    if found.dispute_until > now and found.others:
        return f"{what}: `sheaf dataset dispute {found.order}` until {when(found.dispute_until)}: another repeats it, or all money returns"
    return f"{what}: ask its provider for them, and the owner to take its seat away: what is paid no contract brings back"


def _leaves(found: Progress) -> str:
    if not found.hold_seconds:
        return "as soon as its provider has it"
    return f"leaves {_seconds(found.hold_seconds)} after its job began at the earliest, however soon it is done (limits.wall_seconds)"


def _back(found: Progress, now: int) -> str:
    if found.state == "placed":
        words = (
            f"at once while nobody has taken it on; then after {_seconds(found.seconds)} without an answer"
        )
    else:
        words = f"from {when(found.back_at, now)} on, if there is no answer by then"
    return f"{words}: `sheaf dataset refund {found.order}`"


def _seconds(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else f"{seconds:g} s ({span(int(seconds))})"


def write_result(out: Paper, found: Result, target: Path | None) -> None:
    """Print an answer and its receipt."""
    from sheaf.cli.session import plain

    if found.is_failed:
        out.line(("failed: ", "yellow"), "the provider could not answer it, and says no more")
    elif target is not None:
        out.line(f"{len(found.output):,} bytes in {target}")
    elif not write_answer(out, found.output):
        out.quoted(found.output.decode(errors="replace"))
    if found.epsilon is not None:
        out.line(f"it cost ε = {found.epsilon:.3g} of the data's budget")
    out.head("receipt", f": checked {', '.join(found.checked)}")
    out.pairs(plain(found.receipt))


def write_answer(out: Paper, output: bytes) -> bool:
    """Print the answer to a question as a table with its noise; False where it is something else."""
    try:
        answer = json.loads(output)
        columns, rows, errors = answer["columns"], answer["rows"], answer["errors"]
        cells = [
            [cell_of(value, error) for value, error in zip(row, noise, strict=True)]
            for row, noise in zip(rows, errors, strict=True)
        ]
        if not all(len(row) == len(columns) for row in cells):
            return False
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    names = [str(column) for column in columns]
    out.table(names, cells, right=names)
    out.line("± is the noise's standard deviation")
    return True


def cell_of(value: Any, error: float | None) -> str:
    """Write one value of an answer with its noise."""
    if value is None:
        return "not shown"
    text = f"{value:,.4g}" if isinstance(value, float) else str(value)
    return text if error is None else f"{text} ± {error:.3g}"
