"""Datasets: ERC-721 tokens whose manifests are versioned and whose lineage is weighted (twin of Datasets.vy, and the calls upon it)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sheaf.domain.amounts import BPS
from sheaf.domain.dataset import PARENTS, DatasetId, Parent
from sheaf.domain.errors import InputError, Refused
from sheaf.domain.ids import ZERO_ADDRESS

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer
    from sheaf.domain.ids import Address

CONTRACT = "Datasets"
EMPTY = bytes(32)


class Listing(NamedTuple):
    """A dataset as the chain has it; `manifest` is the SHA-256 in the newest manifest's CID (CIDv1, raw), `licence` an SPDX identifier."""

    owner: str
    creator: str
    royalty_bps: int
    versions: int
    is_withdrawn: bool
    manifest: bytes
    licence: str


@dataclass
class _Held:
    owner: str
    creator: str
    royalty_bps: int
    parents: tuple[Parent, ...]
    manifests: list[bytes]
    licence: bytes
    is_withdrawn: bool = False
    revoked: set[str] = field(default_factory=set)


@dataclass
class DatasetsTwin:
    """The rules of Datasets.vy; refuses with the contract's own words."""

    held: dict[int, _Held] = field(default_factory=dict)

    def publish(
        self, sender: str, manifest: bytes, licence: bytes, royalty_bps: int, parents: Sequence[Parent] = ()
    ) -> int:
        """Register a dataset; return its number."""
        _require(manifest != EMPTY, "datasets: no manifest")
        _require(licence != EMPTY, "datasets: no licence")
        _require(royalty_bps <= BPS, "datasets: royalty above the whole")
        number, total = len(self.held) + 1, 0
        for one in parents:
            _require(0 < one.dataset < number, "datasets: no such parent")
            least = self.held[one.dataset].royalty_bps
            _require(one.weight_bps >= max(1, least), "datasets: weight below the parent's royalty")
            total += one.weight_bps
            _require(total <= BPS, "datasets: weights above the whole")
        self.held[number] = _Held(sender, sender, royalty_bps, tuple(parents), [manifest], licence)
        return number

    def add_version(self, sender: str, dataset: int, manifest: bytes, licence: bytes) -> None:
        """Offer another manifest from now on."""
        one = self._owned(sender, dataset)
        _require(manifest != EMPTY, "datasets: no manifest")
        _require(licence != EMPTY, "datasets: no licence")
        one.manifests.append(manifest)
        one.licence = licence

    def withdraw(self, sender: str, dataset: int, is_withdrawn: bool) -> None:
        """End new purchases and orders, or begin them again."""
        self._owned(sender, dataset).is_withdrawn = is_withdrawn

    def revoke(self, sender: str, dataset: int, account: str, is_revoked: bool) -> None:
        """Sell nothing more to an account, or sell to it again."""
        revoked = self._owned(sender, dataset).revoked
        revoked.add(account) if is_revoked else revoked.discard(account)

    def transfer(self, sender: str, to: str, dataset: int) -> None:
        """Hand a dataset's token on."""
        _require(dataset in self.held, "erc721: invalid token ID")
        _require(self.held[dataset].owner == sender, "erc721: caller is not token owner or approved")
        self.held[dataset].owner = to

    def owner_of(self, dataset: int) -> str:
        """Return who owns a dataset, the zero address if there is none."""
        return self.held[dataset].owner if dataset in self.held else ZERO_ADDRESS

    def admit(self, dataset: int, buyer: str) -> int:
        """Return the version that a buyer gets now."""
        _require(dataset in self.held, "datasets: no such dataset")
        one = self.held[dataset]
        _require(not one.is_withdrawn, "datasets: withdrawn")
        _require(buyer not in one.revoked, "datasets: revoked")
        return len(one.manifests)

    def parents_of(self, dataset: int) -> tuple[Parent, ...]:
        """Return what a dataset was made from."""
        return self.held[dataset].parents if dataset in self.held else ()

    def royalty(self, dataset: int, price: int) -> tuple[str, int]:
        """Return whom resale at a price pays, and what (ERC-2981)."""
        if dataset not in self.held:
            return ZERO_ADDRESS, 0
        one = self.held[dataset]
        return one.creator, price * one.royalty_bps // BPS

    def _owned(self, sender: str, dataset: int) -> _Held:
        _require(self.owner_of(dataset) == sender, "datasets: not the owner")
        return self.held[dataset]


def licence_word(text: str) -> bytes:
    """Return a licence's SPDX identifier as the chain keeps it: ASCII, padded to 32 bytes. Raises InputError if it does not fit."""
    if not text or not text.isascii() or not text.isprintable() or len(text) > 32:
        raise InputError(
            "licence", text, "give an SPDX identifier of 1 to 32 ASCII characters, such as CC-BY-4.0"
        )
    return text.encode().ljust(32, b"\0")


def check_parents(parents: Sequence[Parent]) -> None:
    """Refuse a lineage that no contract would take. Raises InputError."""
    if len(parents) > PARENTS:
        raise InputError("parents", len(parents), f"name at most {PARENTS}")
    for one in parents:
        if not 0 < one.dataset < 2**32:
            raise InputError("parent", one.dataset, "give a dataset's number")
        if not 0 < one.weight_bps <= BPS:
            raise InputError("weight", one.weight_bps, "give 1 to 10000 hundredths of a per cent")
    if sum(one.weight_bps for one in parents) > BPS:
        raise InputError("weights", sum(one.weight_bps for one in parents), "give at most 10000 in all")


def publish(
    chain: Chain,
    signer: Signer,
    manifest: bytes,
    licence: str,
    royalty_bps: int = 0,
    parents: Sequence[Parent] = (),
) -> DatasetId:
    """Register a dataset with the SHA-256 of its manifest's CID; return its number. Raises InputError."""
    check_parents(parents)
    if not 0 <= royalty_bps <= BPS:
        raise InputError("royalty", royalty_bps, "give 0 to 10000 hundredths of a per cent")
    lineage = [tuple(one) for one in parents]
    done = chain.send(signer, CONTRACT, "publish", manifest, licence_word(licence), royalty_bps, lineage)
    return DatasetId(int(done.event("DatasetPublished").args["dataset"]))


def add_version(chain: Chain, signer: Signer, dataset: int, manifest: bytes, licence: str) -> Receipt:
    """Offer another manifest from now on, as the owner."""
    return chain.send(signer, CONTRACT, "add_version", int(dataset), manifest, licence_word(licence))


def withdraw(chain: Chain, signer: Signer, dataset: int, is_withdrawn: bool = True) -> Receipt:
    """End new purchases and orders of a dataset, or begin them again, as the owner."""
    return chain.send(signer, CONTRACT, "withdraw", int(dataset), is_withdrawn)


def revoke(chain: Chain, signer: Signer, dataset: int, account: Address, is_revoked: bool = True) -> Receipt:
    """Sell nothing more of a dataset to an account, or sell to it again, as the owner."""
    return chain.send(signer, CONTRACT, "revoke", int(dataset), account, is_revoked)


def count(chain: Chain) -> int:
    """Return how many datasets were ever published: their numbers are 1 to this."""
    return int(chain.call(CONTRACT, "count"))


def listing(chain: Chain, dataset: int) -> Listing:
    """Return a dataset as the chain has it. Raises InputError if there is none of that number."""
    found = Listing(*chain.call(CONTRACT, "dataset", int(dataset))) if 0 < dataset < 2**32 else None
    if found is None or found.owner == ZERO_ADDRESS:
        raise InputError("dataset", dataset, "see `sheaf dataset list`")
    return found._replace(licence=bytes(found.licence).rstrip(b"\0").decode("ascii", "replace"))  # type: ignore[arg-type]


def manifest_of(chain: Chain, dataset: int, version: int) -> bytes:
    """Return the SHA-256 of one version's manifest, versions counted from 1. Raises InputError if there is none."""
    found = bytes(chain.call(CONTRACT, "manifest_of", int(dataset), version))
    if found == EMPTY:
        raise InputError("version", version, f"see `sheaf dataset show {dataset}`")
    return found


def parents_of(chain: Chain, dataset: int) -> list[Parent]:
    """Return what a dataset was made from."""
    return [Parent(*one) for one in chain.call(CONTRACT, "parents_of", int(dataset))]


def is_revoked(chain: Chain, dataset: int, account: Address) -> bool:
    """Tell whether a dataset's owner sells nothing more to an account."""
    return bool(chain.call(CONTRACT, "is_revoked", int(dataset), account))


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)
