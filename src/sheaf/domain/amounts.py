"""Amounts: integers in a token's smallest unit, and their text form."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation, localcontext

from sheaf.domain.errors import InputError

BPS = 10_000
WAD = 10**18


def parse_amount(text: str, decimals: int = 18, field: str = "amount") -> int:
    """Read `"1.5"` as 1.5 units of a token with `decimals` places. Raises InputError if negative, not finite or too fine."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise InputError(field, text, "give a decimal number such as 1.5") from None
    if not value.is_finite() or value < 0:
        raise InputError(field, text, "give a number that is zero or more")
    with localcontext() as context:
        context.prec = 200
        if value.adjusted() + decimals > 77 or (scaled := value.scaleb(decimals)) >= 2**256:
            raise InputError(field, text, "give a number below 2**256 of the token's smallest units")
        if value.adjusted() < -decimals and value or scaled != scaled.to_integral_value():
            raise InputError(field, text, f"give at most {decimals} places after the point")
        return int(scaled)


def format_amount(units: int, decimals: int = 18) -> str:
    """Write smallest units as a decimal number without trailing zeros: the inverse of `parse_amount`."""
    whole, part = divmod(abs(units), 10**decimals)
    text = f"{whole}.{part:0{decimals}d}".rstrip("0").rstrip(".") if decimals else str(whole)
    return f"-{text}" if units < 0 else text


def divide_up(numerator: int, denominator: int) -> int:
    """Return numerator / denominator, rounded up."""
    return -(-numerator // denominator)


def share_bps(amount: int, bps: int) -> int:
    """Return `bps` hundredths of a per cent of `amount`, rounded down."""
    return amount * bps // BPS
