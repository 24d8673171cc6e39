# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Benches
@license AGPL-3.0-only
@notice Who sits on the jury of a case, how the jurors vote, and what they lose when they are dismissed. Part of Disputes.
"""

from ..interfaces import IDisputes
from . import bitmaps
from . import juries
from . import trials

uses: trials

VOTING: constant(uint256) = 2
SLASH: constant(uint256) = 2
BPS: constant(uint256) = 10_000

_juries: HashMap[uint256, uint256]
# Sixteen bits a seat, sixteen seats a word.
_jurors: HashMap[uint256, uint256[2]]
# A juror's commitment, and once it is opened the vote in its place.
_marks: HashMap[uint256, HashMap[uint256, bytes32]]


@external
def commit(case: uint256, seat: uint256, commitment: bytes32):
    """
    @notice Commit to a vote. Only the account that sits on `seat`, once.
    @param commitment keccak256(abi_encode(vote, is_faultless, salt, case, account, round)).
    """
    jury: juries.Jury = self.at(case, VOTING)
    assert block.timestamp < jury.commit_until, "disputes: commit window closed"
    assert (
        seat < juries.SEATS and (juries.last_round(jury) >> seat) & 1 == 1
    ), "disputes: no seat in this round"
    assert self.account(case, seat) == msg.sender, "disputes: not this seat's juror"
    assert (jury.committed >> seat) & 1 == 0, "disputes: already committed"
    jury.committed |= 1 << seat
    self.save(case, jury)
    self._marks[case][seat] = commitment
    log IDisputes.VoteCommitted(case=case, seat=seat, commitment=commitment)


@external
def reveal(case: uint256, seat: uint256, vote: uint256, is_faultless: bool, salt: bytes32):
    """
    @notice Open the vote of one seat, after all have committed or the time to commit is over. Anyone who holds it may.
    @param vote The named records that are to be rejected.
    @param is_faultless Whether the juror holds that nobody is at fault: then the named records are to hang.
    """
    jury: juries.Jury = self.at(case, VOTING)
    last: uint256 = juries.last_round(jury)
    assert seat < juries.SEATS and (jury.committed & last) >> seat & 1 == 1, "disputes: not committed"
    assert (
        jury.committed & last == last or block.timestamp >= jury.commit_until
    ), "disputes: still committing"
    assert block.timestamp < jury.reveal_until, "disputes: reveal window closed"
    assert (jury.opened >> seat) & 1 == 0, "disputes: already revealed"
    assert vote & ~trials.facts(case).mask == 0, "disputes: a record is not named"
    assert self._marks[case][seat] == keccak256(
        abi_encode(vote, is_faultless, salt, case, self.account(case, seat), jury.round)
    ), "disputes: opening does not match"
    jury.opened |= 1 << seat
    if is_faultless:
        jury.faultless |= 1 << seat
    self.save(case, jury)
    self._marks[case][seat] = convert(vote, bytes32)
    log IDisputes.VoteRevealed(case=case, seat=seat, vote=vote, is_faultless=is_faultless)


@view
@external
def jury_of(case: uint256) -> uint256:
    """
    @notice The state of a case's jury, packed as in juries.vy.
    """
    return self._juries[case]


@view
@external
def juror(case: uint256, seat: uint256) -> uint256:
    """
    @notice The validator that sits on `seat`, 0 if none does.
    """
    if seat >= juries.SEATS:
        return 0
    return self.seated(case, seat)


@internal
def seat(case: uint256, seat: uint256, id: uint256):
    self._jurors[case][seat // 16] |= id << (16 * (seat % 16))


@view
@internal
def votes(case: uint256, jury: juries.Jury) -> DynArray[uint256, 23]:
    """
    @dev The votes of all who opened one and did not say that nobody is at fault.
    """
    opened: DynArray[uint256, 23] = []
    for seat: uint256 in range(jury.size, bound=juries.SEATS):
        if (jury.opened & ~jury.faultless) >> seat & 1 == 1:
            opened.append(convert(self._marks[case][seat], uint256))
    return opened


@internal
def save(case: uint256, jury: juries.Jury):
    self._juries[case] = juries.pack(jury)


@internal
def dismiss(case: uint256, facts: IDisputes.Case, jury: juries.Jury, penalty_bps: uint256):
    if jury.size == 0:
        return
    ids: DynArray[uint256, 23] = []
    total: uint256 = bitmaps.ones(facts.mask & ~facts.ruled_hung)
    # The seats below are those of rounds that a later one reversed. A third round that ruled nothing leaves the second's ruling: of m
    # seats, then 2m + 1. Votes of the last round that ruled were not reversed: they are what ruled, or a minority.
    first: uint256 = jury.first
    if jury.ruled == 2 and jury.round == 3:
        first = (first - 1) // 2
    # Whoever takes the power to slash from here must not keep jurors locked.
    is_slashing: bool = (
        jury.ruled > 1 and jury.is_faultless == 0 and (staticcall trials.stakes.powers(self)) & SLASH != 0
    )
    for seat: uint256 in range(jury.size, bound=juries.SEATS):
        id: uint256 = self.seated(case, seat)
        ids.append(id)
        if is_slashing and seat < first and (jury.opened & ~jury.faultless) >> seat & 1 == 1 and total != 0:
            vote: uint256 = convert(self._marks[case][seat], uint256)
            wrong: uint256 = bitmaps.ones((vote ^ facts.ruled_rejected) & facts.mask & ~facts.ruled_hung)
            if juries.is_beyond_chance(wrong, total):
                amount: uint256 = juries.reversal(facts.lock, wrong, total)
                taken: uint256 = extcall trials.stakes.slash(id, amount, self)
                trials.fund_left += taken // 2
                log IDisputes.JurorSlashed(case=case, id=id, wrong=wrong, total=total, amount=taken)
    missing: uint256 = ((1 << jury.size) - 1) & ~jury.opened
    extcall trials.stakes.release(ids, facts.lock, missing, facts.lock * penalty_bps // BPS)


@view
@internal
def at(case: uint256, phase: uint256) -> juries.Jury:
    jury: juries.Jury = juries.unpack(self._juries[case])
    assert jury.phase == phase, "disputes: not in that phase"
    return jury


@view
@internal
def jury(case: uint256) -> juries.Jury:
    return juries.unpack(self._juries[case])


@view
@internal
def seated(case: uint256, seat: uint256) -> uint256:
    return (self._jurors[case][seat // 16] >> (16 * (seat % 16))) & 65535


@view
@internal
def account(case: uint256, seat: uint256) -> address:
    return staticcall trials.stakes.account_of(self.seated(case, seat))
