"""Payment tokens as people write them: symbol and places are asked from the token itself, which may be a stranger's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.cli.frame.paper import clean
from sheaf.domain.amounts import format_amount, parse_amount
from sheaf.domain.errors import InputError, SheafError, Unreachable

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address

USUAL_PLACES = 18
MOST_PLACES = 36
SHOWN_PLACES = 6
SYMBOL_LENGTH = 12
RATE_PLACES = 36


@dataclass(frozen=True)
class Currency:
    """A token's symbol and decimal places; `doubt` says in a few words what the token did not tell."""

    symbol: str = "SHEAF"
    decimals: int = USUAL_PLACES
    doubt: str = ""

    def write(self, units: int) -> str:
        """Write an amount in whole tokens, to the last unit."""
        return f"{format_amount(units, self.decimals)} {self.symbol}"

    def brief(self, units: int) -> str:
        """Write an amount for a table, cut (not rounded) to six places; `…` says that there is more."""
        text = format_amount(units, self.decimals)
        whole, point, part = text.partition(".")
        return text if len(part) <= SHOWN_PLACES else f"{whole}{point}{part[:SHOWN_PLACES]}…"

    def read(self, text: str, field: str = "amount") -> int:
        """Read a positive amount in whole tokens. Raises InputError."""
        units = parse_amount(text, self.decimals, field)
        if units == 0:
            raise InputError(field, text, "give more than zero")
        return units

    def read_rate(self, text: str, field: str = "lock-rate") -> int:
        """Read what one whole token is worth in whole SHEAF; return it per smallest unit, times 1e18. Raises InputError."""
        rate = parse_amount(text, RATE_PLACES - self.decimals, field)
        if rate == 0:
            raise InputError(field, text, "give more than zero")
        return rate


def currency_of(ctx: Context, token: Address) -> Currency:
    """Ask a token for its symbol and places. One that does not answer, or oddly, has 18 places and its address for a symbol."""
    if token == ctx.token:
        return Currency()
    contract = ctx.chain.at("MarketToken", token)
    symbol, decimals, doubts = f"of {token[:6]}…{token[-4:]}", USUAL_PLACES, []
    try:
        symbol = clean(str(contract.call("symbol"))).strip()[:SYMBOL_LENGTH] or symbol
    except Unreachable:
        raise
    except (SheafError, ValueError, OverflowError):
        doubts.append("tells no symbol")
    try:
        told = int(contract.call("decimals"))
        decimals = told if 0 <= told <= MOST_PLACES else decimals
        if told != decimals:
            doubts.append(f"claims {told} decimals, taken as {decimals}")
    except Unreachable:
        raise
    except (SheafError, ValueError, OverflowError):
        doubts.append(f"tells no decimals, taken as {decimals}")
    return Currency(symbol, decimals, ", ".join(doubts))
