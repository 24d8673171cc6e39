# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Rulings
@license AGPL-3.0-only
@notice Stands where Disputes, Stakes, Committees, Reviews, Requests and Standing stand, so that Reversals can be tested with votes and
        rulings of every kind. All seats are members with the lock that is given, whose stake never ends.
"""

from sheaf.contracts.interfaces import ICommittees
from sheaf.contracts.interfaces import IDisputes

records: uint256
lock: uint256
members: DynArray[uint256, 23]
shown: bytes32
carried: bytes32
trial: IDisputes.Trial
words: HashMap[uint256, uint256[4]]
taken: public(HashMap[uint256, uint256])
gained: public(uint256)


@external
def put(
    records: uint256,
    lock: uint256,
    members: DynArray[uint256, 23],
    shown: bytes32,
    carried: bytes32,
    trial: IDisputes.Trial,
):
    self.records = records
    self.lock = lock
    self.members = members
    self.shown = shown
    self.carried = carried
    self.trial = trial


@external
def rule(word: uint256, entry: uint256[4]):
    self.words[word] = entry


@external
def slash(id: uint256, amount: uint256, to: address) -> uint256:
    self.taken[id] += amount
    return amount


@external
def note(submission: uint256, round: uint256, gained: uint256):
    self.gained += gained


@view
@external
def records_of(submission: uint256) -> uint256:
    return self.records


@view
@external
def openings(submission: uint256, round: uint256) -> bytes32:
    return self.shown


@view
@external
def left(submission: uint256) -> bytes32:
    return self.carried


@view
@external
def trial_of(submission: uint256) -> IDisputes.Trial:
    return self.trial


@view
@external
def ruled_words(submission: uint256, word: uint256) -> uint256[4]:
    return self.words[word]


@view
@external
def is_feeder(account: address) -> bool:
    return False


@view
@external
def committee(submission: uint256) -> ICommittees.Committee:
    found: ICommittees.Committee = empty(ICommittees.Committee)
    found.lock = self.lock
    found.members = self.members
    return found
