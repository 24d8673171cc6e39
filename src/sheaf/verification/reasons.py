"""Why a record is refused: every code with its meaning and what the contributor can do about it.

A check states its reasons in its own file; this table gathers them, and `docs/verification.md` is written from it.
"""

from __future__ import annotations

from functools import cache

import msgspec


class Reason(msgspec.Struct, frozen=True):
    """A stable code (`check.cause`), what it means, and what the contributor can do."""

    code: str
    meaning: str
    remedy: str


JUDGED = (
    Reason(
        "judge.refused",
        "The reviewer, a person or a program, judged that the record does not answer the request.",
        "Read the instructions and the sample again; correct the record or leave it out.",
    ),
    Reason(
        "judge.label",
        "The label is not plausible for this input, by a model trained on the buyer's sample.",
        "Look at the input again and correct its label.",
    ),
    Reason(
        "judge.unlike",
        "The input is unlike anything in the buyer's sample.",
        "Send inputs of the kind the sample shows.",
    ),
    Reason(
        "judge.unreadable",
        "A value that the judgement rests on is missing or cannot be decoded.",
        "Give every field of the sample, images as whole PNG or JPEG files.",
    ),
)


@cache
def reasons() -> dict[str, Reason]:
    """Return every reason by its code: those of the checks by name and version, then those of judges."""
    from sheaf.verification import checks

    found = [reason for check in checks.known() for reason in check.reasons]
    return {reason.code: reason for reason in (*found, *JUDGED)}


def table() -> str:
    """Return the reasons as a Markdown table."""
    lines = [f"| `{r.code}` | {r.meaning} | {r.remedy} |" for r in reasons().values()]
    return "\n".join(["| code | meaning | what to do |", "|---|---|---|", *lines])
