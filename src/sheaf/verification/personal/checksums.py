"""Check digits of numbers that name people, cards and accounts; each takes the bare number, without separators."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from operator import mul

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_PLAIN = bytes(48) + bytes(range(10)) + bytes(198)
_DOUBLED = bytes(48) + bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)) + bytes(198)
_BASE36 = {ord(mark): str(value) for value, mark in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 10)}
_VERHOEFF_D = tuple(
    tuple((i + j) % 5 if j < 5 else (i + j - 5) % 5 + 5 for j in range(10))
    if i < 5
    else tuple((i - j) % 5 + 5 if j < 5 else (i - j) % 5 for j in range(10))
    for i in range(10)
)
_VERHOEFF_P = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1, annex B: every second digit from the right doubled, cross sums added, divisible by ten."""
    marks = number.encode()
    return (sum(marks[-1::-2].translate(_PLAIN)) + sum(marks[-2::-2].translate(_DOUBLED))) % 10 == 0


def mod97(account: str) -> bool:
    """ISO 13616 (IBAN): the first four characters moved to the end, letters as 10 to 35, remainder one."""
    turned = account[4:] + account[:4]
    return int(turned.upper().translate(_BASE36)) % 97 == 1


def weighted(number: str, weights: Sequence[int]) -> int:
    """Return the sum of digits times weights, as far as there are weights."""
    return sum(map(mul, number.encode().translate(_PLAIN), weights))


def verhoeff(number: str) -> bool:
    """Verhoeff 1969: the dihedral group of order ten."""
    check = 0
    for place, mark in enumerate(reversed(number)):
        digit = int(mark)
        for _ in range(place % 8):
            digit = _VERHOEFF_P[digit]
        check = _VERHOEFF_D[check][digit]
    return check == 0


def mod11_10(number: str) -> bool:
    """ISO 7064, MOD 11,10, check digit last."""
    product = 10
    for mark in number[:-1]:
        product = ((product + int(mark)) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(number[-1])


def base58check(address: str) -> bool:
    """Whether the last four of 25 bytes are the double SHA-256 of the others (Bitcoin)."""
    number = 0
    for mark in address:
        place = BASE58.find(mark)
        if place < 0:
            return False
        number = number * 58 + place
    if number >= 1 << 200:
        return False
    data = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def bech32(address: str) -> bool:
    """BIP 173 and BIP 350: a BCH code over 32 letters; either constant."""
    if address.lower() != address and address.upper() != address:
        return False
    prefix, _, data = address.lower().rpartition("1")
    if not prefix or len(data) < 6 or any(mark not in BECH32 for mark in data):
        return False
    expanded = [ord(mark) >> 5 for mark in prefix] + [0] + [ord(mark) & 31 for mark in prefix]
    check = 1
    for value in expanded + [BECH32.index(mark) for mark in data]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> bit & 1:
                check ^= generator
    return check in (1, 0x2BC830A3)


def is_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day; years of two digits are taken for any century."""
    if not 1 <= month <= 12 or day < 1:
        return False
    if month == 2:
        return day <= (29 if year % 4 == 0 else 28)
    return day <= (30 if month in (4, 6, 9, 11) else 31)
