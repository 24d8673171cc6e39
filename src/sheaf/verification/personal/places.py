"""Street addresses and postcodes.
 An address is a chain of numbers, capitalised words, units and boxes. A chain is taken for an address by
what it holds: a type of street, a unit, a box, a postcode, two numbers; and by the words before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sheaf.verification.personal.kind import TEXT, Detector, Hit, before, told, wordset
from sheaf.verification.personal.people.lexicon import WORD
from sheaf.verification.personal.people.words import STOP, kind_of

_CAPITAL = r"[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:['’.\-][^\W\d_]+)*\.?(?!:)"
_LINK = (
    r"(?:de|del|della|dei|degli|di|da|do|dos|das|du|des|la|le|les|el|los|las|van"
    r"|von|der|den|zum|zur|am|an|of|y|e|u\.|z|na)"
)
_TYPE = (
    r"(?:gate|vej|veg|väg|gata|rue|via|calle|avenida|avenue|rua|rúa|ul\.|al\.|os\."
    r"|trg|boulevard|chemin|plaza|út|útja|utca|tér|körút|köz|põik|tänav|kapu|strada"
    r"|viale|piazza)"
)
_NUMBER = r"(?:\d{1,6}(?:[-/]\d{1,4})?[A-Za-z]?(?!\w|[:%]|[.,/]\d)(?:\.(?=[ ,]*\n|,| (?i:apt|suite)))?)"
_UNIT = (
    r"(?:apartment|apt|suite|ste|unit|flat|room|floor|box|psc|appartement|wohnung"
    r"|top|stiege|piso|lgh)\b\.? ?#?\d+[a-z]?\b"
)
_BOX = r"p\.? ?o\.? ?box:? ?\d+|post(?:boks|box|fach|schließfach) ?\d+|apartado \d+|casella postale \d+"
_SMALL = rf"(?:{_UNIT}|{_BOX}|{_TYPE}(?=[ \n,])|{_LINK}(?=[ '’]))"
_ITEM = rf"(?:{_NUMBER}|{_CAPITAL}|{_SMALL}|\([^\W\d_]{{3,20}}\))"
_BETWEEN = r"(?:[ \t]{0,2},?[ \t]*(?:\r?\n[>|*?#]{0,3}[ \t]{0,8}(?:, )?){0,2}|['’])"
_START = rf"(?:{_NUMBER}|{_CAPITAL}|{_UNIT}|{_BOX}|{_TYPE}(?= ))"

_STREETS = wordset(
    """street st avenue ave av road rd drive dr lane ln court ct place pl square squares boulevard blvd boul way
    terrace crescent close highway hwy parkway pkwy grove gardens hill row walk circle trail mews parade
    esplanade plaza alley quay streets harbor harbour cliffs gateway rue via viale piazza piazzetta calle
    avenida avda paseo camino carrer rua rúa r travessa largo praça chemin quai impasse allée route strada
    corso vicolo ul ulica al aleja utca u út útja tér körút kapu sétány köz náměstí třída trg tänav tn mnt
    puiestee
    põik passage pass heights crossing loop pike turnpike wharf weg straße platz allee cesta"""
)
_STREET_ENDS = tuple(
    sorted(
        wordset(
            """
            straße strasse gasse platz allee damm ufer straat laan plein gracht dreef singel gade
            gatan gata vägen vej veien vegen stræde allé katu kuja polku utca tänav braut stígur
            vegur steig torg torvet weg tie bakken vænge stien
            """
        )
    )
)
_NAMED = "Street|Road|Avenue|Lane|Boulevard|Crescent|Terrace|Parkway|Turnpike|Strasse|Straße"
_NAMED_ENDS = "straße|strasse|gatan|gade|vägen|veien|laan|straat"
"""What streets are called where no number stands beside them."""
_WHERE = wordset(
    """address addresses live lives lived living reside resides resided residing stay staying located location moved
    move deliver delivered ship shipped send sent mail mailed arrived return office offices taxi cab home
    house corner adresse anschrift wohnhaft wohnt station stop restaurant meet enter building store shop
    hotel
    dirección domicilio endereço indirizzo adres cím"""
)
_NO_PLACE = wordset(
    """chapter article section figure fig table page version part volume vol episode season level step phase group
    grade class day week year question problem exercise equation model windows iphone python covid january
    february march april may june july august september october november december monday tuesday wednesday
    thursday friday saturday sunday number act rule since date phone tel fax mobile iban card visa call during
    in on by inc corp llc ltd"""
)
_CORNER = re.compile(
    rf"(?:[Tt]he )?[Cc]orner of (?:(?:{_ITEM}|[a-z]{{2,6}}\.?)[.,]? ?){{1,6}}and (?:(?:{_ITEM}|ten|ter"
    rf"|op)[.,]? ?){{1,6}}"
)
_CHAIN = re.compile(rf"(?=[^\W_])(?<![\w$€£#@/.:-])(?<!\d,){_START}(?:{_BETWEEN}{_ITEM}){{1,16}}")
_WORD = re.compile(r"[^\W\d_]+")
_WORDS = re.compile(r"[^\W\d_]+")
_NUMBERS = re.compile(r"(?<![\w-])\d{1,6}(?!\d)")
_UNITS = re.compile(rf"(?<!\w)(?:{_UNIT}|{_BOX})", re.IGNORECASE)
_FIRST = re.compile(rf"(?<!\w)(?:{_NUMBER}(?=[ ,]+(?:{_CAPITAL}|\d|{_TYPE}))|(?i:{_UNIT}|{_BOX}))")
_ARMY = re.compile(r"(?:\b(?:USNS|USNV|USS|USCGC|Unit|PSC)\b[^\n]*\n?[ \t]*)?\b(?:APO|FPO|DPO)[ ,]+A[AEP]\b")
_NUMBERED_NAME = re.compile(rf"{_NUMBER} (?:{_CAPITAL} ){{1,4}}{_NUMBER}[ ,\n]")


def _address(text: str, match: re.Match[str]) -> Iterable[Hit]:
    yield from _chained(text, match)


def _chained(text: str, match: re.Match[str]) -> Iterable[Hit]:
    chain, begin = match[0], match.start()
    while (line := chain.find("\n")) > 0 and not (
        _NUMBERS.search(chain, 0, line) or _ARMY.match(chain)
    ):  # a name's line
        begin += line + 1
        chain = chain[line + 1 :]
    numbers = _NUMBERS.findall(chain)
    if not numbers:
        return
    evidence = _evidence(chain, len(numbers))
    army = _ARMY.search(chain)
    if evidence < 2 and not army:
        if evidence < 0 or _WHERE.isdisjoint(told(text, begin, 32)):
            return
        evidence += 2
    evidence += 3 * bool(army)
    start = begin + (army.start() if army else _lead(chain))
    yield Hit("address", start, begin + len(chain.rstrip(" ,.\n\t>|*?#")), min(0.95, 0.4 + 0.15 * evidence))


def _evidence(chain: str, numbers: int) -> int:
    """Count what speaks for an address: two marks are enough, one where words before the chain speak of a place."""
    words = _WORDS.findall(chain.lower())
    if not words:
        return -1
    told_small = [
        word.lower() for word in _WORDS.findall(chain) if not word.isupper() or len(word) > 2
    ]  # ON is a state
    evidence = (
        2 * (not _STREETS.isdisjoint(words)) + (numbers > 1) - 2 * (not _NO_PLACE.isdisjoint(told_small))
    )
    evidence += 2 * any(word.endswith(_STREET_ENDS) and len(word) > 5 for word in words)
    if _UNITS.search(chain):
        evidence += 2
    elif numbers > 1 and _NUMBERED_NAME.match(chain):
        evidence += 1
    return evidence


def _lead(chain: str) -> int:
    """Return how much of the chain's beginning is a name or a sentence's first word, and no part of the address."""
    first = _FIRST.search(chain)
    number = _NUMBERS.search(chain)
    assert number is not None
    line = chain.rfind("\n", 0, number.start())
    if line >= 0:
        rest = chain[line + 1 :]
        return line + 1 + len(rest) - len(rest.lstrip(" \t>|*?#,"))
    return first.start() if first and first.start() == number.start() and _UNITS.search(chain) else 0


def _corner(_: str, match: re.Match[str]) -> Iterable[Hit]:
    yield Hit("address", match.start(), match.start() + len(match[0].rstrip(" .,")), 0.96)


def _small_address(text: str, match: re.Match[str]) -> Iterable[Hit]:
    """Yield addresses in a text of small letters: its words are made large, but for those that no address has."""
    first, last = match.span()
    part = text[first:last]
    if not part.islower():
        return
    large = _WORD.sub(_larger, part)
    if len(large) != len(part):
        return
    for pattern, judge in ((_CHAIN, _address), (_CORNER, _corner)):
        for found in pattern.finditer(large):
            for hit in judge(large, found):
                yield hit._replace(start=first + hit.start, end=first + hit.end)


def _larger(match: re.Match[str]) -> str:
    word = match[0]
    if (
        word in STOP
        and word not in _STREETS
        or len(word) < 2
        or kind_of(word) & WORD
        and word not in _STREETS
    ):
        return word
    return word[0].upper() + word[1:]


def _street(_: str, match: re.Match[str]) -> Iterable[Hit]:
    words = match[0].lower().split()
    if (
        words[0] not in STOP
        and match[0].lower() not in _FAMOUS
        and (len(words) > 1 or kind_of(words[0]) == 0)
    ):
        yield Hit("address", match.start(), match.end(), 0.5)


_FAMOUS = frozenset(
    (
        "wall street",
        "sesame street",
        "downing street",
        "fifth avenue",
        "madison avenue",
        "abbey road",
        "silk road",
        "main street",
        "high street",
    )
)
"""Streets that stand for something else."""


def _postcode(text: str, match: re.Match[str]) -> Iterable[Hit]:
    if match["town"] and not _TOWN.search(before(text, match.start())):
        return
    if match["alone"]:
        above = before(text, match.start(), 160)
        if not (_UNITS.search(above) or not _STREETS.isdisjoint(_WORDS.findall(above.lower()))):
            return
    yield Hit("postcode", *match.span(str(match.lastgroup)), 0.7)


_TOWN = re.compile(rf"\b(?:in|from|near|at) (?:(?:{_LINK} )?{_CAPITAL} ){{1,4}}(?:{_LINK} {_CAPITAL} )?$")
_STATES = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]"
    "|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]|N[ST]W|VIC|QLD|TAS"
)
DETECTORS = (
    Detector(
        ("address",),
        r"[0-9][A-Za-z]?\.?,?\s+\p{L}|\p{Lu}[\p{L}.'’-]*[\s,#]{1,3}[0-9]|(?:[aA]pt|[sS]uite"
        r"|[uU]nit|[bB]ox|[fF]lat)\.? ?#?[0-9]",
        _CHAIN,
        _address,
        layer=1,
    ),
    Detector(("address",), r"^\P{Lu}*[0-9][^\p{Lu}]*$", TEXT, _small_address, layer=1),
    Detector(
        ("address",),
        ("corner of",),
        _CORNER,
        _corner,
        layer=1,
        tier="any",
    ),
    Detector(
        ("address",),
        rf"\p{{Lu}}\p{{L}}+ (?:{_NAMED})(?-u:\b)|\p{{Lu}}\p{{Ll}}{{3,}}(?:{_NAMED_ENDS})(?-u:\b)",
        re.compile(
            rf"(?<![\w-])(?:(?:{_CAPITAL} ){{1,3}}(?:{_NAMED})"
            rf"|[^\W\d_a-zß-öø-ÿ][^\W\d_]{{3,}}(?:{_NAMED_ENDS}))(?![\w'’-])"
        ),
        _street,
        layer=1,
        tier="any",
    ),
    Detector(
        ("postcode",),
        r"[zZ]ip|ZIP|[pP]ost|POST|(?-u:\b)PLZ|(?-u:\b)CAP(?-u:\b)|[A-Z]{1,2}[0-9][A-Z0-9]?"
        r" [0-9][A-Z]{2}|[A-Z][0-9][A-Z] [0-9][A-Z][0-9]|[0-9]{5}-[0-9]{4}|[A-Z]{2,3}"
        r" [0-9]{4,5}"
        r"|\n[^\n0-9]{0,40}[0-9][0-9A-Z -]{2,6}[ \t.?]*(?:\n|$)"
        r"|(?-u:\b)(?:in|from|near|at) \p{Lu}[\p{L} ]{1,40} [0-9]{3}",
        re.compile(
            r"(?:(?i:zip|zip ?code|post ?codes?|postal ?codes?|plz|cap|codice postale|code"
            r" postal|código postal|cep)(?: (?i:is|was|number|in|no))?[ :.=]{1,3}"
            r"(?:(?i:is|was) )?(?P<named>[A-Z]{0,2}\d[\dA-Z]{1,4}(?:[ -]?\d[\dA-Z]{1,3})?))(?!\w)"
            r"|(?<![\w-])(?P<form>(?:[A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d|[A-HK-Y]\d\d|\d[A-HJKPSTUW]"
            r"|[A-HK-Y]\d[ABEHMNPRV-Y])) \d[ABD-HJLNP-UW-Z]{2}"
            r"|[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] \d[ABCEGHJ-NPRSTV-Z]\d)(?![\w-])"
            rf"|(?<=, )(?:{_STATES}),? (?P<state>\d{{5}}(?:-\d{{4}})?|\d{{4}})(?!\w|[.,-]\d)"
            rf"|\n[ \t>|*?#]*(?:{_CAPITAL} ){{1,3}}(?P<line>\d{{4,5}}|\d{{3}} \d\d)(?=[ \t.?]*(?:\n|$|\0))"
            rf"|\n[ \t>|*?#]*(?P<alone>\d{{4,5}}|\d{{3}} \d\d|\d\d-\d{{3}}|\d{{4}}-\d{{3}}"
            rf"|[ABCEGHJ-NPRSTVXY]\d[A-Z] \d[A-Z]\d)(?=[ \t.?]*(?:\n|$|\0))"
            r"|(?<=\w )(?P<town>(?<=\w )(?!1[5-9]\d\d|20\d\d)(?:\d{4,5}|\d{3} \d\d|\d\d-\d{3}"
            r"|\d{4}-\d{3}))(?!\w|[.,:%-]\d)"
        ),
        _postcode,
        layer=1,
    ),
)
