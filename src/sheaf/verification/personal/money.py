"""Payment cards (ISO/IEC 7812), bank accounts (ISO 13616) and addresses of cryptocurrencies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sheaf.verification.personal import checksums
from sheaf.verification.personal.kind import Detector, Hit, told, wordset

_CARD = wordset(
    """card cards credit debit visa mastercard amex express maestro discover diners jcb cc karte kreditkarte carte tarjeta carta
    cartão pan"""
)
_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})$|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}$|3[47]\d{13}$"
    r"|3(?:0[0-5]|095|[689])\d+$|(?:6011|64[4-9]|65|62|81)\d+$|(?:2131|1800)\d{11}$|35(?:2[89]|[3-8]\d)\d{12}$"
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}$|(?:220[0-4])\d{12,15}$|(?:508|60|82)\d{14}$"
)
IBAN_LENGTH = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20,
    "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
    "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip


def _card(text: str, match: re.Match[str]) -> Sequence[Hit]:
    number = match[0].replace(" ", "").replace("-", "")
    if not checksums.luhn(number) or number.count(number[0]) == len(number):
        return ()
    if len(number) >= 13 and _ISSUER.match(number):
        return (Hit("card", match.start(), match.end(), 0.92),)
    if not _CARD.isdisjoint(told(text, match.start())):
        return (Hit("card", match.start(), match.end(), 0.9),)
    return ()


def _iban(text: str, match: re.Match[str]) -> Sequence[Hit]:
    written = match[0]
    length = end = IBAN_LENGTH.get(written[:2].upper(), 0)
    bare = written.replace(" ", "").replace("-", "")
    if not length or len(bare) < length:
        return ()
    if len(bare) < len(written):
        end = [place for place, mark in enumerate(written) if mark not in " -"][length - 1] + 1
    if written[end : end + 1].isalnum() or not checksums.mod97(bare[:length]):
        return ()
    return (Hit("iban", match.start(), match.start() + end, 1.0),)


def _coin(text: str, match: re.Match[str]) -> Iterable[Hit]:
    address = match[0]
    if address[:2] == "0x":
        from eth_utils.address import is_checksum_address

        digits = address[2:]
        if digits in (digits.lower(), digits.upper()):
            yield Hit("crypto", match.start(), match.end(), 0.7)
        elif is_checksum_address(address):
            yield Hit("crypto", match.start(), match.end(), 1.0)
    elif (checksums.bech32 if match["bech"] else checksums.base58check)(address):
        yield Hit("crypto", match.start(), match.end(), 1.0)


DETECTORS = (
    Detector(
        ("card",),
        r"[0-9](?:[ -]?[0-9]){11}",
        re.compile(r"[0-9](?<![\w.+].)(?<!\d-.)(?:[ -]?[0-9]){11,18}+(?!\w|[.-]\d)"),
        _card,
    ),
    Detector(
        ("iban",),
        r"(?-u:\b)[A-Za-z]{2}[0-9]{2}[ -]?[0-9A-Za-z]{2}[ -]?[0-9A-Za-z]",
        re.compile(r"[A-Za-z](?<!\w.)[A-Za-z][0-9]{2}(?:[ -]?[0-9A-Za-z]){11,30}"),
        _iban,
        tier="rare",
    ),
    Detector(
        ("crypto",),
        r"0x[0-9a-fA-F]{40}|(?:bc|tb|ltc)1[0-9a-z]{11}|[13][1-9A-HJ-NP-Za-km-z]{25}",
        re.compile(
            r"(?<!\w)(?:0x[0-9a-fA-F]{40}|(?P<bech>(?:bc|tb|ltc)1[0-9a-z]{11,71})|[13][1-9A-HJ-NP-Za-km-z]"
            r"{25,34})(?!\w)"
        ),
        _coin,
        tier="rare",
    ),
)
