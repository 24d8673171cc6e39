"""What a detector of personal data is: a gate for whole columns, a pattern for what passes, a judgement for each hit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

BREAK = "\0"
"""Stands between texts that are searched in one go; no pattern matches it, no context reaches over it."""

TEXT = re.compile(rf"[^{BREAK}]+")
"""One text of those that are searched in one go: for judgements that weigh all that a text holds."""

REACH = 48
"""How many characters before a hit are its context."""


Tier = Literal["any", "digit", "rare"]
_LETTERS = re.compile(r"[a-z\u00aa\u00b5\u00ba-\u024f\u0370-\u1fff]+")
"""Letters in lower case by ranges: quicker than by classes, and all that the words we look for are made of."""


class Hit(NamedTuple):
    """Characters `start` to `end` (exclusive) of the searched text are of this kind; `score` in [0, 1] says how surely."""

    kind: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Detector:
    """Finds one kind of personal data, or several that look alike.

    `gate` is a regular expression without look-around, or several words in any case of ASCII letters, that is run over whole columns
    and lets through every text in which `pattern` may match; `judge` takes the
    searched text and a match, and says what was really found.
    """

    kinds: tuple[str, ...]
    gate: str | tuple[str, ...]
    pattern: re.Pattern[str]
    judge: Callable[[str, re.Match[str]], Iterable[Hit]]
    layer: int = 0
    """Within a layer hits do not overlap; a name inside an address is reported beside it."""
    tier: Tier = "digit"
    """Which texts the gate is run over: `any`, those with a `digit`, or of these the ones that pass a gate of some `rare` detector."""


def always(kind: str, score: float, group: int | str = 0) -> Callable[[str, re.Match[str]], Iterable[Hit]]:
    """Return a judgement that takes every match of `group` for `kind`."""

    def judge(_: str, match: re.Match[str]) -> Iterable[Hit]:
        return (Hit(kind, match.start(group), match.end(group), score),)

    return judge


def before(text: str, start: int, reach: int = REACH) -> str:
    """Return what stands before `start` in the same text, at most `reach` characters."""
    part = text[start - reach if start > reach else 0 : start]
    return part[part.rfind(BREAK) + 1 :] if BREAK in part else part


def told(text: str, start: int, reach: int = REACH) -> list[str]:
    """Return the words of letters before `start` in the same text, in lower case, the nearest first."""
    part = text[start - reach if start > reach else 0 : start]
    if BREAK in part:
        part = part[part.rfind(BREAK) + 1 :]
    return _LETTERS.findall(part.lower())[::-1]


@dataclass(frozen=True, slots=True)
class Endings:
    """Phrases that a context may end with, looked up by their last words."""

    phrases: tuple[str, ...]
    last: frozenset[str]

    def close(self, lead: str) -> bool:
        """Say whether a context, which begins with a space, ends with one of the phrases."""
        return lead[lead.rfind(" ") + 1 :] in self.last and lead.endswith(self.phrases)


def endings(text: str) -> Endings:
    """Return the phrases of a text that is a list parted by bars."""
    listed = phrases(text)
    return Endings(listed, frozenset(phrase.rpartition(" ")[2] for phrase in listed))


def lead_of(text: str, start: int, reach: int = REACH) -> str:
    """Return what stands before `start` in the same text, in small letters, after a space, with single spaces between words."""
    lead = before(text, start, reach).lower()
    if "\n" in lead or "  " in lead or "\t" in lead or "\u00a0" in lead:
        return " " + " ".join(lead.split())
    return " " + lead.strip()


def by_letter(alternatives: str) -> str:
    """Return alternatives of a regular expression grouped by their first letters: as many are told apart by one look."""
    depth, parts = 0, [""]
    for mark in alternatives:
        depth += (mark == "(") - (mark == ")")
        if mark == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += mark
    groups: dict[str, list[str]] = {}
    for part in parts:
        plain = part[:1].isalpha() and part[1:2] not in ("?", "*", "+", "{")
        groups.setdefault(part[:1] if plain else "", []).append(part[1:] if plain else part)
    return "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in groups.items())


def wordset(text: str) -> frozenset[str]:
    """Return the words of a text that is a list."""
    return frozenset(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """Return the phrases of a text that is a list parted by bars, each with a space before it, as it ends a context."""
    return tuple(f" {' '.join(phrase.split())}" for phrase in text.split("|"))
