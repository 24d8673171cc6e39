"""Sentences with known personal data for the benchmark: read from a folder, or made.

A folder holds JSON files, each a list of `{"full_text", "spans": [{"entity_type", "start_position", "end_position"}]}`. Without one,
sentences are made: numbers with true check digits, drawn names that are on no list of the detectors, and as many sentences
without personal data that hold dates, prices, versions, part numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

GOLD_KINDS: dict[str, frozenset[str]] = {
    "CREDIT_CARD": frozenset({"card"}),
    "PHONE_NUMBER": frozenset({"phone"}),
    "EMAIL_ADDRESS": frozenset({"email"}),
    "IBAN_CODE": frozenset({"iban"}),
    "US_SSN": frozenset({"ssn"}),
    "IP_ADDRESS": frozenset({"ip"}),
    "DOMAIN_NAME": frozenset({"url", "credentials"}),
    "URL": frozenset({"url", "credentials"}),
    "US_DRIVER_LICENSE": frozenset({"driver_licence"}),
    "US_PASSPORT": frozenset({"passport"}),
    "CRYPTO": frozenset({"crypto"}),
    "NATIONAL_ID": frozenset({"national_id"}),
    "AGE": frozenset({"age"}),
    "BIRTH_DATE": frozenset({"birth_date"}),
    "PERSON": frozenset({"person"}),
    "STREET_ADDRESS": frozenset({"address", "postcode"}),
    "ZIP_CODE": frozenset({"address", "postcode"}),
    "ORGANIZATION": frozenset({"organisation"}),
}
"""Which of our kinds finds an entity of the gold; entities not named here (countries, dates, titles) are not sought."""

BY_LANGUAGE = ("PERSON", "STREET_ADDRESS", "ZIP_CODE", "ORGANIZATION")
"""Entities told by language, not by form: counted apart from identifiers."""


class Span(NamedTuple):
    """Characters `start` to `end` (exclusive) are an `entity`."""

    entity: str
    start: int
    end: int


class Sentence(NamedTuple):
    """A text and all that is known to be in it."""

    text: str
    spans: tuple[Span, ...]


def sentences(data: Path | None, seed: int = 0) -> list[Sentence]:
    """Read all JSON files of the folder `data`, or make 4,000 sentences."""
    if data is None:
        return _made(4_000, seed)
    found = [
        Sentence(
            one["full_text"],
            tuple(Span(s["entity_type"], s["start_position"], s["end_position"]) for s in one["spans"]),
        )
        for path in sorted(data.glob("*.json"))
        for one in json.loads(path.read_text(encoding="utf-8"))
    ]
    if not found:
        raise SystemExit(f"--data: {data}: give a folder with JSON files of full_text and spans")
    return found


def renamed(given: list[Sentence], seed: int = 0) -> list[Sentence]:
    """Return the sentences with each person's names exchanged for invented ones, the same name for the same within a text.

    Initials, particles and small letters stay: what is left to tell a name by is its shape and the words around it.
    """
    random = np.random.default_rng([seed, 12])
    return [_renamed(one, random) for one in given]


def _renamed(sentence: Sentence, random: np.random.Generator) -> Sentence:
    known: dict[str, str] = {}

    def invented(match: re.Match[str]) -> str:
        word = match[0]
        if len(word) == 1 or (word.islower() and match.string != match.string.lower()):
            return word
        name = known.setdefault(word.lower(), _word(random) + "nrtkls"[random.integers(6)])
        return name if word.islower() else name.capitalize()

    text, last, spans = "", 0, []
    for span in sorted(sentence.spans, key=lambda span: span.start):
        value = sentence.text[span.start : span.end]
        text += sentence.text[last : span.start]
        value = re.sub(r"[^\W\d_]+", invented, value) if span.entity == "PERSON" else value
        spans.append(Span(span.entity, len(text), len(text) + len(value)))
        text, last = text + value, span.end
    return Sentence(text + sentence.text[last:], tuple(spans))


Draw = Callable[[np.random.Generator], str]


def _digits(random: np.random.Generator, count: int, first: str = "") -> str:
    return first + "".join(map(str, random.integers(0, 10, count - len(first))))


def _luhn_completed(number: str) -> str:
    total = 0
    for place, mark in enumerate(reversed(number)):
        digit = int(mark) * (2 if place % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return number + str(-total % 10)


def _card(random: np.random.Generator) -> str:
    first, length = [("4", 16), ("52", 16), ("37", 15), ("6011", 16)][random.integers(4)]
    number = _luhn_completed(_digits(random, length - 1, first))
    return (
        number
        if length == 15 or random.random() < 0.5
        else " ".join(number[i : i + 4] for i in range(0, 16, 4))
    )


def _iban(random: np.random.Generator) -> str:
    account = _digits(random, 18)
    check = 98 - int(account + "131400") % 97  # D is 13, E is 14
    return f"DE{check:02d}{account}"


def _word(random: np.random.Generator) -> str:
    consonants, vowels = "bdfgklmnprstvz", "aeiou"
    return "".join(
        consonants[random.integers(14)] + vowels[random.integers(5)]
        for _ in range(int(random.integers(2, 4)))
    )


def _name(random: np.random.Generator) -> str:
    return f"{_word(random).capitalize()} {_word(random).capitalize()}"


def _phone(random: np.random.Generator) -> str:
    forms = ("+49 {} {}", "({}) {}-{}", "0{} {} {}", "{}-{}-{}")
    sizes = ((3, 7), (3, 3, 4), (3, 3, 4), (3, 3, 4))
    which = int(random.integers(4))
    return forms[which].format(*(_digits(random, size, str(random.integers(2, 9))) for size in sizes[which]))


_PERSONAL: dict[str, tuple[tuple[str, ...], Draw]] = {
    "CREDIT_CARD": (("Charge {} please.", "They noted the card {} on paper."), _card),
    "IBAN_CODE": (("Wire it to {} by noon.", "Account: {}"), _iban),
    "PHONE_NUMBER": (("Ring {} after six.", "Tel. {}", "Her number is {}, mornings only."), _phone),
    "EMAIL_ADDRESS": (
        ("Forward it to {} today.", "cc {}"),
        lambda random: (
            f"{_word(random)}.{_word(random)}@{_word(random)}.{('org', 'net', 'fi')[random.integers(3)]}"
        ),
    ),
    "US_SSN": (
        ("Her SSN reads {} there.", "social security {}"),
        lambda random: f"{random.integers(100, 600)}-{random.integers(10, 99)}-{random.integers(1000, 9999)}",
    ),
    "IP_ADDRESS": (
        ("Requests came from {} all night.", "host {} timed out"),
        lambda random: ".".join(map(str, random.integers(11, 250, 4))),
    ),
    "AGE": (("a {} year old plumber", "She is aged {}."), lambda random: str(random.integers(18, 95))),
    "PERSON": (("My name is {}.", "Regards, {}", "Dr. {} will see you."), _name),
    "STREET_ADDRESS": (
        ("Bring it to {} tonight.", "The flat at {} is vacant."),
        lambda random: (
            f"{random.integers(1, 300)} {_word(random).capitalize()} {('Road', 'Street', 'Avenue')[random.integers(3)]}"
        ),
    ),
}
_CLEAN = (
    "The build 4.{a}.{b}.1 release took {c} minutes.",
    "Sales rose from {c},{b}00 to {d},{a}00 units in 20{e}.",
    "Part {d}{a}-{b}{c} is out of stock until 20{e}-0{f}-1{f}.",
    "It costs {c}.99 for {a} metres, or {b} % less for members.",
    "See section {a}.{b} on pages {c} to {d}.",
    "The meeting lasted from 1{f}:{e} until noon on the {f}th of May.",
    "Order {d}{c}{b}{a} was shipped in {f} boxes.",
    "We saw {a} birds, {b} deer and {c} ants near the river.",
    "Version 2.{a} needs {d} MB, {c} threads and {f} disks.",
    "Most people would rather walk {f} miles than wait for the bus.",
)


def _made(count: int, seed: int) -> list[Sentence]:
    random = np.random.default_rng([seed, 11])
    kinds = list(_PERSONAL)
    made = []
    for number in range(count):
        if number % 2:
            a, b, c, d = (
                random.integers(1, 10),
                random.integers(1, 10),
                random.integers(10, 100),
                random.integers(100, 1000),
            )
            pattern = _CLEAN[random.integers(len(_CLEAN))]
            made.append(
                Sentence(
                    pattern.format(a=a, b=b, c=c, d=d, e=random.integers(10, 25), f=random.integers(2, 9)), ()
                )
            )
            continue
        kind = kinds[number // 2 % len(kinds)]
        patterns, draw = _PERSONAL[kind]
        head, tail = patterns[random.integers(len(patterns))].split("{}")
        value = draw(random)
        made.append(Sentence(head + value + tail, (Span(kind, len(head), len(head) + len(value)),)))
    return made
