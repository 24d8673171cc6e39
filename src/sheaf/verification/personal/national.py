"""Numbers by which states know people, each with the check digits its state defines; a country is one entry of a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sheaf.verification.personal.checksums import is_date, luhn, mod11_10, verhoeff, weighted
from sheaf.verification.personal.kind import Detector, Hit, told, wordset

CONTEXT = wordset(
    """ssn social security national identity identification insurance id ids tax taxpayer tin itin sin nhs nino
    medicare tfn steuer steuerid steuernummer steueridentifikationsnummer idnr bsn burgerservicenummer sofi nir
    sécu sécurité dni nif nie nss cpf rg curp rut run cédula cedula pesel rodné rodne personnummer personnr
    samordningsnummer cpr cprnr fødselsnummer fnr kennitala henkilötunnus hetu isikukood asmens cnp egn jmbg oib
    emšo kimlik aadhaar aadhar uid pan rrn resident registration zehut rijksregisternummer fiscale
    identificación ahv avs nin bvn citizen"""
)
"""Words beside which a number of the right length with right check digits is taken for a person's number."""


class National(NamedTuple):
    """One country's number: how many digits, whether the check digits hold, whether it needs words beside it.

    `form` is the way it is usually written: so written it is taken without a word beside it. `alone` says that
    the check digits and dates in it leave less than one random number in a thousand.
    """

    country: str
    digits: int
    valid: Callable[[str], bool]
    form: str = ""
    alone: bool = False


def _ssn(n: str) -> bool:
    return (
        n[:3] not in ("000", "666")
        and n[3:5] != "00"
        and n[5:] != "0000"
        and (n[0] != "9" or int(n[3:5]) >= 50)
    )


def _ymd(n: str) -> bool:
    return is_date(int(n[:2]), int(n[2:4]), int(n[4:6]))


def _dmy(n: str) -> bool:
    return is_date(int(n[4:6]), int(n[2:4]), int(n[:2]))


def _bsn(n: str) -> bool:
    return weighted(n, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and int(n) > 0


def _nhs(n: str) -> bool:
    return (11 - weighted(n[:9], range(10, 1, -1)) % 11) % 11 == int(n[9])


def _steuer(n: str) -> bool:
    counts = sorted(n[:10].count(mark) for mark in set(n[:10]))
    return n[0] != "0" and counts[-1] in (2, 3) and counts[-2:] != [2, 2] and mod11_10(n)


def _nir(n: str) -> bool:
    return n[0] in "12" and int(n[:13]) % 97 + int(n[13:]) == 97


def _belgium(n: str) -> bool:
    rest = 97 - int(n[9:])
    return is_date(int(n[:2]), int(n[2:4]) % 20, int(n[4:6])) and rest in (
        int(n[:9]) % 97,
        int("2" + n[:9]) % 97,
    )


def _cpf(n: str) -> bool:
    first = weighted(n[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(n[:10], range(11, 1, -1)) * 10 % 11 % 10
    return len(set(n)) > 1 and (first, second) == (int(n[9]), int(n[10]))


def _pesel(n: str) -> bool:
    return is_date(int(n[:2]), int(n[2:4]) % 20, int(n[4:6])) and (
        weighted(n, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
    )


def _norway(n: str) -> bool:
    first = weighted(n, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
    second = weighted(n, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    return is_date(int(n[4:6]), int(n[2:4]), int(n[:2]) % 40) and first and second


def _baltic(n: str) -> bool:
    check = weighted(n[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted(n[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return n[0] in "123456" and is_date(int(n[1:3]), int(n[3:5]), int(n[5:7])) and check == int(n[10])


def _turkey(n: str) -> bool:
    digits = [int(mark) for mark in n]
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return n[0] != "0" and tenth == digits[9] and sum(digits[:10]) % 10 == digits[10]


def _croatia(n: str) -> bool:
    return mod11_10(n)


def _south_africa(n: str) -> bool:
    return _ymd(n) and n[10] in "01" and luhn(n)


def _romania(n: str) -> bool:
    check = weighted(n[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return n[0] in "12345678" and is_date(int(n[1:3]), int(n[3:5]), int(n[5:7])) and check % 10 == int(n[12])


def _korea(n: str) -> bool:
    check = (11 - weighted(n[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return _ymd(n) and n[6] in "12345678" and check == int(n[12])


def _serbia(n: str) -> bool:
    check = -weighted(n[:12], (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return is_date(int(n[4:7]), int(n[2:4]), int(n[:2])) and check == int(n[12])


def _czech(n: str) -> bool:
    return is_date(int(n[:2]), int(n[2:4]) % 50 % 20, int(n[4:6])) and (
        int(n) % 11 == 0 or (int(n[:9]) % 11 == 10 and n[9] == "0")
    )


def _bulgaria(n: str) -> bool:
    check = weighted(n[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    return is_date(int(n[:2]), int(n[2:4]) % 20, int(n[4:6])) and check == int(n[9])


def _iceland(n: str) -> bool:
    return _dmy(n) and weighted(n, (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0 and n[9] in "089"


def _australia(n: str) -> bool:
    return weighted(n, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def _switzerland(n: str) -> bool:
    return n.startswith("756") and weighted(n, (1, 3) * 6 + (1,)) % 10 == 0


def _aadhaar(n: str) -> bool:
    return n[0] in "23456789" and verhoeff(n)


TABLE = (
    National("CA", 9, luhn),
    National("NL", 9, _bsn),
    National("AU", 9, _australia),
    National("US", 9, _ssn, r"\d{3}([- ])\d{2}\1\d{4}"),
    National("GB", 10, _nhs),
    National("SE", 10, lambda n: _ymd(n) and luhn(n), r"\d{6}[-+]\d{4}"),
    National(
        "SE", 12, lambda n: n[:2] in ("18", "19", "20") and _ymd(n[2:]) and luhn(n[2:]), r"\d{8}-\d{4}", True
    ),
    National("DK", 10, _dmy),
    National("CZ", 10, _czech, r"\d{6}/\d{4}"),
    National("BG", 10, _bulgaria),
    National("IS", 10, _iceland, r"\d{6}-\d{4}"),
    National("DE", 11, _steuer, r"\d{2} \d{3} \d{3} \d{3}"),
    National("BE", 11, _belgium, r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", True),
    National("BR", 11, _cpf, r"\d{3}\.\d{3}\.\d{3}-\d{2}"),
    National("PL", 11, _pesel),
    National("NO", 11, _norway, r"\d{6} \d{5}", True),
    National("EE", 11, _baltic),
    National("TR", 11, _turkey),
    National("HR", 11, _croatia),
    National("IN", 12, _aadhaar, r"\d{4} \d{4} \d{4}"),
    National("ZA", 13, _south_africa),
    National("RO", 13, _romania),
    National("KR", 13, _korea, r"\d{6}-\d{7}"),
    National("RS", 13, _serbia),
    National("CH", 13, _switzerland, r"756\.\d{4}\.\d{4}\.\d{2}", True),
    National("FR", 15, _nir, alone=True),
)
_BY_DIGITS: dict[int, list[tuple[National, re.Pattern[str] | None]]] = {}
for _entry in TABLE:
    _BY_DIGITS.setdefault(_entry.digits, []).append(
        (_entry, re.compile(_entry.form) if _entry.form else None)
    )

_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
            *(2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        ),
        strict=True,
    )
)


def _fiscal_code(code: str) -> bool:
    even = sum(int(mark) if mark.isdigit() else ord(mark) - 65 for mark in code[1:15:2])
    return chr(65 + (even + sum(_ODD[mark] for mark in code[:15:2])) % 26) == code[15]


def _china(code: str) -> bool:
    powers = [2 ** (17 - place) % 11 for place in range(17)]
    born = code[6:14]
    return (
        born[:2] in ("18", "19", "20")
        and is_date(int(born[:4]), int(born[4:6]), int(born[6:]))
        and "10X98765432"[weighted(code[:17], powers) % 11] == code[17]
    )


def _finland(code: str) -> bool:
    return _dmy(code) and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(code[:6] + code[7:10]) % 31] == code[10]


def _spain(code: str) -> bool:
    number = code[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == code[-1]


def _curp(code: str) -> bool:
    letters = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(letters.index(mark) * (18 - place) for place, mark in enumerate(code[:17]))
    return _ymd(code[4:10]) and str(-total % 10) == code[17]


def _chile(code: str) -> bool:
    total = weighted(code[-2::-1], (2, 3, 4, 5, 6, 7, 2, 3, 4))
    return "0K987654321"[total % 11] == code[-1]


LETTERED: dict[str, tuple[str, Callable[[str], bool], bool]] = {
    "IT": (r"[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]", _fiscal_code, True),
    "MX": (r"[A-Z]{4}\d{6}[HM][A-Z]{5}[0-9A-Z]\d", _curp, True),
    "CN": (r"\d{17}[\dX]", _china, True),
    "FI": (r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", _finland, True),
    "ES": (r"(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z]", _spain, True),
    "CL": (r"\d{1,2}\.?\d{3}\.?\d{3}-[\dK]", _chile, True),
    "GB": (
        r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]",
        bool,
        True,
    ),
    "IN": (r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]", bool, False),
    "PT": (r"\d{8} \d [A-Z]{2}\d", bool, False),
}
"""Numbers with letters: how they are written, whether the check letter holds, whether no word is needed beside them."""


_ALONE = {length: [entry for entry, _ in entries if entry.alone] for length, entries in _BY_DIGITS.items()}
_AMERICAN = wordset("ssn social")
_SEPARATORS = dict.fromkeys(map(ord, " ./+-"))


def _digits(text: str, match: re.Match[str]) -> Sequence[Hit]:
    number = match[0]
    is_bare = number.isdigit()
    digits = number if is_bare else number.translate(_SEPARATORS)
    entries = _BY_DIGITS.get(len(digits))
    if not entries:
        return ()
    words = told(text, match.start())
    is_named = not CONTEXT.isdisjoint(words)
    chosen = [] if is_bare else [entry for entry, form in entries if form and form.fullmatch(number)]
    others = [entry for entry, _ in entries] if is_named else _ALONE[len(digits)]
    if is_named and not _AMERICAN.isdisjoint(words):  # it has no check digits, so else it comes last
        others.sort(key=lambda entry: entry.country != "US")
    for entry in chosen + others:
        if entry.valid(digits):
            kind = "ssn" if entry.country == "US" else "national_id"
            return (Hit(kind, match.start(), match.end(), 0.98 if is_named else 0.86),)
    return ()


def _lettered(text: str, match: re.Match[str]) -> Iterable[Hit]:
    country = str(match.lastgroup)
    _, valid, alone = LETTERED[country]
    code = match[0].upper() if country == "FI" else re.sub(r"[ .\-]", "", match[0].upper())
    if valid(code) and (alone or not CONTEXT.isdisjoint(told(text, match.start()))):
        yield Hit("national_id", match.start(), match.end(), 0.9)


DETECTORS = (
    Detector(
        ("ssn", "national_id"),
        r"[0-9](?:[ ./+-]?[0-9]){8}",
        re.compile(r"[0-9](?<![\w.,$€£+/-].)(?:[ ./+-]?[0-9]){8,14}+(?!\w|[.,/-]\d)"),
        _digits,
    ),
    Detector(
        ("national_id",),
        r"[A-Za-z]{6}[0-9LMNP-V]{2}[A-Ta-t][0-9LMNP-V]{2}[A-Za-z][0-9]|[A-Za-z]{4}[0-9]{6}[HMhm]"
        r"|(?-u:\b)[0-9]{17}[0-9Xx](?-u:\b)|[0-9]{6}[-+A-FU-Ya-fu-y][0-9]{3}"
        r"|(?-u:\b)[0-9XYZxyz]-?[0-9]{7}-?[A-Za-z](?-u:\b)|[0-9]{3}\.?[0-9]{3}-[0-9Kk]"
        r"|(?-u:\b)[A-Za-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Da-d]|[A-Za-z]{5}[0-9]{4}[A-Za-z]"
        r"|[0-9]{8} [0-9] [A-Za-z]{2}",
        re.compile(
            r"(?<![\w.,$€£+/-])(?:"
            + "|".join(f"(?P<{name}>{form})" for name, (form, _, _) in LETTERED.items())
            + r")(?!\w|-\w)",
            re.IGNORECASE,
        ),
        _lettered,
        tier="rare",
    ),
)
