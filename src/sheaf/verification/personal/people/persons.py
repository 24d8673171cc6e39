"""Names of people.

A text's runs of capitalised words are judged one by one: by what each word can be (`lexicon`), by their
shape and by the words around them (`cues`). Then by one another: words joined to a name by commas and `and`
are names, and so is a part of a full name that comes again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sheaf.verification.personal.kind import BREAK, TEXT, Detector, Hit, before, lead_of
from sheaf.verification.personal.people import cues
from sheaf.verification.personal.people.lexicon import FAMILY, GIVEN, PLACE, WORD
from sheaf.verification.personal.people.names import ENDINGS
from sheaf.verification.personal.people.words import (
    FREQUENT,
    INITIAL,
    PARTICLE,
    STOP,
    is_plain,
    is_sure,
    kind_of,
)

_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽȘȚΑ-ΩА-Я"
_REST = rf"(?:[^\W\d_]*[^\W\d_{_UPPER}](?:-[^\W\d_]+)*|['’][{_UPPER}][^\W\d_]+)"
_PARTICLE = r"(?:van|von|de|der|den|del|della|di|da|dos|du|la|le|bin|ibn|al|el|ter|ten|te|zu|zur|av|af|op)"
_INITIAL = rf"[{_UPPER}](?:\.|(?= [{_UPPER}]))"
_NAME = re.compile(
    rf"(?P<name>[{_UPPER}](?<![\w@#/.&-].){_REST}"
    rf"(?:[ \u00a0](?:{_INITIAL}|(?:{_PARTICLE} ){{0,2}}[{_UPPER}]{_REST})){{0,4}})(?![\w@]|[-/]\w)"
)
_NAMES = GIVEN | FAMILY
_KNOWN = _NAMES | WORD | PLACE
_ENDS = frozenset((".", ",", "!", "?", "\n", "", BREAK))
_LAST_TWO = frozenset(ending[-2:] for ending in ENDINGS)
_LINE_BEFORE = re.compile(r"(?:^|\n)[ \t>|*?#-]*$")
_LINE_AFTER = re.compile(r"[ \t]*(?:\r?\n|$|\0)")
_LIST = re.compile(r",? (?:and|or|und|et|y|e|och|og|&) |, ")


@dataclass(slots=True)
class Run:
    """A run of capitalised words: where it stands, its words, what each can be, how surely it is a name, what stands before it."""

    start: int
    end: int
    words: list[str]
    low: list[str]
    kinds: list[int]
    lead: str = ""
    near: str = ""
    score: float = 0.0
    blocked: bool = field(default=False)
    """It names a place or an organisation, or is words."""


def persons(text: str, match: re.Match[str]) -> Iterator[Hit]:
    """Yield the names of people in one text, which `match` spans."""
    first, last = match.span()
    runs = [run for found in _NAME.finditer(text, first, last) if (run := _run(found)) is not None]
    if not runs:
        return
    for run in runs:
        _judge(run, text)
    if len(runs) > 1:
        _join(runs, text)
        _repeat(runs)
    for run in runs:
        if run.score:
            yield Hit("person", run.start, run.end, run.score)


def _run(match: re.Match[str]) -> Run | None:
    """Return a run without the words at its ends that are no name; None where nothing is left."""
    written = match[0]
    if written.isalpha():
        word = written.lower()
        if word in STOP and word not in cues.ORGANISED:
            return None
        kind = kind_of(word)
        if kind & _KNOWN == WORD and not _may_be_named(match):
            return None
        return Run(match.start(), match.end(), [written], [word], [kind])
    words = written.split()
    low = [word.lower() for word in words]
    kinds = [kind_of(word) for word in low]
    first, last = _trimmed([word.rstrip(".") for word in low], kinds)
    if (
        first >= last
        or words[first][-1] == "."
        or (last - first == 1 and kinds[first] & (INITIAL | PARTICLE))
    ):
        return None
    start = match.start() + sum(len(word) + 1 for word in words[:first])
    end = start + len(" ".join(words[first:last]))
    return Run(start, end, words[first:last], low[first:last], kinds[first:last])


def _may_be_named(match: re.Match[str]) -> bool:
    """Say whether the word before a run is one with which words end that introduce any name, or a title."""
    words = before(match.string, match.start(), 16).lower().rstrip("\"“'‘(* :,\n").split()
    near = words[-1] if words else ""
    return near in cues.NAMED.last or near.rstrip(".") in cues.TITLES


def _trimmed(low: list[str], kinds: list[int]) -> tuple[int, int]:
    """Return from where to where words may be a name: those that begin a sentence or name a thing are none."""
    first, last = 0, len(low)
    while first < last and (low[first] in STOP or (is_plain(kinds[first]) and last > first + 1)):
        if low[first] in cues.ORGANISED and not (first + 1 < last and is_sure(kinds[first + 1], GIVEN)):
            break
        first += 1
    while last > first and (low[last - 1] in STOP or (last - first > 1 and is_plain(kinds[last - 1]))):
        if low[last - 1] in cues.ORGANISED:
            break
        last -= 1
    return first, last


def _judge(run: Run, text: str) -> None:
    """Set how surely a run is a person's name; 0 where little speaks for it."""
    run.lead = lead = lead_of(text, run.start, 32).rstrip("\"“'‘(* ")
    run.near = lead[lead.rfind(" ") + 1 :]
    nearest = run.near.rstrip(".:,?")
    things = not cues.ORGANISED.isdisjoint(run.low)
    if len(run.low) == 1:
        known = run.kinds[0] & _KNOWN
        run.blocked = things or known == WORD or known & ~WORD == PLACE or _is_street(text, run)
    else:
        run.blocked = (
            things
            or all(map(is_plain, run.kinds))
            or kind_of(" ".join(run.low)) & (PLACE | _NAMES) == PLACE
            or _is_street(text, run)
        )
    if kind_of(nearest) & PARTICLE:
        nearest = _past_particles(run, text) or nearest
    if nearest in cues.TITLES and not things and not all(is_plain(kind) for kind in run.kinds[:2]):
        run.score = 0.95
    elif not run.blocked:
        run.score = _by_words(run)
        if run.score < 0.8:
            run.score = max(run.score, _by_company(run, text, nearest))
    elif len(run.low) < 3 and not things and cues.NAMED.close(lead.rstrip(":,")):
        run.score = 0.75


def _past_particles(run: Run, text: str) -> str:
    """Take particles between a title and a name into the name, and return the title; else nothing."""
    words = run.lead.split()
    count = 0
    while words and kind_of(words[-1]) & PARTICLE:
        count += len(words.pop()) + 1
    title = words[-1].rstrip(".") if words else ""
    if title not in cues.TITLES or "\n" in text[run.start - count : run.start]:
        return ""
    run.start -= count
    return title


def _is_street(text: str, run: Run) -> bool:
    """Say whether a run is part of an address: by its words, or by numbers on either side."""
    if not cues.STREETS.isdisjoint(run.low):
        return True
    if text[run.end : run.end + 1] in (" ", ",") and cues.NUMBER_AFTER.match(text, run.end):
        return True
    near = run.near
    if near in cues.STREETS_LINK:
        near = run.lead[: -len(near)].rstrip().rpartition(" ")[2]
    return near in cues.STREETS_FIRST or (near[:1].isdigit() and cues.NUMBERED.fullmatch(near) is not None)


def _by_words(run: Run) -> float:
    """Return how surely words are a name for what they are."""
    low, placed = run.low, run.near in cues.PLACED
    kinds = [kind for kind in run.kinds if not kind & PARTICLE]
    if len(kinds) == 1:
        kind = kinds[0]
        if is_sure(kind, GIVEN):
            return 0.7
        if len(low[-1]) > 5 and _has_ending(low[-1]) and not placed:
            return 0.6
        if (
            kind & GIVEN
            and kind & FREQUENT
            and not _starts(run)
            and not placed
            and run.near not in ("a", "an", "this")
        ):
            return 0.55
        if is_sure(kind, FAMILY) and not placed:
            return 0.55
        return 0.0
    if all(kind & WORD and not kind & FREQUENT for kind in kinds):
        return 0.0
    first, last = kinds[0], kinds[-1]
    has_initial = any(kind & INITIAL for kind in kinds[1:-1])
    ends = _has_ending(low[-1])
    if first & GIVEN and (is_sure(first, GIVEN) or ends or has_initial or last & _NAMES):
        return 0.85
    if first & GIVEN and not last and not placed:
        return 0.6
    if has_initial and run.near != "the":
        return 0.75
    if ends and not placed:
        return 0.75
    if is_sure(last, FAMILY) and not is_plain(first):
        return 0.55 if placed else 0.7
    if is_sure(last, GIVEN) and not is_plain(first) and not placed:
        return 0.6
    return 0.0


def _starts(run: Run) -> bool:
    """Say whether a run begins a sentence, where all words are large."""
    return run.lead.rstrip("\"“'‘(>*?#- ")[-1:] in ("", ".", "!", "?", ":", "…")


def _by_company(run: Run, text: str, nearest: str) -> float:
    """Return how surely a run is a name for the words beside it."""
    lead = run.lead
    plain = any(is_plain(kind) for kind in run.kinds)
    if any(kind & PLACE for kind in run.kinds) and not any(kind & _NAMES for kind in run.kinds):
        return 0.0
    if cues.INTRODUCED.close(lead.rstrip(":,?")):
        return 0.8
    if not cues.KIN_OR_TRADE.isdisjoint((nearest, nearest.removesuffix("s"))) or nearest.startswith("ex-"):
        return 0.75
    if plain or all(kind & WORD and not kind & FREQUENT for kind in run.kinds):
        return 0.0
    if cues.LIFE.match(text, run.end):
        return 0.65
    if cues.SPEECH.close(lead):
        return 0.65
    if any(kind & (WORD | PLACE) and not kind & FREQUENT for kind in run.kinds):
        return 0.0
    if cues.BESIDE.close(lead):
        return 0.6
    if len(run.words) > 1 and lead.endswith(":") and cues.LABEL.search(lead):
        return 0.6
    if run.near in cues.TURNING and text[run.end : run.end + 1] in _ENDS:
        return 0.55
    if nearest in ("the", "a", "an", "this", "that", "another") and cues.WORKS.match(text, run.end):
        return 0.6
    on_line = bool(_LINE_BEFORE.search(text[max(0, run.start - 12) : run.start].rpartition(BREAK)[2]))
    if on_line and len(run.words) > 1 and len(run.words) < 5 and _LINE_AFTER.match(text, run.end):
        return 0.6
    if on_line and len(run.words) < 4 and cues.SPOKEN.match(text, run.end):
        return 0.55
    if len(run.words) == 2 and not any(kind & (WORD | PLACE) for kind in run.kinds):
        if text[run.end : run.end + 2] in ("'s", "’s"):
            return 0.55
        if _starts(run):
            return 0.5 if cues.GOES_ON.match(text, run.end) else 0.0
        return 0.0 if run.near in cues.PLACED else 0.5
    return 0.0


def _has_ending(word: str) -> bool:
    return word[-2:] in _LAST_TWO and word.endswith(ENDINGS)


def _join(runs: Sequence[Run], text: str) -> None:
    """Take what is joined to a name by commas and `and` for names too, where nothing speaks against it."""
    chain = [runs[0]]
    for run in [*runs[1:], None]:
        if run is not None and _LIST.fullmatch(text, chain[-1].end, run.start):
            chain.append(run)
            continue
        if (
            len(chain) > 1
            and (any(one.score for one in chain) or _are_families(chain))
            and not any(one.blocked for one in chain)
        ):
            for one in chain:
                if not one.score and not any(kind & PLACE and not kind & _NAMES for kind in one.kinds):
                    one.score = 0.55
        if run is not None:
            chain = [run]
    for left, right in zip(runs, runs[1:], strict=False):
        if (
            left.score
            and not right.score
            and not right.blocked
            and text[left.end : right.start] in (" to ", " with ", " or ", " & ")
        ) and not any(kind & PLACE and not kind & FREQUENT for kind in right.kinds):
            right.score = 0.55


def _are_families(chain: Sequence[Run]) -> bool:
    """Say whether all in a chain are single words and most of them family names."""
    known = sum(bool(run.kinds[0] & FAMILY) for run in chain)
    return (
        all(len(run.words) == 1 for run in chain)
        and 2 * known >= len(chain)
        and any(run.kinds[0] & FREQUENT and not run.kinds[0] & WORD for run in chain)
    )


def _repeat(runs: Sequence[Run]) -> None:
    """Take a part of a full name that comes again for a name."""
    parts = {
        word for run in runs if run.score >= 0.6 and len(run.words) > 1 for word in run.words if len(word) > 2
    }
    parts |= {run.words[0] for run in runs if run.score >= 0.65 and len(run.words) == 1}
    for run in runs:
        if not run.score and len(run.words) == 1 and run.words[0] in parts:
            run.score = 0.6


_LEADING = cues.TITLES | {word.strip("?") for word in cues.NAMED.last}
_SMALL = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")


def small_persons(text: str, match: re.Match[str]) -> Iterator[Hit]:
    """Yield the names of people in a text that is written in small letters throughout."""
    first, last = match.span()
    if not text[first:last].islower():
        return
    words = list(_SMALL.finditer(text, first, last))
    at = 0
    while at < len(words):
        length = _small_length(text, words, at)
        if length:
            end = words[at + length - 1].end()
            if text[end - 1] == "." and length > 0 and len(words[at + length - 1][0]) > 2:
                end -= 1
            yield Hit("person", words[at].start(), end, 0.65 if length > 1 else 0.55)
        at += max(1, length)


def _small_length(text: str, words: Sequence[re.Match[str]], at: int) -> int:
    """Return how many words from `at` on are a name."""
    kind = kind_of(words[at][0].rstrip("."))
    if (not kind & _NAMES or kind & WORD) and (words[at - 1][0].rstrip(".") if at else "") not in _LEADING:
        return 0
    lead = lead_of(text, words[at].start(), 28).rstrip("\"“'‘(* ")
    is_led = lead.rpartition(" ")[2].rstrip(".") in cues.TITLES or cues.NAMED.close(lead.rstrip(":,"))
    if kind & (WORD | PARTICLE | INITIAL) and not (is_led and kind & _NAMES):
        return 0
    if not kind & _NAMES and not is_led:
        return 0
    beside = cues.INTRODUCED.close(lead.rstrip(":,")) or cues.LIFE.match(text, words[at].end())
    length = 1
    while at + length < len(words) and length < 4:
        gap = text[words[at + length - 1].end() : words[at + length].start()]
        other = kind_of(words[at + length][0].rstrip("."))
        if (
            gap != " "
            or other & WORD
            or (not other and not kind & FREQUENT and not is_led)
            or words[at + length - 1][0][-1] == "."
            and len(words[at + length - 1][0]) > 2
        ):
            break
        length += 1
    while length > 1 and kind_of(words[at + length - 1][0].rstrip(".")) & (INITIAL | PARTICLE):
        length -= 1
    if length == 1 and not is_led and not (is_sure(kind, GIVEN) and (kind & FREQUENT or beside)):
        return 0
    return length


def _large_person(text: str, match: re.Match[str]) -> Sequence[Hit]:
    """Return a name that is written in large letters throughout, where both its words are on the lists."""
    first, last = kind_of(match["given"].lower()), kind_of(match["family"].lower())
    if is_sure(first, GIVEN) and first & FREQUENT and (is_sure(last, _NAMES) or last & FREQUENT):
        return (Hit("person", match.start(), match.end(), 0.7),)
    return ()


def _written_small(text: str, match: re.Match[str]) -> Iterable[Hit]:
    if match["name"].split()[0] not in STOP:
        yield Hit("person", match.start("name"), match.end("name"), 0.7)


DETECTORS = (
    Detector(
        ("person",),
        ("name is", "name's", "call me"),
        re.compile(
            r"(?:(?:my|his|her) name(?: is|'s|’s)|(?:people|friends) call me) (?P<name>[^\W\d_A-Z]{3,20}"
            r"(?: [^\W\d_A-Z]{2,20})?)(?=\s*(?:$|[.,;!?\n\0]|and\b|but\b))"
        ),
        _written_small,
        layer=2,
        tier="any",
    ),
    Detector(("person",), r"\p{Lu}\p{Ll}", TEXT, persons, layer=2, tier="any"),
    Detector(
        ("person",),
        r"\p{Lu}{2} (?:\p{Lu}\.? )?\p{Lu}{2}",
        re.compile(
            rf"(?<![\w-])(?P<given>[{_UPPER}]{{3,15}}) (?:[{_UPPER}]\.? )?(?P<family>[{_UPPER}]{{3,20}})(?![\w-])"
        ),
        _large_person,
        layer=2,
        tier="any",
    ),
    Detector(("person",), r"^\P{Lu}+$", TEXT, small_persons, layer=2, tier="any"),
)
