# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Settlement
@license AGPL-3.0-only
@notice The arithmetic of a submission's money: what it reserves, and who gets what in the end. Pure: no storage, no calls.
        A submission is packed, from the lowest bit, as contributor 160 | request 32 | records 16 | block 32 | phase 2 |
        bond percent 6 | audit rate 8, in units of 40 bps; a request's prices as price 96 | lock rate 128 | fee 16 | protocol fee 16.
"""

from ..interfaces import IEscrow
from ..interfaces import IReviews
from ..interfaces import IScores

BPS: constant(uint256) = 10_000
PRICE_LIMIT: constant(uint256) = 2**96
# The greatest rate, 10,000 bps, is 250 of these.
AUDIT_UNIT: constant(uint256) = 40


struct Split:
    settlement: IEscrow.Settlement
    paid: uint256
    validators_paid: uint256
    bond_back: uint256
    forfeited: uint256
    protocol_fee: uint256
    unearned: uint256


@pure
@internal
def split(
    packed: uint256,
    prices: uint256,
    outcome: IReviews.Outcome,
    terms: IScores.Terms,
    treasury: address,
) -> Split:
    """
    @dev Who gets what. Reviewers are paid for each record decided, however they decided it: a decided record's fee comes
         from the reserve if it was approved and from the bond if it was rejected. Records decided in round 1 pay the seats of
         round 1, the others all seats. A seat that did not open earns nothing, and no seat more than its factor: the rest goes
         to the treasury. Gold is neither paid nor forfeited, and its reviewers are paid from the reserve.
         Where the bond is forfeit, all of it that pays no reviewer goes to who declared it so.
    """
    price: uint256 = prices % PRICE_LIMIT
    fee_bps: uint256 = (prices >> 224) % 2**16
    amount: uint256 = 0
    fee_reserved: uint256 = 0
    bond: uint256 = 0
    amount, fee_reserved, bond = self.reservation(packed, prices)
    decided: uint256 = outcome.approved + outcome.rejected
    first_pool: uint256 = price * outcome.decided_first * fee_bps // BPS
    last_pool: uint256 = price * (decided - outcome.decided_first) * fee_bps // BPS
    pool: uint256 = first_pool + last_pool
    bought: uint256 = outcome.approved - min(terms.gold_approved, outcome.approved)
    refused: uint256 = outcome.rejected - min(terms.gold_rejected, outcome.rejected)
    # The two pools are rounded down one by one, so their sum may lie a unit below the fee of the rejected records.
    from_bond: uint256 = min(pool, price * refused * fee_bps // BPS)
    parts: Split = empty(Split)
    parts.paid = bought * price
    parts.protocol_fee = parts.paid * (prices >> 240) // BPS
    parts.forfeited = refused * price * self.bond_percent(packed) // 100
    if outcome.forfeit_to != empty(address):
        parts.forfeited = bond - from_bond
    parts.bond_back = bond - from_bond - parts.forfeited
    pays: DynArray[IEscrow.Pay, 26] = []
    if parts.paid + parts.bond_back > 0:
        pays.append(IEscrow.Pay(account=self.account(packed), amount=parts.paid + parts.bond_back))
    for seat: uint256 in range(outcome.size, bound=23):
        if pool > 0 and (outcome.opened_mask >> seat) & 1 == 1:
            # Shares are differences of the running total, so that together they are the pool to the last unit.
            share: uint256 = last_pool * (seat + 1) // outcome.size - last_pool * seat // outcome.size
            if seat < outcome.first_size:
                share += (
                    first_pool * (seat + 1) // outcome.first_size - first_pool * seat // outcome.first_size
                )
            share = share * terms.factors[seat] // BPS
            if share > 0:
                parts.validators_paid += share
                pays.append(IEscrow.Pay(account=outcome.accounts[seat], amount=share))
    parts.unearned = pool - parts.validators_paid
    kept: uint256 = parts.protocol_fee + parts.unearned
    if outcome.forfeit_to == empty(address):
        kept += parts.forfeited
    elif parts.forfeited > 0:
        pays.append(IEscrow.Pay(account=outcome.forfeit_to, amount=parts.forfeited))
    if kept > 0:
        pays.append(IEscrow.Pay(account=treasury, amount=kept))
    parts.settlement = IEscrow.Settlement(
        reserved=amount,
        fee_reserved=fee_reserved,
        bond=bond,
        payment_taken=parts.paid + pool - from_bond,
        fee_taken=parts.protocol_fee,
        pays=pays,
    )
    return parts


@pure
@internal
def reservation(packed: uint256, prices: uint256) -> (uint256, uint256, uint256):
    """
    @dev What a submission reserves: pay with the reviewers' fee (rounded up), the protocol's fee (rounded down, as it is
         charged, so that the fee ledger always suffices), and the bond: forfeit and fee of every record (both rounded up).
    """
    price: uint256 = prices % PRICE_LIMIT
    value: uint256 = self.records(packed) * price
    fee: uint256 = self.up(value * ((prices >> 224) % 2**16), BPS)
    return value + fee, value * (prices >> 240) // BPS, self.up(value * self.bond_percent(packed), 100) + fee


@pure
@internal
def up(numerator: uint256, denominator: uint256) -> uint256:
    return (numerator + denominator - 1) // denominator


@pure
@internal
def account(packed: uint256) -> address:
    return convert(packed % 2**160, address)


@pure
@internal
def request(packed: uint256) -> uint256:
    return (packed >> 160) % 2**32


@pure
@internal
def records(packed: uint256) -> uint256:
    return (packed >> 192) % 2**16


@pure
@internal
def block(packed: uint256) -> uint256:
    return (packed >> 208) % 2**32


@pure
@internal
def phase(packed: uint256) -> uint256:
    return (packed >> 240) % 2**2


@pure
@internal
def bond_percent(packed: uint256) -> uint256:
    return (packed >> 242) % 2**6


@pure
@internal
def audit_bps(packed: uint256) -> uint256:
    return (packed >> 248) * AUDIT_UNIT


@pure
@internal
def packed_rates(rates: uint256[2]) -> uint256:
    """
    @dev Bond percent and audit rate in their places; the rate is rounded up, so that it is never lower than the locks count on.
    """
    return (rates[0] << 242) | (self.up(rates[1], AUDIT_UNIT) << 248)
