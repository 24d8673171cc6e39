"""Proofs: a record that was approved is shown to be a copy of an earlier one (twin of Proofs.vy, and the calls upon it)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from eth_utils.crypto import keccak

from sheaf.domain.canonical import json_bytes
from sheaf.domain.errors import InputError, Refused

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer

CONTRACT = "Proofs"
NOTHING, REQUEST, MARKET = 0, 1, 2
"""What a specification says of duplicates: nothing, none within the request, none in the market."""
SCOPES = {"request": REQUEST, "market": MARKET}
HEAD = b'{"checks":['
LENGTH, REACH = 8192, 2048
"""Bytes of a specification that the contract reads, and how far into it the check may begin."""


class Place(NamedTuple):
    """A record of a submission."""

    submission: int
    record: int


@dataclass(frozen=True)
class Offer:
    """What the proofs need of a submission: whose it is, the digests of its records, and its block."""

    request: int
    contributor: str
    digests: tuple[bytes, ...]
    block: int


@dataclass
class Verdict:
    """How a decided submission stands: records refused or hung, those a jury ruled upon, when it was counted, and when it is settled."""

    refused: set[int]
    ruled: set[int]
    counted_block: int
    settle_after: int
    is_closed: bool = False


class Opened(NamedTuple):
    """A record opened: its salt of 16 bytes, and its leaf's siblings from the bottom up."""

    place: Place
    salt: bytes
    path: tuple[bytes, ...]


class Sealed(NamedTuple):
    """What a submission committed to; `cid` is the keccak256 of the binary CID."""

    root: bytes
    cid: bytes
    key_commitment: bytes
    custodian: str
    gold: bytes


class Shown(NamedTuple):
    """A copy as it is proven: digest, both records opened, what both submissions committed to, and both verdicts (rejected, hung)."""

    digest: bytes
    copy: Opened
    earlier: Opened
    copy_sealed: Sealed
    earlier_sealed: Sealed
    copy_verdict: tuple[bytes, bytes]
    earlier_verdict: tuple[bytes, bytes]


def forbids(specification: bytes) -> tuple[int, int]:
    """Return what a specification's bytes say of duplicates, and where in them; (NOTHING, 0) where the contract cannot read it."""
    import msgspec

    if len(specification) > LENGTH or not specification.startswith(HEAD):
        return NOTHING, 0
    try:
        checks, place = msgspec.json.decode(specification)["checks"], len(HEAD)
        for check in checks:
            text = json_bytes(check)
            if not specification.startswith(text, place) or place >= REACH:
                break
            scope = check["parameters"].get("scope", "request")
            known = {"name": "duplicates", "parameters": check["parameters"], "version": 1}
            if check == known and not check["parameters"].keys() - {"scope"}:
                return SCOPES.get(scope, NOTHING), place
            place += len(text) + 1
    except (msgspec.MsgspecError, InputError, KeyError, TypeError, AttributeError):
        pass
    return NOTHING, 0


def without_gold(specification: bytes) -> int:
    """Return where a specification's bytes say that it asks for no gold; 0 where they do not, or the contract cannot read it."""
    import msgspec

    try:
        document = msgspec.json.decode(specification)
        place, names = 1, []
        for name, value in document.items():
            names.append(name)
            text = json_bytes({name: value})[1:-1]
            if not specification.startswith(text, place) or place >= REACH or len(specification) > LENGTH:
                return 0
            if name == "gold":
                is_shown = value is None and names[0] == "checks" and specification[place + 11 :][:1] == b","
                return place if is_shown and specification.startswith(HEAD) else 0
            place += len(text) + 1
    except (msgspec.MsgspecError, InputError, AttributeError):
        pass
    return 0


@dataclass
class ProofsTwin:
    """The rules of Proofs.vy. Refuses with the contract's own words; `now` is in Unix seconds.

    Offers, verdicts, and which requests ask for gold (`golden`) are handed in; commitments and leaves are taken as opened.
    """

    now: int = 0
    scopes: dict[int, int] = field(default_factory=dict)
    golden: set[int] = field(default_factory=set)
    offers: dict[int, Offer] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    proven: defaultdict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    bounties: dict[int, int] = field(default_factory=dict)
    burned: int = 0

    def prove(self, copy: Place, earlier: Place, prover: str) -> bool:
        """Reject `copy`, a copy of `earlier`; tell whether the bond is forfeit: one account submitted both, and nobody mixes gold in."""
        made = self.offers[copy.submission]
        scope = self.scopes.get(made.request, NOTHING)
        _require(scope != NOTHING, "proofs: the specification was not read")
        digest = self._digest(copy)
        is_own = True
        if earlier.submission == copy.submission:
            _require(earlier.record < copy.record, "proofs: not the earlier one")
            _require(self._digest(earlier) == digest, "proofs: not a leaf of the submission")
        else:
            before = self.offers[earlier.submission]
            is_bound = scope == MARKET or before.request == made.request
            _require(is_bound, "proofs: given to another request, which is allowed")
            _require(self._digest(earlier) == digest, "proofs: not a leaf of the submission")
            is_own = before.contributor == made.contributor
            in_order = not is_own or earlier.submission < copy.submission
            _require(in_order, "proofs: not the earlier one")
            self._check_accepted(earlier, made.block, is_own)
        self._convict(copy)
        is_forfeit = is_own and made.request not in self.golden
        if is_forfeit:
            found = self.proven[copy.submission]
            found[prover] = found.get(prover, 0) + 1
        return is_forfeit

    def credit(self, submission: int, amount: int) -> None:
        """Take note of a forfeited bond in the market's token."""
        self.bounties[submission] = amount // 2
        self.burned += amount - amount // 2

    def collect(self, submission: int, prover: str) -> int:
        """Return a prover's part of what is left of the bounty, by the number of its proofs."""
        _require(submission in self.bounties, "proofs: not settled yet")
        found = self.proven[submission]
        _require(found.get(prover, 0) > 0, "proofs: nothing owed")
        amount = self.bounties[submission] * found[prover] // sum(found.values())
        del found[prover]
        self.bounties[submission] -= amount
        return amount

    def _digest(self, place: Place) -> bytes:
        digests = self.offers[place.submission].digests
        _require(0 <= place.record < len(digests), "proofs: not a leaf of the submission")
        return digests[place.record]

    def _check_accepted(self, earlier: Place, before: int, is_own: bool) -> None:
        verdict = self.verdicts.get(earlier.submission)
        if verdict is None:
            raise Refused("proofs: the earlier one is not decided")
        _require(earlier.record not in verdict.refused, "proofs: the earlier one was not approved")
        _require(earlier.record not in verdict.ruled, "proofs: a jury ruled on the earlier one")
        if not is_own:
            was_decided = verdict.counted_block < before
            _require(was_decided, "proofs: not decided when the copy was submitted")
            is_final = self.now >= verdict.settle_after
            _require(is_final, "proofs: the earlier one may still be challenged")

    def _convict(self, copy: Place) -> None:
        verdict = self.verdicts.get(copy.submission)
        if verdict is None or verdict.is_closed:
            raise Refused("reviews: not decided")
        _require(self.now < verdict.settle_after, "reviews: challenge window is over")
        _require(copy.record not in verdict.refused, "reviews: not an approved record")
        verdict.refused.add(copy.record)


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def sealed(root: bytes, cid: bytes, key_commitment: bytes, custodian: str, gold: bytes) -> Sealed:
    """Return what a submission committed to, from what SubmissionMade told of it."""
    return Sealed(root, keccak(cid), key_commitment, custodian, gold)


def scope(chain: Chain, request: int) -> int:
    """Return what was read of a request's specification: NOTHING while nobody has shown it."""
    return int(chain.call(CONTRACT, "scopes", request))


def read(chain: Chain, signer: Signer, request: int, specification: bytes, place: int) -> Receipt:
    """Show what a specification says of duplicates at `place` (see `forbids`), and whether it asks for gold."""
    gold_place = without_gold(specification)
    return chain.send(signer, CONTRACT, "read", request, specification, place, gold_place)


def prove(chain: Chain, signer: Signer, shown: Shown) -> Receipt:
    """Prove a copy. Raises Reverted if the contract does not take it."""
    leaves = [(*one.place, one.salt, list(one.path)) for one in (shown.copy, shown.earlier)]
    return chain.send(
        signer, CONTRACT, "prove", shown.digest, *leaves, shown.copy_sealed, shown.earlier_sealed, shown.copy_verdict,
        shown.earlier_verdict,
    )  # fmt: skip


def collect(chain: Chain, signer: Signer, submission: int) -> Receipt:
    """Take one's part of a forfeited bond."""
    return chain.send(signer, CONTRACT, "collect", submission)
