"""Stock: the buyer's records with known answers, half of them made wrong, encrypted for their keeper."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sheaf.actions.account import require_address
from sheaf.actions.cases import letters
from sheaf.actions.cases.examine import read_records, self_check
from sheaf.actions.cases.reading import sample_read_by
from sheaf.actions.gold import slips
from sheaf.domain.amounts import BPS
from sheaf.domain.errors import InputError, IntegrityError, Missing, RecordError, SheafError
from sheaf.domain.ids import RequestId
from sheaf.domain.request import GoldTerms
from sheaf.review.scores import GOLD_LIMIT

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address
    from sheaf.domain.request import Specification

SHARE_BPS = 1500
MAX_STOCK_BYTES = 1 << 28


@dataclass(frozen=True)
class Gold:
    """What a buyer gives as gold: a file (or table) of records that are right, how many of a batch, and who keeps it.

    Half of the records are made wrong in the field that reviewers judge, unless `wrong` gives others that have to be refused.
    """

    records: Path | pa.Table
    keeper: Address
    share_bps: int = SHARE_BPS
    wrong: Path | pa.Table | None = None


class Stock(msgspec.Struct):
    """A stock in the store: Parquet of the records to be approved and of those to be refused."""

    right: bytes
    wrong: bytes


def gold_count(own: int, share_bps: int, room: int = GOLD_LIMIT) -> int:
    """Return how many gold records `own` records get, so that they are `share_bps` of the batch: rounded up, at most `room`."""
    return max(0, min(-(-own * share_bps // (BPS - share_bps)), GOLD_LIMIT, room))


def publish_gold(ctx: Context, gold: Gold, specification: Specification) -> GoldTerms:
    """Put gold into the store, encrypted, seal its key to the keeper, and return what the specification says of it.

    The same gold for the same keeper gives the same terms. Raises InputError or RecordError where it is not fit to test anyone.
    """
    from sheaf.formats import parquet
    from sheaf.store.envelope import encrypt

    keeper = require_address("keeper", gold.keeper)
    if keeper == ctx.account:
        fix = "name another: a keeper holds the records before they are paid for"
        raise InputError("keeper", keeper, fix)
    if isinstance(gold.share_bps, bool) or not 1 <= gold.share_bps <= 5000:
        raise InputError("gold-share", gold.share_bps, "give 1 to 5000, hundredths of a per cent")
    right, wrong = _parted(ctx, gold, specification)
    data = msgspec.msgpack.encode(Stock(parquet.write(right), parquet.write(wrong)))
    digest = hashlib.sha256(data).digest()
    key = ctx.sender.derive_secret(b"gold stock " + slips.stock_context(ctx, keeper) + digest)
    bound = slips.stock_context(ctx, keeper)
    cid = ctx.store.put(encrypt(key, data, bound, digest))
    sealed = letters.seal_to(ctx, key, keeper, bound)
    if sealed is None:
        raise InputError("keeper", keeper, "it has published no usable reading key: let it publish one")
    letters.post(ctx, slips.stock_topic(ctx, cid), slips.StockLetter(sealed))
    return GoldTerms(keeper, cid, gold.share_bps)


def fetch_stock(ctx: Context, wanted: Specification) -> tuple[pa.Table, pa.Table]:
    """Return, as its keeper, the gold of a request: records to be approved, and records to be refused.

    Raises Missing while key or content have not come, IntegrityError if it is no stock.
    """
    from sheaf.formats import parquet, schema
    from sheaf.store.envelope import decrypt

    assert wanted.gold is not None
    cid, bound = wanted.gold.stock, slips.stock_context(ctx, ctx.account)
    form = schema.compile(wanted.schema)
    for letter in letters.read(ctx, slips.stock_topic(ctx, cid), slips.StockLetter):
        try:
            key = ctx.reading_key.open(letter.sealed, bound)
            data = b""
            for piece in decrypt(key, ctx.store.stream(cid), bound):
                data += piece
                if len(data) > MAX_STOCK_BYTES:
                    raise IntegrityError(f"gold: over {MAX_STOCK_BYTES} bytes: it is not read")
            stock = msgspec.msgpack.decode(data, type=Stock)
            right, wrong = (form.cast(parquet.read(part)) for part in (stock.right, stock.wrong))
            return right, wrong
        except Missing:
            raise
        except (SheafError, msgspec.DecodeError, ValueError) as error:
            letters.ignore(ctx, f"stock that cannot be taken ({type(error).__name__})", letter.sealed)
    raise Missing(f"gold {cid}: no key to it has come from the buyer")


def _parted(ctx: Context, gold: Gold, wanted: Specification) -> tuple[pa.Table, pa.Table]:
    """Return right and wrong records in the form of the schema. Raises where the objective checks would refuse any."""
    import pyarrow as pa

    right = read_records(gold.records, wanted)
    if gold.wrong is not None:
        wrong = read_records(gold.wrong, wanted)
    else:
        right, wrong = _spoilt(ctx, right, wanted)
    if not (right.num_rows and wrong.num_rows):
        raise InputError("gold", right.num_rows + wrong.num_rows, "give records of both kinds: two or more")
    both = pa.concat_tables([right, wrong])
    refusals = [
        one for one in self_check(wanted, RequestId(0), both, sample_read_by(ctx, wanted)) if one.is_refusal
    ]
    if refusals:
        first = refusals[0]
        where = f"gold, record {first.record}"
        fix = f"{first.detail or 'a check refuses it'}: gold that a check refuses tests nobody's care"
        raise RecordError(where, first.code, fix)
    return right, wrong


def _spoilt(ctx: Context, table: pa.Table, wanted: Specification) -> tuple[pa.Table, pa.Table]:
    """Return half of the records as they are, and half with another of the labels that occur; which, only this account knows."""
    import pyarrow as pa

    if wanted.label is None:
        raise InputError(
            "gold", "no label", "give records that have to be refused too: nothing can be made wrong"
        )
    place = table.schema.get_field_index(wanted.label)
    labels = table.column(place).to_pylist()
    kinds = list(dict.fromkeys(label for label in labels if label is not None))
    if len(kinds) < 2:
        raise InputError(
            "gold", f"{len(kinds)} labels", f"give records with two or more values of {wanted.label}"
        )
    digest = hashlib.sha256(repr(labels).encode()).digest()
    seed = ctx.sender.derive_secret(b"gold that is made wrong " + digest)
    rng = np.random.default_rng(int.from_bytes(seed, "big"))
    rows = rng.permutation(table.num_rows)
    wrong = np.sort(rows[: table.num_rows // 2])
    changed = [_other(kinds, labels[row], rng) for row in wrong.tolist()]
    field = table.schema.field(place)
    spoilt = table.take(wrong).set_column(place, field, pa.array(changed, field.type))
    return table.take(np.sort(rows[table.num_rows // 2 :])), spoilt


def _other(kinds: list[object], label: object, rng: np.random.Generator) -> object:
    others = [kind for kind in kinds if kind != label]
    return others[int(rng.integers(len(others)))]
