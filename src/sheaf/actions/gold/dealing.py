"""Dealing: the keeper mixes gold into what a contributor is about to submit, so that neither it nor the committee can tell which.

What a mix is made of is in the journal before its answer is sent; content key, salt and places follow from the keeper's own secret.
A record of gold serves one submission. A mix that is not submitted in time gives its gold back: nobody has seen it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sheaf.actions.cases import journal, letters
from sheaf.actions.cases.examine import (
    FRAME_BYTES,
    associated,
    content_of,
    limits_of,
    packed,
    self_check,
    sketched_by,
)
from sheaf.actions.cases.reading import sample_read_by, wanted_of
from sheaf.actions.gold import slips
from sheaf.actions.gold.stock import fetch_stock, gold_count
from sheaf.actions.request import specification
from sheaf.chain.abi import checksum_of
from sheaf.domain.errors import ChainError, InputError, SheafError, StoreError
from sheaf.domain.ids import Address, Cid, RequestId
from sheaf.governance import parameters
from sheaf.market import requests
from sheaf.review import openings, scores

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.actions.gold.slips import AskingLetter, MixedLetter
    from sheaf.domain.request import Request, Specification

VALID_SECONDS = 900
"""How long a mix can be submitted; its gold comes back after twice as long."""
ATTEMPTS = 8
"""Packs that are tried against the checks before a batch goes without gold."""
MAX_LIVE = 3
"""Mixes of one contributor and request that wait to be submitted: who asks for more drains the stock."""


class Mix(msgspec.Struct, kw_only=True):
    """Journal: one mix, made for the letter `asked`, of which `wanted` is the hash without the sealing: secrets follow from it.

    `places` are where gold lies among `records`, `wrong` those of them that have to be refused, `used` the digests of the gold;
    `opened_for` is the verdict that it was shown for last.
    """

    request: int
    contributor: str
    asked: bytes
    wanted: bytes
    records: int
    places: list[int]
    wrong: list[int]
    used: list[bytes]
    cid: str
    root: bytes
    valid_until: int
    is_returned: bool = False
    opened_for: bytes = b""

    @property
    def own(self) -> int:
        """How many of the records are the contributor's."""
        return self.records - len(self.places)


@dataclass(frozen=True)
class _Pool:
    """What may be mixed into submissions to a request: records to be approved, and records to be refused."""

    request: RequestId
    wanted: Specification
    right: pa.Table
    wrong: pa.Table


class _Unfit(Exception):
    """What was asked for cannot be mixed; the text says why."""


def mixes(ctx: Context) -> dict[Path, Mix]:
    """Return all mixes that this account has made, by journal."""
    found = {path: journal.recall(path, Mix) for path in sorted(_folder(ctx).glob("*.json"))}
    return {path: mix for path, mix in found.items() if mix is not None}


def mix_of(ctx: Context, case: Case) -> tuple[Path, Mix] | None:
    """Return the mix that a submission was made of, or None if it is none of this account's."""
    for path, mix in mixes(ctx).items():
        if mix.root == case.root and mix.request == case.request:
            return path, mix
    return None


def kept_requests(ctx: Context) -> list[RequestId]:
    """Return the requests whose gold this account keeps, by their specifications; those that cannot be read are left out."""
    found = []
    for number in sorted(ctx.docket.requests):
        try:
            wanted = wanted_of(ctx, number)
        except StoreError:
            continue
        if wanted and wanted.gold and wanted.gold.keeper.lower() == ctx.account.lower():
            found.append(number)
    return found


def deal(ctx: Context, request: RequestId, answered: set[bytes]) -> int:
    """Answer every contributor who asks for mixing and is not among `answered` yet; return how many were answered.

    Raises Missing while the buyer's stock has not come.
    """
    done, stock = 0, None
    for letter in letters.read(ctx, slips.asking_topic(ctx, request), slips.AskingLetter):
        asked = slips.digest_of(letter)
        if asked in answered:
            continue
        contributor = _signer(ctx, request, letter)
        if contributor is None:
            letters.ignore(ctx, "asking for mixing with a forged signature", letter.signature)
            answered.add(asked)
            continue
        stock = stock or fetch_stock(ctx, specification(ctx, request))
        try:
            answer = _answer(ctx, request, contributor, (letter, stock))
        except StoreError:
            # What is to be mixed may yet come into the store.
            continue
        letters.post(ctx, slips.answer_topic(ctx, request, contributor), answer)
        answered.add(asked)
        done += 1
    return done


def take_back(ctx: Context) -> int:
    """Give the gold of mixes back that nobody has submitted in time; return how many those were."""
    now = ctx.docket.refresh().timestamp
    roots = {case.root for case in ctx.docket.cases.values() if not case.is_void}
    late = [
        (path, mix)
        for path, mix in mixes(ctx).items()
        if not mix.is_returned and mix.root not in roots and now > mix.valid_until + VALID_SECONDS
    ]
    for path, mix in late:
        mix.is_returned = True
        journal.keep(path, mix)
    return len(late)


def content_key(ctx: Context, mix: Mix) -> bytes:
    """Return the content key of a mix, 32 bytes."""
    return _secret(ctx, "content key", mix)


def gold_of(ctx: Context, mix: Mix) -> scores.Gold:
    """Return a mix's gold as `Scores` takes it; without a signature and a verdict."""
    from eth_utils.crypto import keccak

    from sheaf.store import cid as cids
    from sheaf.store.envelope import key_commitment

    marks = [
        [place in chosen for place in range(mix.records)] for chosen in (set(mix.places), set(mix.wrong))
    ]
    return scores.Gold(
        positions=openings.pack(marks[0]),
        wrong=openings.pack(marks[1]),
        salt=_secret(ctx, "salt", mix),
        root=mix.root,
        cid_hash=keccak(cids.binary(Cid(mix.cid))),
        key_commitment=key_commitment(content_key(ctx, mix)),
        custodian=ctx.account,
    )


def _signer(ctx: Context, request: RequestId, letter: AskingLetter) -> Address | None:
    if len(letter.contributor) != 20:
        return None
    contributor = checksum_of("0x" + letter.contributor.hex())
    return contributor if slips.is_signed_by(ctx, request, letter, contributor) else None


def _answer(
    ctx: Context,
    request: RequestId,
    contributor: Address,
    given: tuple[AskingLetter, tuple[pa.Table, pa.Table]],
) -> MixedLetter:
    """Return the answer to a contributor: the mix made of what is `given`, or why there is none. Raises StoreError."""
    from sheaf.store.envelope import key_commitment

    letter, stock = given
    asked = slips.digest_of(letter)
    path = _folder(ctx) / f"{int(request)}-{asked.hex()[:32]}.json"
    try:
        mix = journal.recall(path, Mix)
        if mix is None:
            mix = _make(ctx, contributor, letter, _Pool(request, specification(ctx, request), *stock))
            journal.keep(path, mix)
    except (StoreError, ChainError):
        raise
    except (_Unfit, InputError) as error:
        answer = slips.MixedLetter(asked, why=str(error)[:500])
    except Exception as error:  # whatever a stranger's records provoke stays with them
        letters.ignore(ctx, f"records that cannot be mixed ({type(error).__name__})", asked)
        answer = slips.MixedLetter(asked, why="the records cannot be mixed")
    else:
        gold = gold_of(ctx, mix)
        word = scores.sign_word(ctx.chain, ctx.sender, mix.request, mix.contributor, gold)
        answer = slips.MixedLetter(
            asked, "", mix.cid, mix.root, key_commitment(content_key(ctx, mix)), gold.commitment,
            mix.records, mix.valid_until, word,
        )  # fmt: skip
    signed = slips.sign(ctx, request, answer)
    assert isinstance(signed, slips.MixedLetter)
    return signed


def _make(ctx: Context, contributor: Address, letter: AskingLetter, pool: _Pool) -> Mix:
    """Mix gold into what a contributor sent, and store it. Raises _Unfit, RecordError, StoreError."""
    from sheaf.store.envelope import encrypt

    request, wanted = pool.request, pool.wanted
    own = _records_of(ctx, request, contributor, letter, wanted)
    found = requests.request(ctx.chain, request)
    _require_able(ctx, found, contributor, own.num_rows, wanted)
    mix = Mix(
        request=int(request), contributor=contributor, asked=slips.digest_of(letter), wanted=slips.wanted_of(letter), records=0,
        places=[], wrong=[], used=[], cid="", root=b"", valid_until=ctx.docket.refresh().timestamp + VALID_SECONDS,
    )  # fmt: skip
    table = _undisturbed(ctx, mix, own, pool)
    key = content_key(ctx, mix)
    content, data = content_of(table, key, request, contributor, sketched_by(wanted)), packed(table)
    mix.root = content.root
    # The same data again is the same stream; other data under this key never has this salt.
    salt = hashlib.sha256(b"sheaf mix" + mix.wanted + hashlib.sha256(data).digest()).digest()
    mix.cid = ctx.store.put(encrypt(key, data, associated(ctx, request, contributor), salt))
    return mix


def _records_of(
    ctx: Context, request: RequestId, contributor: Address, letter: AskingLetter, wanted: Specification
) -> pa.Table:
    """Return what a contributor wants to have mixed, in the form of the schema. Raises _Unfit, StoreError."""
    from sheaf.formats import parquet, schema
    from sheaf.store.envelope import decrypt

    bound = slips.asking_context(ctx, request, contributor)
    if not 0 < letter.records <= parameters.get(ctx.chain, "record_max"):
        raise _Unfit(f"{letter.records} records: ask for fewer")
    limits = limits_of(letter.records)
    try:
        key = ctx.reading_key.open(letter.sealed, bound)
        data, total = [], 0
        for piece in decrypt(key, ctx.store.stream(Cid(letter.cid)), bound):
            data.append(piece)
            total += len(piece)
            if total > limits.max_bytes + FRAME_BYTES:
                raise _Unfit(f"over {limits.max_bytes} bytes: split them")
        table = schema.compile(wanted.schema).cast(parquet.read(b"".join(data), limits))
    except StoreError:
        raise
    except (SheafError, MemoryError):
        raise _Unfit("the records cannot be decrypted or read") from None
    if table.num_rows != letter.records:
        raise _Unfit(f"{letter.records} records were announced and {table.num_rows} have come")
    return table


def _require_able(
    ctx: Context, found: Request, contributor: Address, own: int, wanted: Specification
) -> None:
    """Raise _Unfit for who could not submit anyway: gold is set aside for those only who hold the bond."""
    assert wanted.gold is not None
    total = own + gold_count(own, wanted.gold.share_bps)
    if contributor == found.buyer:
        raise _Unfit("a buyer cannot contribute to its own request")
    if total > found.records_left:
        raise _Unfit(f"the request takes {found.records_left} more and these would be {total} with gold")
    bond, reserve = requests.reservation(ctx.chain, found, total)
    if reserve > found.free:
        raise _Unfit(f"the escrow has {found.free} free and these would take {reserve}")
    held = ctx.chain.at("MarketToken", found.token).call("balanceOf", contributor)
    if held < bond:
        raise _Unfit(f"the bond is {bond} and the account holds {held}")
    roots, now = {case.root for case in ctx.docket.cases.values()}, ctx.docket.refresh().timestamp
    waiting = [
        mix
        for mix in mixes(ctx).values()
        if (mix.request, mix.contributor) == (int(found.id), contributor)
        and mix.root not in roots
        and not mix.is_returned
        and mix.valid_until >= now
    ]
    if len(waiting) >= MAX_LIVE:
        raise _Unfit(f"{len(waiting)} mixes wait to be submitted: submit those first")


def _undisturbed(ctx: Context, mix: Mix, own: pa.Table, pool: _Pool) -> pa.Table:
    """Return records mixed so that the checks refuse of them what they would refuse without gold, and no gold.

    Gold that a check refuses tests nobody's care; where gold would let a record of the contributor's be refused, there is none.
    """
    from sheaf.domain.canonical import record_digests

    assert pool.wanted.gold is not None
    rng = np.random.default_rng(int.from_bytes(_secret(ctx, "places", mix), "big"))
    room = parameters.get(ctx.chain, "record_max") - own.num_rows
    count = gold_count(own.num_rows, pool.wanted.gold.share_bps, room)
    if _has_lost_journals(ctx, mix.request):
        # Which of the stock has served is not known any more: none of it serves again.
        count = 0
    barred = {digest for made in mixes(ctx).values() if not made.is_returned for digest in made.used}
    barred |= set(_cut(record_digests(own)))
    expected = _refused(ctx, mix, own, pool.wanted)
    for _ in range(ATTEMPTS if count else 0):
        table = _mixed(mix, own, _draw(pool, barred, count, rng), rng)
        others = sorted(set(range(mix.records)) - set(mix.places))
        found = _refused(ctx, mix, table, pool.wanted)
        spoilt = found & set(mix.places)
        if found - spoilt != {others[row] for row in expected}:
            break
        if not spoilt:
            return table
        barred |= {mix.used[mix.places.index(place)] for place in spoilt}
    return _mixed(mix, own, _draw(pool, barred, 0, rng), rng)


def _refused(ctx: Context, mix: Mix, table: pa.Table, wanted: Specification) -> set[int]:
    found = self_check(wanted, RequestId(mix.request), table, sample_read_by(ctx, wanted))
    return {one.record for one in found if one.is_refusal}


def _draw(
    pool: _Pool, barred: set[bytes], count: int, rng: np.random.Generator
) -> tuple[pa.Table, NDArray[np.bool_]]:
    """Return `count` records of the stock that are not barred, or as many as there are, and which of them are wrong: half."""
    import pyarrow as pa

    right, wrong = (_fresh(table, barred) for table in (pool.right, pool.wrong))
    refused = min(count // 2 + int(count % 2 and rng.random() < 0.5), len(wrong))
    kept = min(count - refused, len(right))
    rows = [rng.permutation(found)[:many] for found, many in ((right, kept), (wrong, refused))]
    drawn = pa.concat_tables([pool.right.take(rows[0]), pool.wrong.take(rows[1])])
    return drawn, np.arange(len(drawn)) >= kept


def _mixed(
    mix: Mix, own: pa.Table, drawn: tuple[pa.Table, NDArray[np.bool_]], rng: np.random.Generator
) -> pa.Table:
    """Return a contributor's records, in their order, with what was drawn among them, and note in `mix` where it lies.

    Where the stock has run out there is less gold or none: nobody else can tell.
    """
    import pyarrow as pa

    from sheaf.domain.canonical import record_digests

    gold, is_wrong = drawn
    total = own.num_rows + len(gold)
    places = rng.permutation(total)[: len(gold)]
    order = np.empty(total, np.int64)
    order[np.setdiff1d(np.arange(total), places)] = np.arange(own.num_rows)
    order[places] = own.num_rows + np.arange(len(gold))
    mix.records = total
    mix.places, mix.wrong = sorted(places.tolist()), sorted(places[is_wrong].tolist())
    mix.used = _cut(record_digests(gold.take(np.argsort(places)))) if len(gold) else []
    return pa.concat_tables([own, gold]).take(order).combine_chunks()


def _has_lost_journals(ctx: Context, request: int) -> bool:
    """Tell whether submissions were mixed here that no journal speaks of."""
    known = {mix.root for mix in mixes(ctx).values()}
    return any(
        case.request == request and case.custodian == ctx.account and case.root not in known
        for case in ctx.docket.cases.values()
        if _is_own(ctx, case)
    )


def _is_own(ctx: Context, case: Case) -> bool:
    """Tell whether this account has vouched for a submission."""
    wanted = wanted_of(ctx, case.request)
    return bool(wanted and wanted.gold and slips.is_vouched(ctx, case, wanted.gold))


def _fresh(table: pa.Table, barred: set[bytes]) -> NDArray[np.int64]:
    """Return the rows of a part of the stock that are not barred."""
    from sheaf.domain.canonical import record_digests

    digests = _cut(record_digests(table)) if table.num_rows else []
    return np.array([row for row, digest in enumerate(digests) if digest not in barred], np.int64)


def _cut(digests: bytes) -> list[bytes]:
    from sheaf.domain.canonical import DIGEST_BYTES

    return [digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES)]


def _secret(ctx: Context, what: str, mix: Mix) -> bytes:
    label = f"gold {what} {ctx.market} {mix.request} {mix.contributor.lower()} ".encode()
    return ctx.sender.derive_secret(label + mix.wanted)


def _folder(ctx: Context) -> Path:
    return ctx.folder / "gold"
