"""Find datasets: list, search, show one with its manifest, its prices and who may compute on it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sheaf.domain.dataset import USES, DatasetId, Parent, use_number
from sheaf.domain.errors import IntegrityError, Missing, SheafError
from sheaf.formats.datasets import manifest as manifests
from sheaf.formats.datasets.manifest import Manifest
from sheaf.market import compute_orders, fixed_price, royalties
from sheaf.market.compute_orders import Service
from sheaf.market.fixed_price import Offer
from sheaf.registry import datasets
from sheaf.registry.datasets import Listing

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.domain.ids import Cid


@dataclass(frozen=True)
class Dataset:
    """A dataset as buyers see it. `manifest` is None where no store has it; `providers` are accounts by their number.

    `income` is all it ever earned in the market token, its parents' parts included.
    """

    number: DatasetId
    chain: Listing
    cid: Cid
    manifest: Manifest | None
    offers: dict[str, Offer]
    service: Service | None = None
    providers: dict[int, str] = field(default_factory=dict)
    parents: list[Parent] = field(default_factory=list)
    income: int = 0


def list_datasets(ctx: Context, *, is_all: bool = False) -> list[Dataset]:
    """Return all datasets that are offered, the newest first; `is_all` adds those that were withdrawn or have no offer."""
    found = [_seen(ctx, number) for number in range(datasets.count(ctx.chain), 0, -1)]
    return [one for one in found if is_all or (one.offers and not one.chain.is_withdrawn)]


def search_datasets(
    ctx: Context, words: str, use: str | None = None, most: int | None = None
) -> list[Dataset]:
    """Return offered datasets in which every word stands (title, description, datasheet, fields, licence), the best match first.

    `use` asks for an offer of that kind, `most` for one of at most so many smallest units. Raises InputError for an unknown use.
    """
    if use is not None:
        use_number(use)
    wanted = words.lower().split()
    ranked = []
    for one in list_datasets(ctx):
        prices = [offer.price for name, offer in one.offers.items() if use in (None, name)]
        text = one.manifest.words if one.manifest else ""
        if (
            not prices
            or (most is not None and min(prices) > most)
            or any(word not in text for word in wanted)
        ):
            continue
        title = one.manifest.title.lower() if one.manifest else ""
        score = sum(2 * (word in title) + min(text.count(word), 5) for word in wanted)
        ranked.append((-score, -one.number, one))
    return [one for *_, one in sorted(ranked, key=lambda row: row[:2])]


def show_dataset(ctx: Context, dataset: int) -> Dataset:
    """Return one dataset with its service, its providers, its parents and what it earned. Raises InputError if there is none."""
    from dataclasses import replace

    seen = _seen(ctx, dataset)
    seated = {number for number in compute_orders.providers_of(ctx.chain, dataset) if number}
    return replace(
        seen,
        service=compute_orders.service_of(ctx.chain, dataset),
        providers={number: compute_orders.account_of(ctx.chain, number) for number in sorted(seated)},
        parents=datasets.parents_of(ctx.chain, dataset),
        income=royalties.income(ctx.chain, dataset, ctx.token),
    )


def manifest_of(ctx: Context, dataset: int, version: int | None = None) -> Manifest:
    """Return a version of a dataset's manifest (the newest). Raises Missing where no store has it, SpecificationError, IntegrityError."""
    listing = datasets.listing(ctx.chain, dataset)
    digest = listing.manifest if version is None else datasets.manifest_of(ctx.chain, dataset, version)
    return _read(ctx, digest)


def _seen(ctx: Context, number: int) -> Dataset:
    from sheaf.store.cid import from_digest

    listing = datasets.listing(ctx.chain, number)
    offers = {name: fixed_price.offer_of(ctx.chain, number, use) for name, use in USES.items()}
    try:
        manifest = _read(ctx, listing.manifest)
    except SheafError:
        manifest = None
    return Dataset(
        DatasetId(number),
        listing,
        from_digest(listing.manifest),
        manifest,
        {name: offer for name, offer in offers.items() if offer is not None},
    )


def _read(ctx: Context, digest: bytes) -> Manifest:
    from sheaf.store.cid import from_digest

    cid = from_digest(digest)
    if ctx.store.size(cid) > manifests.MAX_BYTES:
        raise Missing(f"manifest: {cid}: too large to be one")
    data = ctx.store.get(cid)
    if hashlib.sha256(data).digest() != digest:
        raise IntegrityError(f"manifest: {cid}: not what the chain names")
    return manifests.parse(data)
