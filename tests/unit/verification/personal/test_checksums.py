"""Check digits, against numbers that standards and states publish as examples."""

from __future__ import annotations

import pytest

from sheaf.verification.personal import checksums, national

CARDS = ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "30569309025904"]
ACCOUNTS = [
    "GB82WEST12345698765432",
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "NO9386011117947",
]
COINS = ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "3P14159f73E4gFr7JterCCQh9QjiTjiZrG"]
SEGWIT = [
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
]
PEOPLE = {
    "CA": "046454286",
    "NL": "111222333",
    "AU": "123456782",
    "GB": "9434765919",
    "SE": "8112289874",
    "CZ": "7801233540",
    "BG": "7523169263",
    "IS": "1201743399",
    "DE": "86095742719",
    "BE": "85073003328",
    "BR": "52998224725",
    "PL": "44051401359",
    "EE": "37605030299",
    "TR": "10000000146",
    "HR": "94577403194",
    "IN": "234123412346",
    "ZA": "8001015009087",
    "RS": "0101006500006",
    "CH": "7569217076985",
    "FR": "255081416802538",
    "NO": "01010123476",
    "RO": "1630615123457",
}
LETTERED = {
    "IT": "RSSMRA85T10A562S",
    "CN": "11010519491231002X",
    "FI": "131052-308T",
    "ES": "12345678Z",
    "MX": "HEGG560427MVZRRL04",
    "CL": "123456785",
}


def entry(country: str, digits: int) -> national.National:
    return next(one for one in national.TABLE if (one.country, one.digits) == (country, digits))


def altered(number: str) -> list[str]:
    """Every number that differs in one digit."""
    return [
        number[:place] + digit + number[place + 1 :]
        for place, mark in enumerate(number)
        if mark.isdigit()
        for digit in "0123456789"
        if digit != mark
    ]


@pytest.mark.parametrize("number", CARDS)
def test_luhn_takes_published_cards_and_no_slip(number: str) -> None:
    """Card numbers published for tests pass, and none with one wrong digit does (ISO/IEC 7812-1)."""
    assert checksums.luhn(number)
    assert not any(map(checksums.luhn, altered(number)))


@pytest.mark.parametrize("account", ACCOUNTS)
def test_mod97_takes_published_accounts_and_no_slip(account: str) -> None:
    """Accounts published as examples pass, and none with one wrong digit does (ISO 13616)."""
    assert checksums.mod97(account)
    assert not any(map(checksums.mod97, altered(account)))


@pytest.mark.parametrize("country", PEOPLE)
def test_national_numbers_hold(country: str) -> None:
    """Numbers published as examples pass their state's rule; of those with one wrong digit at most a third do."""
    number = PEOPLE[country]
    valid = entry(country, len(number)).valid
    assert valid(number)
    slips = altered(number)
    assert sum(map(valid, slips)) <= len(slips) / 3


@pytest.mark.parametrize("country", LETTERED)
def test_lettered_numbers_hold(country: str) -> None:
    """Numbers with letters pass their state's rule, and not with the last letter changed."""
    code = LETTERED[country]
    valid = national.LETTERED[country][1]
    assert valid(code)
    last = {"X": "1", "T": "A", "Z": "A", "S": "A", "4": "5", "5": "6"}[code[-1]]
    assert not valid(code[:-1] + last)


@pytest.mark.parametrize("address", COINS)
def test_base58check(address: str) -> None:
    """Addresses that stand on the chain pass, and not with one letter changed."""
    assert checksums.base58check(address)
    assert not checksums.base58check(address[:-1] + ("z" if address[-1] != "z" else "y"))
    assert not checksums.base58check(address + "0")
    assert not checksums.base58check("z" * 60)


@pytest.mark.parametrize("address", SEGWIT)
def test_bech32(address: str) -> None:
    """The examples of BIP 173 and BIP 350 pass; mixed case, changed letters and foreign letters do not."""
    assert checksums.bech32(address)
    assert not checksums.bech32(address[:-1] + ("q" if address[-1].lower() != "q" else "p"))
    assert not checksums.bech32("bC" + address[2:])
    assert not checksums.bech32("bc1b")
    assert not checksums.bech32("bc1" + "i" * 8)


@pytest.mark.parametrize(
    ("day", "is_one"),
    [
        ((2000, 2, 29), True),
        ((2001, 2, 29), False),
        ((85, 13, 1), False),
        ((85, 4, 31), False),
        ((85, 1, 0), False),
    ],
)
def test_days(day: tuple[int, int, int], is_one: bool) -> None:
    """A day exists as the calendar has it."""
    assert checksums.is_date(*day) is is_one
