"""How far an order is, as its buyer needs to know it: when its answer may leave, whether it came, when the money can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sheaf.actions.compute.placed import Placed, declined, handed, placed, policy_of
from sheaf.actions.datasets.find import manifest_of
from sheaf.domain.errors import IntegrityError, Missing, StoreError
from sheaf.domain.order import DOWNLOAD
from sheaf.market import compute_orders
from sheaf.market.compute_orders import ACCEPTED, DELIVERED, DISPUTED, PLACED, REFUNDED

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address

NONE, STATED_ONLY, FORGED, COME, UNKNOWN = "none", "stated", "forged", "come", "unknown"


class Progress(msgspec.Struct, frozen=True):
    """An order with all its times (Unix seconds, 0 where there is none) and its money (`paid`, smallest units of `token`).

    `answer` is none, stated (its hash is on the chain, its bytes have not come), forged (bytes came, its provider's signature
    did not), come, or unknown to who is not its buyer. A job's answer leaves `hold_seconds` after it began at the earliest, and so not
    before `answer_at`. `back_at` is from when all money can be had back where no answer was stated: 0 while the buyer can cancel at once,
    or never. A deterministic job may be disputed until `dispute_until`, and `others` more providers could repeat it. `declined` is
    why its provider does not take it on, as far as it told its buyer.
    """

    order: int
    dataset: int
    version: int
    use: str
    state: str
    buyer: str
    provider: str
    token: str
    paid: int
    seconds: int
    hold_seconds: float
    answer: str
    answer_at: int
    back_at: int
    dispute_until: int
    others: int
    declined: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens on the chain."""
        return self.state in ("settled", "refunded")

    @property
    def is_withheld(self) -> bool:
        """Whether a result is stated of which no bytes came."""
        return self.answer in (STATED_ONLY, FORGED)


def progress(ctx: Context, number: int, reader: Context | None = None) -> Progress:
    """Return how far an order is; `reader` acts as its buyer where whether the answer came is to be known.

    Raises InputError if there is no such order.
    """
    one = placed(ctx, number)
    chain = one.chain
    accepted_at = chain.until - chain.seconds if chain.phase == ACCEPTED else 0
    hold = _hold_seconds(ctx, one)
    is_open = chain.phase == DELIVERED and chain.is_deterministic
    return Progress(
        order=number,
        dataset=chain.dataset,
        version=one.version,
        use=chain.use_name,
        state=chain.state,
        buyer=chain.buyer,
        provider=str(compute_orders.account_of(ctx.chain, chain.provider)),
        token=chain.token,
        paid=chain.price + chain.fee,
        seconds=chain.seconds,
        hold_seconds=hold,
        answer=_answer(reader, one),
        answer_at=int(accepted_at + hold) if accepted_at else 0,
        back_at=chain.until if chain.phase in (ACCEPTED, DISPUTED) else 0,
        dispute_until=chain.until if is_open and chain.fee else 0,
        others=_others(ctx, one) if is_open else 0,
        declined=declined(reader, one) if reader is not None and _is_waiting(reader, one) else "",
    )


def _is_waiting(reader: Context, one: Placed) -> bool:
    return one.chain.phase == PLACED and reader.account == one.chain.buyer


def _hold_seconds(ctx: Context, one: Placed) -> float:
    """Return how long a job's answer is kept at least; 0 where the manifest cannot be read, or records are handed over whole."""
    if one.chain.use_name == DOWNLOAD:
        return 0.0
    try:
        policy = policy_of(manifest_of(ctx, one.chain.dataset, one.version))
    except StoreError:
        return 0.0
    return policy.limits.wall_seconds / policy.release_times


def _answer(reader: Context | None, one: Placed) -> str:
    if one.chain.phase in (PLACED, ACCEPTED, REFUNDED) or not any(one.chain.result):
        return NONE
    if reader is None or reader.account != one.chain.buyer:
        return UNKNOWN
    try:
        handed(reader, one)
    except Missing:
        return STATED_ONLY
    except IntegrityError:
        return FORGED
    return COME


def _others(ctx: Context, one: Placed) -> int:
    """Return how many providers other than the order's and its buyer have a seat at the dataset now."""
    from sheaf.domain.ids import Address

    buyer: Address = Address(one.chain.buyer)
    own = {0, one.chain.provider, compute_orders.provider_of(ctx.chain, buyer)}
    return len(set(compute_orders.providers_of(ctx.chain, one.chain.dataset)) - own)
