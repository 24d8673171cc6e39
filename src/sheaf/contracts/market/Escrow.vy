# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Escrow
@license AGPL-3.0-only
@notice The money of all requests. Each request has a payment ledger and a fee ledger, each with a free and a reserved part,
        and a ledger of bonds; each account has what it is owed. Only Requests moves money between ledgers, nobody else can,
        and money leaves only towards those to whom it is owed, when they ask for it. Nothing is ever pushed to a third party,
        so a token that refuses one account holds up nobody else.
        For each token: its balance here = the sum of its requests' ledgers + the sum of what is owed in it.
@custom:stop Nothing here can be stopped.
"""

from ethereum.ercs import IERC20
from ..interfaces import IEscrow

implements: IEscrow

HALF: constant(uint256) = 2**128
BOND_LIMIT: constant(uint256) = 2**96
TOKEN_MASK: constant(uint256) = 2**160 - 1

deployer: immutable(address)

requests: public(address)
owed: public(HashMap[address, HashMap[address, uint256]])

# Packed, from the lowest bit: token 160 | bonds 96; free 128 | reserved 128; free fee 128 | reserved fee 128.
_vaults: HashMap[uint256, uint256]
_payments: HashMap[uint256, uint256]
_fees: HashMap[uint256, uint256]


@deploy
def __init__():
    """
    @notice The deployer joins the escrow with Requests once, by `wire`, and has no rights after that.
    """
    deployer = msg.sender


@external
def wire(requests_: address):
    """
    @notice Name the one contract that moves money between ledgers. Deployer only, once, for ever.
    """
    assert msg.sender == deployer, "escrow: not the deployer"
    assert self.requests == empty(address), "escrow: already wired"
    assert requests_ != empty(address), "escrow: no requests"
    self.requests = requests_


@external
@nonreentrant
def deposit(request: uint256, token: address, payer: address, amount: uint256, fee: uint256):
    """
    @notice Pull `amount + fee` from `payer` into the free parts of the request's two ledgers. Requests only.
    """
    self._only_requests()
    vault: uint256 = self._vaults[request]
    if vault == 0:
        self._vaults[request] = convert(token, uint256)
    else:
        assert convert(vault & TOKEN_MASK, address) == token, "escrow: another token"
    # Both sums are checked against what exists of the token by the pull below; the bounds keep the packing safe.
    assert amount < HALF and fee < HALF, "escrow: amount too large"
    self._payments[request] = self._add_free(self._payments[request], amount)
    if fee > 0:
        self._fees[request] = self._add_free(self._fees[request], fee)
    self._pull(token, payer, amount + fee)
    log IEscrow.Deposited(request=request, payer=payer, amount=amount, fee=fee)


@external
@nonreentrant
def reserve(request: uint256, amount: uint256, fee: uint256, contributor: address, bond: uint256):
    """
    @notice Move `amount` and `fee` from free to reserved and pull the contributor's bond. Requests only.
    """
    self._only_requests()
    vault: uint256 = self._vaults[request]
    assert (vault >> 160) + bond < BOND_LIMIT, "escrow: bonds too large"
    payments: uint256 = self._payments[request]
    assert amount <= payments % HALF, "escrow: not enough free"
    self._payments[request] = payments - amount + (amount << 128)
    if fee > 0:
        fees: uint256 = self._fees[request]
        assert fee <= fees % HALF, "escrow: not enough free for the protocol fee"
        self._fees[request] = fees - fee + (fee << 128)
    self._vaults[request] = vault + (bond << 160)
    self._pull(convert(vault & TOKEN_MASK, address), contributor, bond)
    log IEscrow.Reserved(request=request, amount=amount, fee=fee, bond=bond)


@external
@nonreentrant
def release(request: uint256, amount: uint256, fee: uint256, contributor: address, bond: uint256):
    """
    @notice Undo a reservation: `amount` and `fee` are free again, the bond is owed to the contributor. Requests only.
    """
    self._only_requests()
    token: address = self._end(request, amount, fee, bond, 0, 0)
    self.owed[token][contributor] += bond
    log IEscrow.Released(request=request, amount=amount, fee=fee, bond=bond)


@external
@nonreentrant
def refund(request: uint256, to: address) -> (uint256, uint256):
    """
    @notice Pay out all that is free on both ledgers. Requests only, which names the buyer.
    @return What was free of the payment ledger, and of the fee ledger.
    """
    self._only_requests()
    payments: uint256 = self._payments[request]
    fees: uint256 = self._fees[request]
    amount: uint256 = payments % HALF
    fee: uint256 = fees % HALF
    assert amount + fee > 0, "escrow: nothing free"
    self._payments[request] = payments - amount
    self._fees[request] = fees - fee
    self._push(convert(self._vaults[request] & TOKEN_MASK, address), to, amount + fee)
    log IEscrow.Refunded(request=request, to=to, amount=amount, fee=fee)
    return amount, fee


@external
@nonreentrant
def settle(request: uint256, settlement: IEscrow.Settlement) -> address:
    """
    @notice End a reservation: credit each pay, and free what of it was not taken. Requests only.
    @dev What is taken of payment, fee and bond is exactly what the pays add up to.
    @return The token.
    """
    self._only_requests()
    token: address = self._end(
        request,
        settlement.reserved,
        settlement.fee_reserved,
        settlement.bond,
        settlement.payment_taken,
        settlement.fee_taken,
    )
    total: uint256 = 0
    for pay: IEscrow.Pay in settlement.pays:
        total += pay.amount
        self.owed[token][pay.account] += pay.amount
    assert (
        total == settlement.payment_taken + settlement.fee_taken + settlement.bond
    ), "escrow: pays do not add up"
    log IEscrow.Settled(
        request=request,
        payment_taken=settlement.payment_taken,
        fee_taken=settlement.fee_taken,
        bond_taken=settlement.bond,
    )
    return token


@external
@nonreentrant
def withdraw(token: address) -> uint256:
    """
    @notice Take all that the caller is owed in `token`.
    """
    return self._withdraw(token, msg.sender)


@external
@nonreentrant
def withdraw_for(token: address, account: address) -> uint256:
    """
    @notice Pay `account` all that it is owed in `token`. Requests only, which names its caller.
    """
    self._only_requests()
    return self._withdraw(token, account)


@view
@external
def ledger(request: uint256) -> IEscrow.Ledger:
    """
    @notice What a request holds on each ledger.
    """
    vault: uint256 = self._vaults[request]
    return IEscrow.Ledger(
        token=convert(vault & TOKEN_MASK, address),
        free=self._payments[request] % HALF,
        reserved=self._payments[request] >> 128,
        fee_free=self._fees[request] % HALF,
        fee_reserved=self._fees[request] >> 128,
        bonds=vault >> 160,
    )


@view
@external
def token_of(request: uint256) -> address:
    """
    @notice The token in which a request pays.
    """
    return convert(self._vaults[request] & TOKEN_MASK, address)


@view
@internal
def _only_requests():
    assert msg.sender == self.requests, "escrow: not requests"


@pure
@internal
def _add_free(packed: uint256, amount: uint256) -> uint256:
    # The free and the reserved part together stay below 2**128, so that neither can overflow whatever moves between them.
    assert packed % HALF + (packed >> 128) + amount < HALF, "escrow: amount too large"
    return packed + amount


@internal
def _end(
    request: uint256, amount: uint256, fee: uint256, bond: uint256, taken: uint256, fee_taken: uint256
) -> address:
    payments: uint256 = self._payments[request]
    vault: uint256 = self._vaults[request]
    assert amount <= payments >> 128 and bond <= vault >> 160, "escrow: not reserved"
    assert taken <= amount and fee_taken <= fee, "escrow: takes more than reserved"
    self._payments[request] = payments - (amount << 128) + amount - taken
    if fee > 0:
        fees: uint256 = self._fees[request]
        assert fee <= fees >> 128, "escrow: fee not reserved"
        self._fees[request] = fees - (fee << 128) + fee - fee_taken
    vault -= bond << 160
    self._vaults[request] = vault
    return convert(vault & TOKEN_MASK, address)


@internal
def _withdraw(token: address, account: address) -> uint256:
    amount: uint256 = self.owed[token][account]
    assert amount > 0, "escrow: nothing owed"
    self.owed[token][account] = 0
    self._push(token, account, amount)
    log IEscrow.Withdrawn(token=token, account=account, amount=amount)
    return amount


@internal
def _pull(token: address, payer: address, amount: uint256):
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    assert extcall IERC20(token).transferFrom(
        payer, self, amount, default_return_value=True
    ), "escrow: token refused"
    # A token that gives less than it was told to would leave the ledgers without cover.
    assert (
        staticcall IERC20(token).balanceOf(self) == before + amount
    ), "escrow: token takes a fee on transfer"


@internal
def _push(token: address, to: address, amount: uint256):
    assert extcall IERC20(token).transfer(to, amount, default_return_value=True), "escrow: token refused"
