"""Telephone numbers: international by their prefix (E.164), national by how they are written or by the words beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sheaf.verification.personal.kind import Detector, Hit, before, told, wordset

_NAMED = wordset(
    """phone phones telephone tel call calls called calling cell cellular mobile mob fax ph dial dialled dialed ring
    text texted sms whatsapp viber telegram reach contact hotline landline pager voicemail extension answer
    answers answering message messages telefon telefonnummer handy mobil mobilnummer rufnummer téléphone
    portable appel appelez appeler appelle teléfono móvil celular llame llamar llama llámame telefone ligue
    telefono cellulare chiama chiamare chiamami telefoon bel tlf puhelin telefón"""
)
_LABEL = re.compile(r"(?<!\w)(?:desk|office|work|home|direct|m|t|p|f|h|w|c)\.?\)?\s?[:#]\s*$", re.IGNORECASE)
"""Words that name a number as a telephone's only where they stand right before it."""
_OTHER = wordset(
    """iban account order invoice ticket isbn issn reference ref serial sku tracking case article population between
    version room zip postcode doi patent policy passport licence license page pages vol id item items total sum
    amount usd eur card ssn security tax identity national insurance nhs sin"""
)
_NUMBER = wordset("number numbers")
"""Said of a telephone where no other word says of what."""
_AFTER = re.compile(r"[\s,;:-]{0,3}\(?(?:mobile|fax|office|home|work|cell|phone|tel|desk)\b", re.IGNORECASE)
_DATE = re.compile(
    r"(?:1[89]|20)\d\d([-./])[01]?\d\1[0-3]?\d(?:[ T]\d.*)?|[0-3]?\d([-./])[0-3]?\d\2"
    r"(?:(?:1[89]|20)\d\d|\d\d)(?:[ T]\d.*)?"
    r"|(?:1[5-9]|20)\d\d ?- ?(?:1[5-9]|20)\d\d"
)
_AMERICAN = re.compile(r"(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}")
_THOUSANDS = re.compile(r"\d{1,3}(?:([ .])\d{3})(?:\1\d{3})+")
_GROUPS = re.compile(r"\d{2,4}([ .-])\d{2,4}(?:\1\d{2,4}){1,4}")
_AREA = re.compile(r"\(\+?0?\d{1,5}\) ?\d{2,5}(?:[ -]?\d{2,5}){1,3}")


_SAID = _NAMED | _OTHER
_INITIALS = frozenset("mfohwcptdMFOHWCPTD")
"""Letters with which words of `_AFTER` begin."""
_MARKS = dict.fromkeys(map(ord, " ()./-+"))


def _phone(text: str, match: re.Match[str]) -> Sequence[Hit]:
    number, start = match["number"], match.start()
    is_bare = number.isdigit()
    digits = len(number if is_bare else number.translate(_MARKS))
    if not 7 <= digits <= 15 or (not is_bare and number[0] not in "+(" and _DATE.fullmatch(number)):
        return ()
    score = 0.0 if is_bare else _form(number, digits, match["extension"] is not None)
    if score < 0.85:
        words = told(text, start)
        nearest = next(filter(_SAID.__contains__, words), "")
        if not nearest and not _NUMBER.isdisjoint(words[:2]):
            nearest = "phone"
        if nearest in _NAMED or _is_labelled(before(text, start, 12)):
            score = 0.9
        elif not _INITIALS.isdisjoint(text[match.end() : match.end() + 5]) and _AFTER.match(
            text, match.end()
        ):
            score = 0.8
        elif nearest:
            return ()
    return (Hit("phone", start, match.end(), score),) if score else ()


def _is_labelled(context: str) -> bool:
    return context.rstrip()[-1:] in (":", "#") and _LABEL.search(context) is not None


def _form(number: str, digits: int, has_extension: bool) -> float:
    """Return how surely digits so parted are a telephone number, with no word beside them; 0 where they may be anything."""
    if number[0] == "+" and digits >= 8:
        return 0.95
    if (digits in (10, 11) and _AMERICAN.fullmatch(number)) or (has_extension and digits >= 9):
        return 0.85
    if number[:2] == "00" and digits >= 10:
        return 0.8
    if _THOUSANDS.fullmatch(number):
        return 0.0
    if number[0] == "(" and _AREA.fullmatch(number):
        return 0.7
    if number[0] == "0" and 10 <= digits <= 12:
        return 0.6
    if 8 <= digits <= 12 and _GROUPS.fullmatch(number):
        return 0.5
    return 0.0


DETECTORS = (
    Detector(
        ("phone",),
        r"[0-9](?:[ ()./-]{0,3}[0-9]){6}",
        re.compile(
            r"(?P<number>[+(0-9](?<![\w./$€£#=\-].)(?<!\d[:,].)(?<!\+ .)(?:(?<=\+) ?\(?[0-9]"
            r"|(?<=\()\+?[0-9])?(?:(?: ?\(0\) ?|\) ?|[ .\-/]| ?\()?[0-9]){6,18}+)"
            r"(?P<extension>,?\s?(?:x|ext\.?|extension|#)\s?\d{1,6})?(?!\w|[%€$£°]|[.,/:-]\d)"
        ),
        _phone,
    ),
)
