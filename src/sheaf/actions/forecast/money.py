"""What may come of a submission: pay and bond by how many records are taken, and standing if it is looked at again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.domain.amounts import WAD
from sheaf.market.settlement import Prices, Verdict, fee_on, split
from sheaf.review import standing

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.actions.forecast.acceptance import Acceptance
    from sheaf.domain.ids import Address
    from sheaf.domain.request import Request


@dataclass(frozen=True)
class Outlook:
    """Pay by outcome, in the token's smallest unit, before the bond, which returns but for what refused records cost.

    `most` is paid if every record is approved, `least` if those fall that surely do and all others are approved, `expected` by the
    buyer's sample (None: it says nothing). `fee` is the reviewers' fee on all records: the buyer pays it for approved ones, the bond for
    refused ones. `cost` is what the surely refused take of the bond, `cost_if_all_fall` what is lost at worst.
    """

    price: int
    most: int
    least: int
    expected: int | None
    fee: int
    bond_percent: int
    cost: int
    cost_if_all_fall: int


@dataclass(frozen=True)
class Rise:
    """An account's standing, from 0 to 1 in wad: now, and after an audit or a jury that looked at these records again.

    `if_right_wad`: all were found right. `if_sent_wad`: the surely refused were found wrong and all others right. `if_wrong_wad`: all were
    found wrong. `bond_percent` is the bond that the standing of now calls for. Without an audit or a case nothing changes.
    """

    now_wad: int
    if_right_wad: int
    if_sent_wad: int
    if_wrong_wad: int
    bond_percent: int


def outlook(
    found: Request, counts: tuple[int, int, int], acceptance: Acceptance | None, bond: int
) -> Outlook:
    """Return what may come of `counts` = (own records, gold mixed in, surely refused) with such a bond for all of them."""
    records, gold, falling = counts
    value = records * found.price
    fee = fee_on((records + gold) * found.price, found.fee_bps)
    percent = (bond - fee) * 100 // ((records + gold) * found.price) if value else 0

    def lost(refused: int) -> int:
        verdict = Verdict(records - refused, refused, records, 1, 1, 1, [""])
        prices = Prices(found.price, found.fee_bps, found.protocol_fee_bps, percent, bond)
        return bond - split(verdict, prices).bond_back

    good = acceptance.expected if acceptance else None
    return Outlook(
        price=found.price,
        most=value,
        least=value - falling * found.price,
        expected=None if good is None else int(good * found.price),
        fee=fee,
        bond_percent=percent,
        cost=lost(falling),
        cost_if_all_fall=lost(records),
    )


def rise(ctx: Context, found: Request, who: Address, records: int, falling: int) -> Rise:
    """Return what becomes of the standing of `who` if `records` records, of which so many fall, are looked at again."""
    worth = records * found.price * found.lock_rate_wad // WAD
    now = standing.dealings(ctx.chain, who, found.buyer)

    def after(wrong: int) -> int:
        return now.noted((records - wrong, wrong), worth)

    return Rise(
        now_wad=now.score_wad,
        if_right_wad=after(0),
        if_sent_wad=after(falling),
        if_wrong_wad=after(records),
        bond_percent=standing.bond_percent(ctx.chain, who, worth),
    )
