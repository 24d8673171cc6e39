"""Payment tokens are written with their own places and symbol, and a stranger's token cannot do harm by what it says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.cli.frame.currency import Currency, currency_of
from sheaf.domain.errors import InputError, Reverted, Unreachable, WrongNetwork
from sheaf.domain.ids import Address

TOKEN = Address("0x" + "12" * 20)


class Token:
    """A market whose chain has one payment token that says what it is told to say; an exception is raised."""

    token = Address("0x" + "00" * 20)

    def __init__(self, **said: Any) -> None:
        self.said, self.chain = said, self

    def at(self, contract: str, address: Address) -> Token:
        assert (contract, address) == ("MarketToken", TOKEN)
        return self

    def call(self, function: str) -> Any:
        if isinstance(self.said[function], Exception):
            raise self.said[function]
        return self.said[function]


def told(symbol: Any, decimals: Any) -> Currency:
    return currency_of(Token(symbol=symbol, decimals=decimals), TOKEN)  # type: ignore[arg-type]


def test_a_token_with_six_places() -> None:
    """A token's own symbol and places are used for reading and writing."""
    money = told("USDX", 6)
    assert (money.symbol, money.decimals, money.doubt) == ("USDX", 6, "")
    assert money.write(1_500_000) == "1.5 USDX" and money.read("0.000001") == 1
    with pytest.raises(InputError, match="at most 6 places"):
        money.read("0.0000001")


def test_the_market_token_is_not_asked() -> None:
    """SHEAF is known: nothing is asked."""
    assert currency_of(Token(), Token.token) == Currency()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("symbol", "decimals", "shown", "places", "doubt"),
    [
        (Reverted("no"), 6, "of 0x1212…1212", 6, "tells no symbol"),
        (WrongNetwork("no"), WrongNetwork("no"), "of 0x1212…1212", 18, "tells no decimals, taken as 18"),
        (
            ValueError("bytes32"),
            OverflowError(),
            "of 0x1212…1212",
            18,
            "tells no symbol, tells no decimals, taken as 18",
        ),
        ("X", 255, "X", 18, "claims 255 decimals, taken as 18"),
        (
            "\x1b[31mUSD\u202e" + "x" * 500,
            6,
            "\N{REPLACEMENT CHARACTER}[31mUSD\N{REPLACEMENT CHARACTER}xxx",
            6,
            "",
        ),
        ("  ", 0, "of 0x1212…1212", 0, ""),
    ],
)
def test_tokens_that_say_odd_things(symbol: Any, decimals: Any, shown: str, places: int, doubt: str) -> None:
    """No symbol, no places, absurd places, and a symbol that would command the terminal: all are taken, with a word of doubt."""
    money = told(symbol, decimals)
    assert (money.symbol, money.decimals) == (shown, places)
    assert doubt in money.doubt


def test_an_unreachable_network_is_no_doubt() -> None:
    """That nobody answers is not blamed on the token."""
    with pytest.raises(Unreachable):
        told(Unreachable("rpc"), 6)


@given(st.integers(1, 10**30), st.integers(0, 36))
def test_what_is_written_can_be_read(units: int, places: int) -> None:
    """Writing and reading are inverse, whatever the places."""
    money = Currency("T", places)
    assert money.read(money.write(units).split()[0]) == units


def test_brief_never_says_more_than_there_is() -> None:
    """In tables amounts are cut, not rounded, and a … says so."""
    assert Currency().brief(3_844_363_999_999_999_999) == "3.844363…"
    assert Currency().brief(10**18) == "1"


def test_rates_between_places() -> None:
    """A token of 6 places worth 2 SHEAF has a rate of 2 * 10**30 a smallest unit, times 1e18."""
    assert Currency("USDX", 6).read_rate("2") == 2 * 10**30
    assert Currency().read_rate("1") == 10**18
    with pytest.raises(InputError, match="more than zero"):
        Currency().read_rate("0")


@pytest.mark.parametrize(
    "text", ["-1", "NaN", "Infinity", "1e400", "0x10", "", "1,5", "0", "1" * 100, "1e-19"]
)
def test_amounts_that_are_none(text: str) -> None:
    """Negative, endless, huge, too fine, zero, or no numbers at all are refused, naming the field."""
    with pytest.raises(InputError) as refused:
        Currency().read(text, "price")
    assert refused.value.field == "price"
