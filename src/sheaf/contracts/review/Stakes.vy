# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Stakes
@license AGPL-3.0-only
@notice The stake of validators: bonded, unbonding, locked to cases, slashed. One whole token is one unit of weight, and up to
        two by what is known of the validator (`weigh`), but never more than the cap; weights change only
        at the border of a period (`period_blocks`), and a draw reads those of the period that its block lies in:
        once a block's hash is known nobody can move a weight to steer the draw.
        A draw is exact successive sampling: attempt i picks among those not yet picked with probabilities in proportion to
        weight, by keccak256(seed, i). Whoever may not sit (a party to the case, its affiliate, seated already, too little
        free stake) is passed over when picked: the rest are drawn as if those had not been there, and becoming ineligible
        after the seed is known never re-rolls the other seats.
@custom:stop Nothing here can be stopped. The governor appoints contracts (with a delay once anyone has staked) and may
        withdraw their power to slash or to draw at once, but never their power to release a lock. Stake leaves by `unbond` and
        `withdraw`, whatever else happens.
"""

from ethereum.ercs import IERC20
from ..interfaces import IMarketToken
from ..interfaces import IStakes
from ..modules.stakes import appointments
from ..modules.stakes import marks
from ..modules.stakes import sum_tree

initializes: appointments
initializes: marks
initializes: sum_tree
implements: IStakes
exports: (
    appointments.dismiss,
    appointments.powers,
    marks.jailed_until,
    marks.score_of,
    sum_tree.period_blocks,
    sum_tree.current_period,
    sum_tree.total_weight,
)

UNIT: constant(uint256) = 10**18
# A draw may pass over this many beyond those that its exclusions explain.
PATIENCE: constant(uint256) = 32
ATTEMPTS: constant(uint256) = 12 + 38 + 5 + PATIENCE

# A position is one word: amount 96 | locked 96 | affiliate tag 64. Times of release lie beside what is unbonding.
AMOUNT: constant(uint256) = 2**96 - 1
LOCK_PLACE: constant(uint256) = 96
TAG_PLACE: constant(uint256) = 192
TAG: constant(uint256) = 2**64 - 1

token: public(immutable(address))
parameters: public(immutable(address))
unbonding_seconds: public(immutable(uint256))
min_stake: public(immutable(uint256))
max_stake: public(immutable(uint256))

count: public(uint256)
id_of: public(HashMap[address, uint256])
account_of: public(HashMap[uint256, address])
_positions: HashMap[uint256, uint256]
_leaving: HashMap[uint256, uint256]


@deploy
def __init__(
    token_: address,
    parameters_: address,
    period_blocks_: uint256,
    unbonding_seconds_: uint256,
    min_stake_: uint256,
    max_stake_: uint256,
):
    """
    @notice Fix the token, the period and the limits for ever.
    @param token_ The stake token; it must burn what its holder asks it to burn, and take no fee on transfer.
    @param parameters_ Where the governor is known.
    @param period_blocks_ Blocks of a period, at least 4.
    @param unbonding_seconds_ Seconds from `unbond` to `withdraw`.
    @param min_stake_ The least an account may have bonded, at least one whole token.
    @param max_stake_ The most an account may have bonded. Two accounts of half the stake weigh the same as one.
    """
    assert unbonding_seconds_ > 0 and unbonding_seconds_ < 2**32, "stakes: unbonding out of range"
    assert min_stake_ >= UNIT and min_stake_ <= max_stake_, "stakes: least stake out of range"
    assert max_stake_ // UNIT < sum_tree.LIMIT, "stakes: cap out of range"
    appointments.__init__(parameters_)
    token = token_
    parameters = parameters_
    sum_tree.__init__(period_blocks_)
    unbonding_seconds = unbonding_seconds_
    min_stake = min_stake_
    max_stake = max_stake_


@nonreentrant
@external
def stake(amount: uint256) -> uint256:
    """
    @notice Bond `amount` of the token; it weighs in draws from the next period on.
    @return The caller's validator id, given at the first stake.
    """
    id: uint256 = self.id_of[msg.sender]
    if id == 0:
        id = self.count + 1
        assert id <= sum_tree.CAPACITY, "stakes: no place left"
        self.count = id
        self._seat(id)
    self._bond(id, amount)
    return id


@nonreentrant
@external
def succeed(id: uint256, amount: uint256):
    """
    @notice Take the place of a validator who has left with everything, where all places are given, and bond `amount`.
    """
    assert self.count == sum_tree.CAPACITY, "stakes: there are free places"
    assert self.id_of[msg.sender] == 0, "stakes: has a place"
    assert id != 0 and id <= sum_tree.CAPACITY, "stakes: unknown validator"
    is_empty: bool = self._positions[id] & (2**192 - 1) == 0
    assert is_empty and sum_tree._weight(id - 1, sum_tree._period()) == 0, "stakes: the place is taken"
    self.id_of[self.account_of[id]] = 0
    self._positions[id] = 0
    self._leaving[id] = 0
    marks._clear(id)
    self._seat(id)
    self._bond(id, amount)


@external
def unbond(amount: uint256):
    """
    @notice Let `amount` leave: it weighs nothing from the next period on and can be withdrawn after `unbonding_seconds`, which
            begin again for all that is leaving. Until it is withdrawn it can be locked and slashed.
    """
    id: uint256 = self._own()
    held: uint256 = self._positions[id] & AMOUNT
    leaving: uint256 = self._leaving[id] & AMOUNT
    assert amount > 0, "stakes: nothing to unbond"
    assert amount <= held - leaving, "stakes: more than is bonded"
    rest: uint256 = held - leaving - amount
    assert rest == 0 or rest >= min_stake, "stakes: below the least stake"
    release_at: uint256 = block.timestamp + unbonding_seconds
    self._leaving[id] = (leaving + amount) | (release_at << LOCK_PLACE)
    self._weigh(id)
    log IStakes.UnbondingStarted(id=id, amount=amount, release_at=release_at)


@nonreentrant
@external
def withdraw() -> uint256:
    """
    @notice Pay out what has been unbonding long enough and covers no lock; nothing while the caller is jailed.
    """
    id: uint256 = self._own()
    assert marks._jailed_until(id) == 0, "stakes: jailed"
    leaving: uint256 = self._leaving[id]
    assert block.timestamp >= leaving >> LOCK_PLACE, "stakes: still unbonding"
    slot: uint256 = self._positions[id]
    amount: uint256 = min(leaving & AMOUNT, self._free(slot))
    assert amount > 0, "stakes: nothing to withdraw"
    self._positions[id] = slot - amount
    self._leaving[id] = leaving - amount
    log IStakes.StakeWithdrawn(id=id, amount=amount)
    assert extcall IERC20(token).transfer(msg.sender, amount), "stakes: transfer failed"
    return amount


@external
def declare(affiliate: address):
    """
    @notice Name the account that the caller is affiliated with: the caller is not drawn where that account is a party.
    @dev Takes effect at once; the zero address takes the declaration back. The lowest 64 bits are kept.
    """
    id: uint256 = self._own()
    self._positions[id] = self._positions[id] & (2**192 - 1) | (convert(affiliate, uint256) << TAG_PLACE)
    log IStakes.AffiliateDeclared(id=id, affiliate=affiliate)


@external
def appoint(contract: address, powers: uint256):
    """
    @notice Give a contract powers over stakes: 1 release, 2 slash, 4 draw and lock, 8 weigh, or sums of them. Governor only.
    @dev At once while nobody has ever staked, otherwise after twice the unbonding time, so that everyone can leave first.
    """
    appointments._only_governor()
    effective_at: uint256 = block.timestamp
    if self.count != 0:
        effective_at += 2 * unbonding_seconds
    appointments._appoint(contract, powers, effective_at)
    log IStakes.Appointed(contract=contract, powers=powers, effective_at=effective_at)


@external
def pick_and_lock(
    seed: bytes32,
    period: uint256,
    count: uint256,
    lock_amount: uint256,
    excluded: DynArray[address, 5],
    seated: DynArray[uint256, 38],
) -> DynArray[uint256, 12]:
    """
    @notice Draw `count` validators and lock `lock_amount` of each. Only contracts with the power to draw.
    @param seed What the draw is a function of, not known while weights could still be moved.
    @param period The current period: a draw belongs to the period of its block.
    @param excluded Accounts that may not sit, nor may those who declared to be affiliated with them.
    @param seated Validators who sit already.
    @return The ids, in the order in which they were drawn.
    """
    appointments._only(appointments.DRAW)
    picked: DynArray[uint256, 12] = self._pick(seed, period, count, lock_amount, excluded, seated)
    for id: uint256 in picked:
        # `_pick` has seen that it is free, so neither half of the word overflows.
        self._positions[id] += lock_amount << LOCK_PLACE
    return picked


@external
def lock(id: uint256, amount: uint256):
    """
    @notice Lock `amount` of what `id` holds free: of one who took a job, not drawn. Only contracts with the power to draw.
    """
    appointments._only(appointments.DRAW)
    assert amount <= self._free(self._positions[id]), "stakes: too little is free"
    self._positions[id] += amount << LOCK_PLACE


@nonreentrant
@external
def release(ids: DynArray[uint256, 23], amount: uint256, missing_mask: uint256, penalty: uint256):
    """
    @notice Unlock `amount` of each of `ids`; those whose bit is set in `missing_mask` lose `penalty`, which is burned.
    """
    appointments._only(appointments.RELEASE)
    burned: uint256 = 0
    place: uint256 = 0
    for id: uint256 in ids:
        slot: uint256 = self._positions[id]
        assert (slot >> LOCK_PLACE) & AMOUNT >= amount, "stakes: not locked"
        self._positions[id] = slot - (amount << LOCK_PLACE)
        if (missing_mask >> place) & 1 == 1:
            burned += self._take(id, penalty)
        place += 1
    if burned != 0:
        extcall IMarketToken(token).burn(burned)


@nonreentrant
@external
def slash(id: uint256, amount: uint256, to: address) -> uint256:
    """
    @notice Take up to `amount` of what `id` holds, bonded stake first: half (rounded down) goes to `to`, if it is not the zero
            address, the rest is burned. Only contracts with the power to slash.
    @return What was taken.
    """
    appointments._only(appointments.SLASH)
    taken: uint256 = self._take(id, amount)
    kept: uint256 = 0
    if to != empty(address) and taken > 1:
        kept = taken // 2
        assert extcall IERC20(token).transfer(to, kept), "stakes: transfer failed"
    if taken != 0:
        extcall IMarketToken(token).burn(taken - kept)
    return taken


@external
def jail(id: uint256, until: uint256):
    """
    @notice Let a validator weigh nothing from the next period on, until it is freed. Only contracts with the power to slash.
    """
    appointments._only(appointments.SLASH)
    assert id != 0 and id <= self.count, "stakes: unknown validator"
    assert until > block.timestamp and until < 2**64, "stakes: jail is over already"
    marks._jail(id, max(until, marks._jailed_until(id)))
    self._weigh(id)
    log IStakes.Jailed(id=id, until=until)


@external
def free(id: uint256):
    """
    @notice Let a jailed validator weigh again from the next period on: anyone once its time is over, contracts with the power to
            slash at any time.
    """
    until: uint256 = marks._jailed_until(id)
    assert until != 0, "stakes: not jailed"
    if not appointments._has(msg.sender, appointments.SLASH):
        assert block.timestamp >= until, "stakes: still jailed"
    marks._jail(id, 0)
    self._weigh(id)
    assert sum_tree._newest_total() < sum_tree.LIMIT, "stakes: the tree is full"
    log IStakes.Freed(id=id)


@external
def weigh(id: uint256, score_wad: uint256):
    """
    @notice Let stake weigh 1 + score times as much from the next period on. Only contracts with the power to weigh.
    """
    appointments._only(appointments.WEIGH)
    assert id != 0 and id <= self.count, "stakes: unknown validator"
    assert score_wad <= UNIT, "stakes: score above one"
    marks._score(id, score_wad)
    self._weigh(id)
    assert sum_tree._newest_total() < sum_tree.LIMIT, "stakes: the tree is full"
    log IStakes.Weighed(id=id, score_wad=score_wad)


@view
@external
def pick(
    seed: bytes32,
    period: uint256,
    count: uint256,
    lock_amount: uint256,
    excluded: DynArray[address, 5],
    seated: DynArray[uint256, 38],
) -> DynArray[uint256, 12]:
    """
    @notice What `pick_and_lock` would draw now.
    """
    return self._pick(seed, period, count, lock_amount, excluded, seated)


@view
@external
def accounts_of(ids: DynArray[uint256, 23]) -> DynArray[address, 23]:
    """
    @notice The accounts of `ids`, in their order.
    """
    accounts: DynArray[address, 23] = []
    for id: uint256 in ids:
        accounts.append(self.account_of[id])
    return accounts


@view
@external
def position(id: uint256) -> IStakes.Position:
    """
    @notice What `id` holds in all, what of it is locked, what of it is leaving, and when that may leave.
    """
    slot: uint256 = self._positions[id]
    leaving: uint256 = self._leaving[id]
    return IStakes.Position(
        amount=slot & AMOUNT,
        locked=(slot >> LOCK_PLACE) & AMOUNT,
        unbonding=leaving & AMOUNT,
        release_at=leaving >> LOCK_PLACE,
    )


@view
@external
def affiliate_tag(id: uint256) -> uint256:
    """
    @notice The lowest 64 bits of the account that `id` declared to be affiliated with, 0 if none.
    """
    return self._positions[id] >> TAG_PLACE


@view
@external
def weight(id: uint256) -> uint256:
    """
    @notice The weight of `id` in the current period, in whole tokens.
    """
    if id == 0 or id > self.count:
        return 0
    return sum_tree._weight(id - 1, sum_tree._period())


@view
@internal
def _own() -> uint256:
    assert self.id_of[msg.sender] != 0, "stakes: not a validator"
    return self.id_of[msg.sender]


@internal
def _seat(id: uint256):
    self.id_of[msg.sender] = id
    self.account_of[id] = msg.sender


@internal
def _bond(id: uint256, amount: uint256):
    held: uint256 = self._positions[id] & AMOUNT
    bonded: uint256 = self._bonded(id)
    assert amount > 0, "stakes: nothing to stake"
    assert amount <= max_stake - min(bonded, max_stake) and held + amount <= AMOUNT, "stakes: above the cap"
    assert bonded + amount >= min_stake, "stakes: below the least stake"
    self._positions[id] += amount
    self._weigh(id)
    assert sum_tree._newest_total() < sum_tree.LIMIT, "stakes: the tree is full"
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    assert extcall IERC20(token).transferFrom(msg.sender, self, amount), "stakes: transfer failed"
    came: uint256 = staticcall IERC20(token).balanceOf(self) - before
    assert came == amount, "stakes: token takes a fee on transfer"
    log IStakes.Staked(id=id, account=msg.sender, amount=amount)


@internal
def _weigh(id: uint256):
    new: uint256 = min(marks._weighed(id, self._bonded(id)), max_stake) // UNIT
    old: uint256 = sum_tree._newest(id - 1)
    if new != old:
        sum_tree._set(id - 1, old, new, sum_tree._period())


@internal
def _take(id: uint256, amount: uint256) -> uint256:
    # Bonded stake goes first; what was leaving shrinks only when nothing else is left.
    slot: uint256 = self._positions[id]
    held: uint256 = slot & AMOUNT
    taken: uint256 = min(amount, held)
    if taken == 0:
        return 0
    leaving: uint256 = self._leaving[id]
    unbonding: uint256 = leaving & AMOUNT
    rest: uint256 = held - taken
    self._positions[id] = slot - taken
    if rest < unbonding:
        self._leaving[id] = leaving - (unbonding - rest)
    self._weigh(id)
    log IStakes.StakeSlashed(id=id, amount=taken)
    return taken


@view
@internal
def _bonded(id: uint256) -> uint256:
    return (self._positions[id] & AMOUNT) - (self._leaving[id] & AMOUNT)


@pure
@internal
def _free(slot: uint256) -> uint256:
    # A slashed validator may hold less than is locked.
    held: uint256 = slot & AMOUNT
    return unsafe_sub(held, min(held, (slot >> LOCK_PLACE) & AMOUNT))


@view
@internal
def _pick(
    seed: bytes32,
    period: uint256,
    count: uint256,
    lock_amount: uint256,
    excluded: DynArray[address, 5],
    seated: DynArray[uint256, 38],
) -> DynArray[uint256, 12]:
    assert period == sum_tree._period(), "stakes: not this period"
    assert count <= 12, "stakes: too many seats"
    assert lock_amount <= AMOUNT, "stakes: lock too large"
    barred: DynArray[uint256, 43] = seated
    tags: DynArray[uint256, 5] = []
    for account: address in excluded:
        id: uint256 = self.id_of[account]
        if id != 0:
            barred.append(id)
        tags.append(convert(account, uint256) & TAG)
    height: uint256 = sum_tree._height(self.count)
    left: uint256 = sum_tree._sum(height, period)
    # Intervals of the running sum that are gone, start << 32 | weight, in ascending order.
    gone: DynArray[uint256, ATTEMPTS] = []
    picked: DynArray[uint256, 12] = []
    for attempt: uint256 in range(count + len(barred) + PATIENCE, bound=ATTEMPTS):
        if left == 0 or len(picked) == count:
            break
        mark: uint256 = convert(keccak256(abi_encode(seed, attempt)), uint256) % left
        for one: uint256 in gone:
            if mark < one >> 32:
                break
            mark = unsafe_add(mark, one & (2**32 - 1))
        leaf: uint256 = 0
        start: uint256 = 0
        weight: uint256 = 0
        leaf, start, weight = sum_tree._find(mark, height, period)
        left = unsafe_sub(left, weight)
        # Insertion: a start differs from all others, so comparing whole words compares starts.
        span: uint256 = start << 32 | weight
        place: uint256 = len(gone)
        gone.append(span)
        for down: uint256 in range(place, bound=ATTEMPTS):
            if gone[place - 1] < span:
                break
            gone[place] = gone[place - 1]
            place -= 1
        gone[place] = span
        id: uint256 = leaf + 1
        slot: uint256 = self._positions[id]
        tag: uint256 = slot >> TAG_PLACE
        if id not in barred and not (tag != 0 and tag in tags) and self._free(slot) >= lock_amount:
            picked.append(id)
    assert len(picked) == count, "stakes: too few validators"
    return picked
