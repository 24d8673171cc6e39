"""Fixed prices: what one use of a dataset costs, and its sale ahead of use (twin of FixedPrice.vy, and the calls upon it)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sheaf.domain.errors import InputError, Refused
from sheaf.domain.ids import ZERO_ADDRESS, Address
from sheaf.market.datatoken import DatatokenTwin

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer
    from sheaf.domain.dataset import Registry
    from sheaf.market.royalties import RoyaltiesTwin

CONTRACT = "FixedPrice"
USES = 15
LIMIT = 2**96


class Offer(NamedTuple):
    """What one use costs, in the token's smallest unit; with no token it is not offered."""

    token: str
    price: int


@dataclass
class FixedPriceTwin:
    """The rules of FixedPrice.vy in plain integers, for one token; refuses with the contract's own words."""

    datasets: Registry
    royalties: RoyaltiesTwin
    token: str
    offers: dict[tuple[int, int], Offer] = field(default_factory=dict)
    datatokens: defaultdict[tuple[int, int], DatatokenTwin] = field(
        default_factory=lambda: defaultdict(DatatokenTwin)
    )

    def offer(self, sender: str, dataset: int, use: int, price: int, *, is_offered: bool = True) -> None:
        """Set what one use costs, or take the offer back."""
        _require(self.datasets.owner_of(dataset) == sender, "fixed_price: not the owner")
        _require(0 < use <= USES, "fixed_price: no such use")
        _require(price < LIMIT, "fixed_price: price too large")
        _require(is_offered or price == 0, "fixed_price: no token")
        self.offers[dataset, use] = Offer(self.token if is_offered else ZERO_ADDRESS, price)

    def offer_of(self, dataset: int, use: int) -> Offer:
        """Return what one use costs."""
        return self.offers.get((dataset, use), Offer(ZERO_ADDRESS, 0))

    def buy(self, sender: str, dataset: int, use: int, uses: int, most: int) -> int:
        """Buy uses ahead; return what was paid."""
        offer = self.offer_of(dataset, use)
        _require(offer.token != ZERO_ADDRESS, "fixed_price: not offered")
        _require(0 < uses < LIMIT, "fixed_price: no uses")
        self.datasets.admit(dataset, sender)
        total = offer.price * uses
        _require(total <= most, "fixed_price: dearer than the buyer allows")
        if total:
            self.royalties.note(dataset, total)
        self.datatokens[dataset, use].mint(sender, uses)
        return total


def offer(chain: Chain, signer: Signer, dataset: int, use: int, terms: Offer) -> Receipt:
    """Set what one use costs, or take the offer back (no token), as the owner. Raises InputError for a price out of bounds."""
    check_price(terms.price)
    return chain.send(signer, CONTRACT, "offer", int(dataset), use, terms.token, terms.price)


def check_price(price: int) -> None:
    """Refuse a price that no contract would take. Raises InputError."""
    if not 0 <= price < LIMIT:
        raise InputError("price", price, "give smallest units from 0, below 2**96")


def offer_of(chain: Chain, dataset: int, use: int) -> Offer | None:
    """Return what one use costs, None where it is not offered."""
    found = Offer(*chain.call(CONTRACT, "offer_of", int(dataset), use))
    return None if found.token == ZERO_ADDRESS else found


def datatoken_of(chain: Chain, dataset: int, use: int) -> Address:
    """Return where the datatoken of a use is, or will be."""
    return Address(chain.call(CONTRACT, "datatoken_of", int(dataset), use))


def buy(chain: Chain, signer: Signer, dataset: int, use: int, uses: int, most: int) -> Receipt:
    """Buy uses ahead, as datatokens, for at most `most` in all."""
    return chain.send(signer, CONTRACT, "buy", int(dataset), use, uses, most)


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)
