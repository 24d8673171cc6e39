"""Names of organisations: told by their legal form, by the words they are made of, by what is said of them, by one another.

A text's runs of capitalised words are judged as those of people are, with other words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sheaf.verification.personal.kind import TEXT, Detector, Hit, before, lead_of, wordset
from sheaf.verification.personal.people import firms
from sheaf.verification.personal.people.cues import KIN_OR_TRADE, NUMBER_AFTER, STREETS, TRADES
from sheaf.verification.personal.people.lexicon import FAMILY, GIVEN, PLACE
from sheaf.verification.personal.people.words import FREQUENT, STOP, is_plain, is_sure, kind_of


@dataclass(slots=True)
class _Run:
    start: int
    end: int
    words: list[str]
    low: list[str]
    score: float = 0.0
    barred: bool = False


def _by_form(_: str, match: re.Match[str]) -> Iterator[Hit]:
    start = match.start()
    words = match[0].split(" ")
    while len(words) > 2 and (
        words[0].lower() in STOP or is_plain(kind_of(words[0].lower())) and words[1][:1].islower()
    ):
        start += len(words.pop(0)) + 1
    yield Hit("organisation", start, match.end(), 0.7)


def organisations(text: str, match: re.Match[str]) -> Iterator[Hit]:
    """Yield the names of organisations in one text, which `match` spans."""
    first, last = match.span()
    if text.find(" and ", first, last) >= 0 or text.find("&", first, last) >= 0:
        yield from _houses(text, first, last)
    if text.find("-", first, last) >= 0:
        yield from _barred(text, first, last)
    runs = [run for found in firms.RUN.finditer(text, first, last) if (run := _run(found)) is not None]
    if all(run.barred for run in runs):
        return
    for run in runs:
        if not run.barred:
            run.score = _score(run, text)
    if len(runs) > 1:
        _join(runs, text)
    if text.find("\n", first, last) >= 0:
        _of_blocks(runs, text, first, last)
    for run in runs:
        if run.score:
            yield Hit("organisation", run.start, run.end, run.score)


def _houses(text: str, first: int, last: int) -> Iterator[Hit]:
    """Yield firms that are named for several people."""
    for house in firms.HOUSE.finditer(text, first, last):
        lead = before(text, house.start(), 24).lower().split()
        if lead and lead[-1].endswith(":") and lead[-1].rstrip(":s") in KIN_OR_TRADE:
            continue
        if score := _of_house(house["names"]):
            yield Hit("organisation", *house.span("names"), score)


def _barred(text: str, first: int, last: int) -> Iterator[Hit]:
    """Yield firms that are named for two people, with a bar between."""
    for barred in firms.BARRED.finditer(text, first, last):
        kinds = [kind_of(part.lower()) for part in barred.groups()]
        if all(kind & FAMILY for kind in kinds) and (
            not all(is_sure(kind, GIVEN) for kind in kinds)
            or firms.BEFORE.close(lead_of(text, barred.start(), 32))
            or firms.AFTER.match(text, barred.end())
        ):
            yield Hit("organisation", *barred.span(), 0.55)


_CODE = frozenset("@/([{<=:._$`")
"""Beside these a word is a piece of a program or of an address on the net."""


def _of_house(names: str) -> float:
    """Return how surely several names are those of a firm's founders: family names, and nobody's given name."""
    words = [word for word in re.split(r",? and |,? & |, ", names) if word]
    kinds = [kind_of(word.lower()) for word in words]
    if words[-1].lower().rstrip(".") in firms.LAST | wordset("co son daughter daughters family"):
        return 0.0 if any(is_plain(kind) for kind in kinds[:-1]) else 0.7
    if any(is_plain(kind) or kind & (PLACE | FAMILY) == PLACE or not kind & FAMILY for kind in kinds):
        return 0.0
    return 0.66 if sum(is_sure(kind, GIVEN) and not kind & FREQUENT for kind in kinds) < len(kinds) else 0.0


def _run(match: re.Match[str]) -> _Run | None:
    """Return a run without the words at its ends that are no name; barred where it is a single word of English."""
    start, words = match.start(), match[0].split(" ")
    if len(words) == 1:
        word = words[0].lower().rstrip(".")
        if word in STOP and word not in firms.LAST:
            return None
        kind = kind_of(word)
        barred = bool(is_plain(kind) or kind & PLACE or is_sure(kind, GIVEN)) and word not in firms.KNOWN
        return _Run(start, match.end(), words, [word], barred=barred)
    low = [word.lower().rstrip(".") for word in words]
    while words and (
        (low[0] in STOP and low[0] not in firms.LAST)
        or (low[0] in TRADES and len(low) > 1 and low[1] in firms.SMALL)
        or words[0].islower()
        or words[0] == "&"
    ):
        start += len(words.pop(0)) + 1
        low.pop(0)
    while words and low[-1] in STOP and low[-1] not in firms.LAST:
        words.pop()
        low.pop()
    return _Run(start, start + len(" ".join(words)), words, low) if words else None


def _score(run: _Run, text: str) -> float:
    """Return how surely a run names an organisation, by its words, then by those beside it."""
    low = run.low
    if not firms.KNOWN.isdisjoint(low) and STREETS.isdisjoint(low):
        return 0.65
    kinds = [kind_of(word) for word in low if word not in firms.SMALL]
    if len(low) == 1:
        if _is_camel(text, run):
            return 0.5
    elif score := _of_several(run, text, kinds):
        return score
    elif not kinds or is_sure(kinds[0], GIVEN) or kind_of(" ".join(low)) & (PLACE | FAMILY) == PLACE:
        run.barred = True
        return 0.0
    lead = lead_of(text, run.start, 32).rstrip("\"“'‘(*")
    run.barred = _is_placed(text, run, lead)
    return 0.0 if run.barred else _by_company(run, text, kinds, lead.removesuffix(" the").rstrip())


def _of_several(run: _Run, text: str, kinds: list[int]) -> float:
    """Return how surely several words are an organisation's for what they are."""
    low = run.low
    if " ".join(low) in firms.KNOWN_PAIRS or ("of" in low and firms.FIRST.match(text, run.start)):
        return 0.65
    if low[-1] not in firms.LAST or len(kinds) < 2:
        return 0.0
    if all(is_plain(kind) for kind in kinds):
        if low[-1] in firms.WEAK or "of" in low:
            return 0.0
        lead = lead_of(text, run.start, 8).rstrip("\"“'‘(* ")
        if len(kinds) < 3 and lead[-1:] in ("", ".", "!", "?", ":"):
            return 0.0
    if count := firms.COUNT.search(text, max(0, run.start - 5), run.start):
        run.start = count.start()
    return 0.65


def _is_camel(text: str, run: _Run) -> bool:
    """Say whether a word has a large letter in its middle and is no part of an address on the net."""
    return (
        firms.CAMEL.fullmatch(run.words[0]) is not None
        and text[run.end : run.end + 1] not in _CODE
        and text[run.start - 1 : run.start] not in _CODE
    )


def _is_placed(text: str, run: _Run, lead: str) -> bool:
    """Say whether a run stands as places and streets do."""
    return (
        lead.endswith((" in", " near"))
        or not STREETS.isdisjoint(run.low)
        or (text[run.end : run.end + 1] in (" ", ",") and NUMBER_AFTER.match(text, run.end) is not None)
    )


def _by_company(run: _Run, text: str, kinds: list[int], lead: str) -> float:
    """Return how surely a run names an organisation for the words beside it."""
    if firms.BEFORE.close(lead):
        return 0.6
    following = firms.NEXT.match(text, run.end)
    word = following[1].lower() if following else ""
    if word in firms.NEXT_WORDS and firms.AFTER.match(text, run.end):
        return 0.6
    if following and word in TRADES and text[following.end() + 1 : following.end() + 2].isupper():
        return 0.6
    if not any(kinds) and (
        firms.AT.search(lead)
        or (lead.endswith(" from") and firms.FROM.search(text, max(0, run.start - 40), run.start))
    ):
        return 0.5
    return 0.0


def _of_blocks(runs: Sequence[_Run], text: str, first: int, last: int) -> None:
    """Take what stands on a line of its own above an address for an organisation, where it is nobody and no place."""
    digit = firms.DIGIT.search(text, first, last)
    above = digit.start() if digit else first
    for run in runs:
        line = max(text.rfind("\n", max(first, run.start - 12), run.start) + 1, first)
        if run.score or run.barred or run.start >= above or text[line : run.start].strip(" \t>|*?#-"):
            continue
        kinds = [kind_of(word.lower()) for word in run.words]
        if len(kinds) > 1 and (kinds[0] & (GIVEN | FAMILY) or kinds[-1] & (GIVEN | FAMILY) or not any(kinds)):
            continue
        if firms.NUMBERED.match(text, run.end, min(last, run.end + 120)):
            run.score = 0.5


def _join(runs: Sequence[_Run], text: str) -> None:
    """Take what is joined to an organisation by commas and `and` for one too."""
    chain: list[_Run] = []
    for run in [*runs, None]:
        if run is not None and (not chain or firms.LIST.fullmatch(text, chain[-1].end, run.start)):
            chain.append(run)
            continue
        if len(chain) > 1 and any(one.score for one in chain):
            for one in chain:
                if not one.score and not one.barred:
                    one.score = 0.5
        chain = [run] if run is not None else []


def _by_small_form(text: str, match: re.Match[str]) -> Iterator[Hit]:
    """Yield a firm in a text of small letters: what stands before its legal form, back to the last word that no name has."""
    start = match.start("name")
    for word in _SPACED.finditer(match["name"]):
        if word[0] in STOP:
            start = match.start("name") + word.end() + 1
    if start < match.end("name"):
        yield Hit("organisation", start, match.end(), 0.6)


_SPACED = re.compile(r"\S+")
DETECTORS = (
    Detector(
        ("organisation",),
        r"[a-z0-9] (?:inc|llc|ltd|corp|gmbh|plc)(?-u:\b)",
        re.compile(r"(?<![\w-])(?P<name>(?:[a-z\d][\w&'-]{0,30} ){1,4})(?:inc|llc|ltd|corp|gmbh|plc)\b\.?"),
        _by_small_form,
        layer=3,
        tier="any",
    ),
    Detector(
        ("organisation",),
        r"\p{Lu}[\w&'’.-]*,? (?:Inc|Corp|L\.?L\.?C|Ltd|Limited|P\.?L\.?C|LLP|GmbH|AG"
        r"|KG|OHG|e\.V|S\.?A|S\.|B\.?V|N\.?V|Oy|ApS|A/S|AS|AB|Kft|Zrt|Nyrt|s\.r|a\.s"
        r"|d\.o|Sp\.|Pty|Pte|Co|& Co|Holding|Group|Associates|Partners|Foundation)",
        re.compile(
            rf"(?<!\w)(?:\d{{1,3}} )?(?:{firms.FIRM},? (?:(?:and|of|&) )?){{1,5}}(?:{firms.LEGAL_FORMS})(?!\w)"
        ),
        _by_form,
        layer=3,
        tier="any",
    ),
    Detector(("organisation",), r"\p{Lu}\p{Ll}", TEXT, organisations, layer=3, tier="any"),
)
