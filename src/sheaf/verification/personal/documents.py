"""Birth dates, ages, passports, driving licences and places on the globe, by the words beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sheaf.verification.personal.checksums import is_date
from sheaf.verification.personal.kind import Detector, Hit, before, told, wordset

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_BORN = wordset(
    """born birth birthdate birthdates birthday birthdays dob geboren geb geburtsdatum né née naissance nacido nacida
    nacimiento nascido nascida nascimento nato nata nascita geboortedatum född født syntynyt urodzony urodzona
    narozen narozená"""
)
_PASSPORT = wordset("passport passports reisepass pasaporte passeport passaporto passaporte paspoort")
_LICENCE = wordset(
    "license licence licenses licences driver drivers dl führerschein conduire conducir patente rijbewijs"
)


def _birth(text: str, match: re.Match[str]) -> Iterable[Hit]:
    if match["a"]:
        first, second, year = int(match["a"]), int(match["b"]), int(match["c"])
        if not (is_date(year, first, second) or is_date(year, second, first)):
            return
    elif match["y"] and not is_date(int(match["y"]), int(match["m"]), int(match["d"])):
        return
    if not _BORN.isdisjoint(told(text, match.start())) or "o.b" in before(text, match.start()).lower():
        yield Hit("birth_date", match.start(), match.end(), 0.9)


def _age(text: str, match: re.Match[str]) -> Iterable[Hit]:
    group = next(name for name in ("old", "of", "turned", "am") if match[name])
    if 0 < int(match[group]) <= 120:
        yield Hit("age", match.start(group), match.end(group), 0.8 if group in ("old", "of") else 0.6)


def _numbered(kind: str, beside: frozenset[str], least: int, gate: tuple[str, ...]) -> Detector:
    """Return a detector of numbers with at least `least` digits behind one of the words `beside`."""

    def judge(text: str, match: re.Match[str]) -> Iterable[Hit]:
        number = match["number"]
        if sum(mark.isdigit() for mark in number) >= least and not beside.isdisjoint(
            told(text, match.start())
        ):
            yield Hit(kind, match.start(), match.end(), 0.8)

    pattern = r"(?<![\w$€£.,/-])(?P<number>[A-Za-z]{0,3}\d[\d-]{3,13}[A-Za-z\d]{0,6})(?!\w|[.,/]\d)"
    return Detector((kind,), gate, re.compile(pattern), judge, tier="rare")


def _place(_: str, match: re.Match[str]) -> Iterable[Hit]:
    if match["lat"] and (abs(float(match["lat"])) > 90 or abs(float(match["lon"])) > 180):
        return
    yield Hit("coordinates", match.start(), match.end(), 0.8)


DETECTORS = (
    Detector(
        ("birth_date",),
        (
            "born",
            "birth",
            "dob",
            "d.o.b",
            "gebor",
            "geburt",
            " geb",
            "née",
            "né ",
            "naissance",
            "nacid",
            "nacimiento",
            "nascid",
            "nascimento",
            "nascita",
            " nato",
            " nata",
            "geboorte",
            "född",
            "født",
            "syntynyt",
            "urodzon",
            "narozen",
        ),
        re.compile(
            r"(?<![\w/.-])(?:(?P<a>\d{1,2})[-/. ](?P<b>\d{1,2})[-/. ](?P<c>\d{4}|\d\d)|(?P<y>"
            r"(?:1[89]|20)\d\d)[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"
            rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? (?:1[89]|20)\d\d|\d{{1,2}}(?:st|nd|rd"
            rf"|th)?(?: of)? {_MONTH},? (?:1[89]|20)\d\d)(?![\w/]|[.-]\d)",
            re.IGNORECASE,
        ),
        _birth,
        tier="rare",
    ),
    Detector(
        ("age",),
        r"(?:[yY]ears?|[yY]rs?\.?|YEARS)[ -](?:[oO]ld|OLD|of)|[aA]ge[ds]?[ :=]|AGED?[ :=]|turn(?:ed|s|ing)? [0-9]|y/o|y\.o"
        r"|[0-9] ?yo|jahre alt|Jahre alt|años de edad|anni|[0-9] ans|I'm [0-9]|I am [0-9]|I’m [0-9]",
        re.compile(
            r"(?<![\w.,$€£/-])(?:(?P<old>\d{1,3})[ -]?(?:(?:years?|yrs?\.?)[ -](?:old|of"
            r" age)|y[/.]?o\b|-?year-old|jahre alt|ans\b(?= ?[,.)])|años de edad|anni\b(?="
            r" ?[,.)]))"
            r"|(?:aged?|age of|age is|age:|ages)[ :=]{1,3}(?:of |is |was )?(?P<of>\d{1,3})"
            r"|(?:(?:I|he|she|who|just|recently|will|ll|to|has|have|had)[ \u00a0](?:just"
            r" |have |has )?(?:turn|turned|turns|turning)) (?P<turned>\d{1,3})(?! ?(?:times"
            r"|percent|points|degrees))"
            r"|I(?:'m|’m| am) (?P<am>\d{1,2})(?=\s*(?:$|[\0.,!?;]|and\b|now\b|yo\b)))(?![\w%$€£]|[.,:/]\d)",
            re.IGNORECASE,
        ),
        _age,
    ),
    _numbered("passport", _PASSPORT, 5, tuple(sorted(_PASSPORT))),
    _numbered(
        "driver_licence",
        _LICENCE,
        4,
        ("licen", " dl", "dl ", "hrerschein", "conduire", "conducir", "patente", "rijbewijs"),
    ),
    Detector(
        ("coordinates",),
        r"[0-9]\.[0-9]{3,}\s?°?\s?[NS]?\s{0,2}[,;/ ]|[0-9]°",
        re.compile(
            r"(?<![\w.])(?P<lat>[-+]?\d{1,2}\.\d{4,10})\s{0,2}[,;/]\s{0,2}(?P<lon>[-+]?\d{1,3}\.\d{4,10})(?![\w.]\d)"
            r"|(?<![\w.])\d{1,2}(?:\.\d+)?°\s?(?:\d{1,2}(?:\.\d+)?['′’]\s?)?(?:\d{1,2}(?:\.\d+)?"
            r"(?:\"|″|''|”)\s?)?[NS][ ,;]{1,3}"
            r"\d{1,3}(?:\.\d+)?°\s?(?:\d{1,2}(?:\.\d+)?['′’]\s?)?(?:\d{1,2}(?:\.\d+)?(?:\"|″|''|”)\s?)?[EWO](?!\w)"
        ),
        _place,
        tier="rare",
    ),
)
