"""Scores: correlated agreement, the sequential test on gold, jail and fee factors (twin of Scores.vy, and the calls upon it).

A bitmap is big-endian words of 256 bits, a set bit means rejected (see `openings`). What a score is stands in
`verification.peer_prediction`, what the test is in `verification.gold`; here is who is rated, when, and what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from sheaf.domain.amounts import share_bps
from sheaf.domain.errors import Refused
from sheaf.domain.ids import ZERO_ADDRESS, Address
from sheaf.review import openings, reviews
from sheaf.review.reviews import CLOSED, DECIDED, HELD, Openings, Review
from sheaf.review.stakes import StakesTwin
from sheaf.verification import peer_prediction
from sheaf.verification.gold import SequentialTest
from sheaf.verification.peer_prediction import fee_factor_bps

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt, Signer

CONTRACT = "Scores"
SCORED, TESTED, VOID = 1, 2, 4
TEST = SequentialTest()
"""The test on gold: it supposes that who looks is right at rate .95."""
GOLD_LIMIT = 256
"""Gold records that a batch may have."""
COUNT_LIMIT, LONG_LIMIT = 2**16 - 1, 2**32 - 1

_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_GOLD = "Gold", "submission"
_WORD = "Word", "request"


class Votes(NamedTuple):
    """What a tally was shown: the mask of the seats that opened, their accounts, and their bitmaps in seat order."""

    mask: int
    accounts: tuple[str, ...]
    bitmaps: tuple[bytes, ...]


@dataclass(frozen=True)
class Gold:
    """The gold of a submission with all that its commitment on chain is made of; `wrong` marks the gold that had to be rejected.

    `signature` is the keeper's, `rejected` and `hung` are the bitmaps of the verdict that it is shown for.
    """

    positions: bytes
    wrong: bytes
    salt: bytes
    root: bytes
    cid_hash: bytes
    key_commitment: bytes
    custodian: str
    signature: bytes = b""
    rejected: bytes = b""
    hung: bytes = b""

    @property
    def commitment(self) -> bytes:
        """What the contributor commits to."""
        return gold_commitment(self.positions, self.wrong, self.salt)

    @property
    def offer(self) -> bytes:
        """What Requests keeps of the submission."""
        parts = [self.root, self.cid_hash, self.key_commitment, self.custodian, self.commitment]
        return keccak(encode(["bytes32", "bytes32", "bytes32", "address", "bytes32"], parts))


@dataclass(frozen=True)
class Standing:
    """What is known of a validator as IScores.Standing has it: averages in wad, the test in millionths, and counts."""

    agreement: int = 0
    reference: int = 0
    llr: int = 0
    batches: int = 0
    hits: int = 0
    misses: int = 0
    jails: int = 0

    @property
    def factor_bps(self) -> int:
        """The share of its fee that it earns: 0.7 + 0.3 · clip(agreement / reference, 0, 1), all where nothing was to be told apart."""
        return fee_factor_bps(self.agreement, self.reference)


@dataclass(frozen=True)
class Sentence:
    """A slash that waits: from `due_at` (Unix seconds) on anyone may execute it, unless the gold of `submission` is voided."""

    due_at: int
    submission: int


class Rated(NamedTuple):
    """What the settlement needs: gold records by verdict, and factors in bps."""

    gold_approved: int
    gold_rejected: int
    factors: tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """What Scores reads of other contracts: the submission, and its review as Reviews has it."""

    request: int
    contributor: str
    buyer: str
    records: int
    offer: bytes
    review: Review
    shown: bytes
    challenge_until: int = 0
    """Until when a court that holds the verdict can be asked."""


@dataclass(frozen=True)
class Rules:
    """The parameters that Scores reads, and the chain and the address that signatures are bound to."""

    ruling_seconds: int = 604_800
    jail_seconds: int = 604_800
    jail_slash_bps: int = 1000
    skill_bps: int = 9500
    challenge_seconds: int = 172_800
    is_test: bool = True
    chain_id: int = 1
    contract: str = ZERO_ADDRESS


def gold_commitment(positions: bytes, wrong: bytes, salt: bytes) -> bytes:
    """Return what a contributor commits to: keccak256(hash of the positions, hash of the wrong ones, salt)."""
    return keccak(keccak(positions) + keccak(wrong) + salt)


def averaged(standing: Standing, found: int, expected: int) -> Standing:
    """Return a standing after one more batch, in which so much agreement was found and so much was to be expected."""
    return replace(
        standing,
        agreement=peer_prediction.averaged(standing.agreement, found),
        reference=peer_prediction.averaged(standing.reference, expected),
        batches=min(standing.batches + 1, COUNT_LIMIT),
    )


def typed_hash(chain_id: int, contract: str, submission: int, contributor: str, gold: Gold) -> bytes:
    """Return the hash that a request's keeper signs to show gold (EIP-712, domain "Sheaf Scores" version "1")."""
    return _typed_hash(chain_id, contract, _GOLD, (submission, contributor, gold.root, gold.commitment))


def _fields(kind: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Return name and type of what is signed: of a submission before it is made only the request is known."""
    bound = (("contributor", "address"), ("root", "bytes32"), ("commitment", "bytes32"))
    return ((kind[1], "uint256"), *bound)


def _typed_hash(
    chain_id: int, contract: str, kind: tuple[str, str], said: tuple[int, str, bytes, bytes]
) -> bytes:
    parts = [_DOMAIN, keccak(b"Sheaf Scores"), keccak(b"1"), chain_id, contract]
    domain = keccak(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], parts))
    form = f"{kind[0]}({','.join(f'{type_} {name}' for name, type_ in _fields(kind))})"
    types = ["bytes32", *(type_ for _, type_ in _fields(kind))]
    return keccak(b"\x19\x01" + domain + keccak(encode(types, [keccak(form.encode()), *said])))


def typed_data(
    chain_id: int, contract: str, submission: int, contributor: str, gold: Gold
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return what `typed_hash` hashes as wallets take it: domain, types, message (EIP-712)."""
    return _typed_data(chain_id, contract, _GOLD, (submission, contributor, gold.root, gold.commitment))


def _typed_data(
    chain_id: int, contract: str, kind: tuple[str, str], said: tuple[int, str, bytes, bytes]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    fields = _fields(kind)
    return (
        {"name": "Sheaf Scores", "version": "1", "chainId": chain_id, "verifyingContract": contract},
        {kind[0]: [{"name": name, "type": type_} for name, type_ in fields]},
        {name: value for (name, _), value in zip(fields, said, strict=True)},
    )


@dataclass
class ScoresTwin:
    """The rules of Scores.vy in plain integers; refuses with the contract's own words.

    What other contracts know of a submission is handed in as a `Case`; `now` is in Unix seconds.
    """

    stakes: StakesTwin
    rules: Rules = field(default_factory=Rules)
    now: int = 0
    arbiter: str = ""
    contract: str = "scores"
    standings: dict[str, Standing] = field(default_factory=dict)
    marks: dict[int, int] = field(default_factory=dict)
    gold: dict[int, tuple[int, int, bytes]] = field(default_factory=dict)
    keepers: dict[int, str] = field(default_factory=dict)
    sentences: dict[str, Sentence] = field(default_factory=dict)
    next_sentences: dict[str, Sentence] = field(default_factory=dict)

    def name_keeper(self, request: int, keeper: str, sender: str, buyer: str) -> None:
        """Name who vouches for the gold of a request in the buyer's place."""
        _require(sender == buyer, "scores: not the buyer")
        _require(request not in self.keepers, "scores: keeper is named")
        _require(keeper != ZERO_ADDRESS, "scores: no keeper")
        self.keepers[request] = keeper

    def score(self, submission: int, case: Case, votes: Votes, gold: Gold | None = None) -> None:
        """Rate those who opened in round 1: count their agreement (once), and with `gold` test them on it (once) and count it."""
        marks = self._marks(submission)
        todo = SCORED & ~marks
        if gold is None:
            _require(todo != 0, "scores: already scored")
            _require(case.review.phase in (DECIDED, CLOSED), "scores: not decided")
        else:
            _require(not marks & VOID, "scores: gold is void")
            is_contestable = self._is_contestable(case)
            counted = self._count_gold(submission, case, gold)
            todo |= TESTED & ~marks if is_contestable else 0
        _check_votes(case, votes)
        if gold is not None:
            self.gold[submission] = counted
        self.marks[submission] = marks | todo
        if todo & TESTED and gold is not None:
            self._test(submission, votes, gold)
        if todo & SCORED:
            self._score(case, votes)

    def void_gold(
        self, submission: int, accounts: Sequence[str], sender: str, *, is_faultless: bool | None = None
    ) -> None:
        """Let the gold of a submission count for nothing: not in the settlement, nor in a slash that still waits.

        `is_faultless` is what the court ruled, None where the arbiter is none. Only the arbiter itself heals tests.
        """
        is_arbiter = sender == self.arbiter
        _require(is_arbiter or is_faultless is not None, "scores: not the arbiter")
        _require(is_arbiter or bool(is_faultless), "scores: no ruling that nobody was at fault")
        self.marks[submission] = self._marks(submission) | VOID
        self.gold.pop(submission, None)
        for account in accounts:
            standing = self.standing(account)
            if is_arbiter and standing.llr > 0:
                self.standings[account] = replace(standing, llr=0)
            self._pardon(submission, account)

    def execute(self, account: str) -> int:
        """Burn a share of what a jailed validator holds, once the time to void the gold is over; return what was burned."""
        sentence = self.sentences.get(account)
        if sentence is None:
            raise Refused("scores: no sentence")
        _require(self.now >= sentence.due_at, "scores: sentence is not due")
        del self.sentences[account]
        self.next_sentences.pop(account, None)
        number = self.stakes.ids.get(account, 0)
        amount = share_bps(self.stakes.position(number).amount, self.rules.jail_slash_bps)
        return self.stakes.slash(self.contract, number, amount)

    def terms(self, submission: int, accounts: Sequence[str], verdict: bytes) -> Rated:
        """Return what the settlement needs; `verdict` is the hash of the one that stands."""
        bought, refused, counted_for = self.gold.get(submission, (0, 0, verdict))
        if counted_for != verdict:
            bought, refused = 0, 0
        return Rated(bought, refused, tuple(self.standing(account).factor_bps for account in accounts))

    def standing(self, account: str) -> Standing:
        """Return what is known of a validator."""
        return self.standings.get(account, Standing())

    def _marks(self, submission: int) -> int:
        return self.marks.get(submission, 0)

    def _score(self, case: Case, votes: Votes) -> None:
        expected = peer_prediction.reference(case.records, case.review.rejected, self.rules.skill_bps)
        found = peer_prediction.agreement(votes.bitmaps, case.records)
        for account, one in zip(votes.accounts, found, strict=True):
            self.standings[account] = averaged(self.standing(account), one, expected)

    def _test(self, submission: int, votes: Votes, gold: Gold) -> None:
        places = [i for i in range(8 * len(gold.positions)) if openings.is_marked(gold.positions, i)]
        answers = [openings.is_marked(gold.wrong, i) for i in places]
        for account, bitmap in zip(votes.accounts, votes.bitmaps, strict=True):
            given = [openings.is_marked(bitmap, i) for i in places]
            standing = self.standing(account)
            after = TEST.run(standing.llr, [a == b for a, b in zip(given, answers, strict=True)])
            if after.is_jailed:
                self._jail(submission, account)
            self.standings[account] = replace(
                standing,
                llr=after.llr,
                hits=min(standing.hits + after.hits, LONG_LIMIT),
                misses=min(standing.misses + after.misses, LONG_LIMIT),
                jails=min(standing.jails + after.is_jailed, COUNT_LIMIT),
            )

    def _jail(self, submission: int, account: str) -> None:
        number = self.stakes.ids.get(account, 0)
        if number == 0:
            return
        least = self.rules.ruling_seconds + self.rules.challenge_seconds
        self.stakes.jail(self.contract, number, self.now + max(self.rules.jail_seconds, least))
        made = Sentence(self.now + self.rules.ruling_seconds, submission)
        if self.sentences.setdefault(account, made) is not made:
            self.next_sentences.setdefault(account, made)

    def _pardon(self, submission: int, account: str) -> None:
        waiting = [found for of in (self.sentences, self.next_sentences) if (found := of.pop(account, None))]
        left = [one for one in waiting if one.submission != submission]
        for of, one in zip((self.sentences, self.next_sentences), left, strict=False):
            of[account] = one
        number = self.stakes.ids.get(account, 0)
        if waiting and not left and self.stakes.jailed_until(number):
            self.stakes.free(self.contract, number)

    def _is_contestable(self, case: Case) -> bool:
        is_held = case.review.phase == HELD and case.challenge_until > 0
        _require(is_held or case.review.phase == DECIDED, "scores: not decided")
        until = case.challenge_until if is_held else case.review.settle_after
        return self.now + self.rules.challenge_seconds // 2 <= until or self.rules.is_test

    def _count_gold(self, submission: int, case: Case, gold: Gold) -> tuple[int, int, bytes]:
        counted, verdict = self.gold.get(submission), case.review.verdict
        _require(counted is None or counted[2] != verdict, "scores: gold is counted")
        _require(keccak(gold.rejected + gold.hung) == verdict, "scores: not the verdict")
        size = openings.bitmap_bytes(case.records)
        _require(len(gold.positions + gold.wrong) == 2 * size, "scores: wrong length")
        outside = int.from_bytes(gold.wrong, "big") & ~int.from_bytes(gold.positions, "big")
        _require(not outside, "scores: wrong outside the gold")
        stray = any(openings.is_marked(gold.positions, i) for i in range(case.records, 8 * size))
        _require(not stray, "scores: gold beyond the last record")
        positions, rejected, hung = (
            int.from_bytes(part, "big") for part in (gold.positions, gold.rejected, gold.hung)
        )
        _require(positions != 0, "scores: no gold")
        _require(positions.bit_count() <= GOLD_LIMIT, "scores: too much gold")
        _require(gold.offer == case.offer, "scores: not the gold that was committed to")
        rules = self.rules
        hashed = typed_hash(rules.chain_id, rules.contract, submission, case.contributor, gold)
        signer = openings.recover(hashed, gold.signature)
        _require(signer != "", "scores: malformed signature")
        keeper = self.keepers.get(case.request, case.buyer)
        _require(signer == keeper, "scores: not the keeper's signature")
        refused = (positions & rejected).bit_count()
        return positions.bit_count() - refused - (positions & hung).bit_count(), refused, verdict


def _check_votes(case: Case, votes: Votes) -> None:
    _require(len(votes.accounts) != 0, "scores: nobody opened")
    is_shown = openings.shown(votes.mask, votes.accounts, votes.bitmaps) == case.shown
    _require(is_shown, "scores: not what the tally was shown")


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def sign_gold(chain: Chain, signer: Signer, submission: int, contributor: str, gold: Gold) -> bytes:
    """Return the keeper's signature (r ‖ s ‖ v) with which the gold of a submission can be shown, by anyone, for it alone."""
    contract = chain.address_of(CONTRACT)
    return bytes(signer.sign_typed(*typed_data(chain.chain_id, contract, int(submission), contributor, gold)))


def sign_word(chain: Chain, signer: Signer, request: int, contributor: str, gold: Gold) -> bytes:
    """Return the keeper's word (r ‖ s ‖ v) that a batch still to be submitted is its own; it shows no gold."""
    said = int(request), contributor, gold.root, gold.commitment
    return bytes(signer.sign_typed(*_typed_data(chain.chain_id, chain.address_of(CONTRACT), _WORD, said)))


def voucher(
    chain: Chain, request: int, contributor: str, bound: tuple[bytes, bytes], signature: bytes
) -> str:
    """Return who gave its word for a batch, `bound` to (root, commitment to gold), as its request's keeper would; "" for no signature."""
    said = int(request), contributor, *bound
    hashed = _typed_hash(chain.chain_id, chain.address_of(CONTRACT), _WORD, said)
    return openings.recover(hashed, signature)


def name_keeper(chain: Chain, signer: Signer, request: int, keeper: Address) -> Receipt:
    """Name who vouches for the gold of a request in the buyer's place; buyer only, once."""
    return chain.send(signer, CONTRACT, "name_keeper", int(request), keeper)


def keeper(chain: Chain, request: int) -> Address:
    """Return who vouches for the gold of a request: the buyer, if nobody was named."""
    return Address(chain.call(CONTRACT, "keeper", int(request)))


def score(
    chain: Chain,
    signer: Signer,
    submission: int,
    votes: Votes,
    gold: Gold | None = None,
    opened: Openings | None = None,
) -> Receipt:
    """Rate those who opened in round 1, on `gold` too where it is given; `opened` where this is to count the round first.

    Raises Reverted before the verdict, where counting leaves none, and the second time.
    """
    return chain.send(signer, CONTRACT, "score", *arguments(submission, votes, gold, opened))


def arguments(
    submission: int, votes: Votes, gold: Gold | None = None, opened: Openings | None = None
) -> tuple[Any, ...]:
    """Return the arguments of `score` as the contract takes them."""
    rest: tuple[Any, ...] = (b"", b"", (bytes(32), bytes(32), bytes(32), bytes(32), ZERO_ADDRESS), b"")
    if gold is not None:
        offer = (gold.salt, gold.root, gold.cid_hash, gold.key_commitment, gold.custodian)
        rest = (gold.positions + gold.wrong, gold.rejected + gold.hung, offer, gold.signature)
    opening: tuple[Any, ...] = ([], 0, [])
    if opened is not None:
        opening = (list(opened.salts), opened.order, list(opened.joint))
    return int(submission), votes.mask, list(votes.accounts), b"".join(votes.bitmaps), *rest, opening


def votes_in(opened: Openings) -> Votes:
    """Return the votes of a round that is still to be counted."""
    size = len(opened.bitmaps) // max(len(opened.seats), 1)
    return Votes(
        opened.mask,
        opened.accounts,
        tuple(opened.bitmaps[size * i : size * (i + 1)] for i in range(len(opened.seats))),
    )


def counting(chain: Chain, transaction: str) -> dict[str, Any] | None:
    """Return the arguments of `Reviews.tally` in a transaction that counted a round, by itself or on the way to rating it; else None."""
    found = chain.call_of(transaction, reviews.CONTRACT, "tally")
    if found is not None:
        return found
    found = chain.call_of(transaction, CONTRACT, "score")
    if found is None or not found["opening"].salts:
        return None
    opening: dict[str, Any] = found["opening"]._asdict()
    return found | opening


def void_gold(
    chain: Chain, signer: Signer, submission: int, accounts: Sequence[str], case: int = 0
) -> Receipt:
    """Let the gold of a submission count for nothing: as arbiter, or after a concluded `case` in which nobody was at fault."""
    return chain.send(signer, CONTRACT, "void_gold", int(submission), list(accounts), case)


def execute(chain: Chain, signer: Signer, account: Address) -> Receipt:
    """Burn what a jailed validator loses. Raises Reverted before the time to void the gold is over."""
    return chain.send(signer, CONTRACT, "execute", account)


def standing(chain: Chain, account: Address) -> Standing:
    """Return what is known of a validator."""
    return Standing(*map(int, chain.call(CONTRACT, "standing", account)))


def sentence(chain: Chain, account: Address) -> Sentence | None:
    """Return the slash that waits for an account, or None."""
    due_at, submission = map(int, chain.call(CONTRACT, "sentence", account))
    return Sentence(due_at, submission) if due_at else None


def marks(chain: Chain, submission: int) -> int:
    """Return what was done for a submission: sums of SCORED, TESTED, VOID."""
    return int(chain.call(CONTRACT, "marks", int(submission)))
