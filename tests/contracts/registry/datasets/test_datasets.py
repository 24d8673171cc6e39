"""Datasets: tokens whose manifests are versioned and whose lineage is weighted, and what everyone is refused."""

from __future__ import annotations

import boa
import pytest

from sheaf.domain.dataset import Parent
from sheaf.domain.errors import Refused
from sheaf.registry.datasets import DatasetsTwin
from tests.contracts.data_world import BUYER, LICENCE, MANIFEST, OUTSIDER, OWNER, DataWorld

ZERO = "0x" + "00" * 20
CREATOR_ROYALTY = 750


def test_a_dataset_is_a_token_with_versions(trade: DataWorld) -> None:
    """Publishing mints a token; a new version is offered from then on, and the former stay readable by their number."""
    datasets = trade.datasets
    number = trade.publish(CREATOR_ROYALTY)
    assert (datasets.ownerOf(number), datasets.balanceOf(OWNER), datasets.totalSupply()) == (OWNER, 1, number)
    datasets.add_version(number, b"\x33" * 32, b"MIT".ljust(32, b"\0"), sender=OWNER)
    event = datasets.get_logs()[0]
    assert (event.dataset, event.version, event.manifest) == (number, 2, b"\x33" * 32)
    found = datasets.dataset(number)
    assert (found.versions, found.manifest, found.licence[:4]) == (2, b"\x33" * 32, b"MIT\0")
    assert [datasets.manifest_of(number, i) for i in (0, 1, 2)] == [bytes(32), MANIFEST, b"\x33" * 32]
    assert datasets.admit(number, BUYER) == 2


def test_royalty_goes_to_who_published(trade: DataWorld) -> None:
    """ERC-2981 names the publisher, whoever owns the token now; the royalty is rounded down; unknown tokens owe nothing."""
    number = trade.publish(CREATOR_ROYALTY)
    trade.datasets.transferFrom(OWNER, BUYER, number, sender=OWNER)
    assert tuple(trade.datasets.royaltyInfo(number, 999)) == (OWNER, 74)
    assert tuple(trade.datasets.royaltyInfo(number + 1, 999)) == (ZERO, 0)
    assert trade.datasets.owner_of(number) == BUYER and trade.datasets.dataset(number).creator == OWNER
    assert trade.datasets.owner_of(number + 1) == ZERO


def test_the_uri_is_the_manifests_cid(trade: DataWorld) -> None:
    """The token's URI is the CID of the newest manifest in base 16, which any reader of CIDs takes."""
    number = trade.publish()
    manifest = bytes(range(0xA0, 0xC0))
    trade.datasets.add_version(number, manifest, LICENCE, sender=OWNER)
    assert trade.datasets.tokenURI(number) == "ipfs://f01551220" + manifest.hex()
    with boa.reverts("erc721: invalid token ID"):
        trade.datasets.tokenURI(number + 1)


def test_standards_are_announced(trade: DataWorld) -> None:
    """ERC-165 names ERC-721, its metadata, enumeration and permit, and ERC-2981, and not what is not kept."""
    kept = ("01ffc9a7", "80ac58cd", "5b5e139f", "780e9d63", "589c5ce2", "2a55205a")
    assert all(trade.datasets.supportsInterface(bytes.fromhex(one)) for one in kept)
    assert not any(trade.datasets.supportsInterface(bytes.fromhex(one)) for one in ("ffffffff", "49064906"))


def test_lineage_is_kept_and_has_no_circle(trade: DataWorld) -> None:
    """Up to five parents with their weights, none of them later than the child, none below its parent's royalty, no more than all."""
    parent, other = trade.publish(CREATOR_ROYALTY), trade.publish()
    lineage = [(parent, CREATOR_ROYALTY), (other, 1), (parent, 9000), (other, 200), (other, 49)]
    child = trade.publish(parents=lineage)
    assert [tuple(one) for one in trade.datasets.parents_of(child)] == lineage
    assert trade.datasets.parents_of(parent) == []
    refusals = {
        "datasets: no such parent": [(child + 1, 1000)],
        "datasets: weight below the parent's royalty": [(parent, CREATOR_ROYALTY - 1)],
        "datasets: weights above the whole": [(parent, 9999), (other, 2)],
    }
    twin = DatasetsTwin()
    for royalty in (CREATOR_ROYALTY, 0, 0):
        twin.publish(OWNER, MANIFEST, LICENCE, royalty)
    for reason, parents in refusals.items():
        with boa.reverts(reason):
            trade.publish(parents=parents)
        with pytest.raises(Refused, match=reason):
            twin.publish(OWNER, MANIFEST, LICENCE, 0, [Parent(*one) for one in parents])
    with boa.reverts("datasets: no such parent"):
        trade.publish(parents=[(0, 1)])
    with boa.reverts("datasets: weight below the parent's royalty"):
        trade.publish(parents=[(other, 0)])


def test_what_cannot_be_published(trade: DataWorld) -> None:
    """A dataset has a manifest and a licence and a royalty of at most the whole, in each of its versions."""
    for manifest, licence, royalty, reason in (
        (bytes(32), LICENCE, 0, "datasets: no manifest"),
        (MANIFEST, bytes(32), 0, "datasets: no licence"),
        (MANIFEST, LICENCE, 10_001, "datasets: royalty above the whole"),
    ):
        with boa.reverts(reason):
            trade.datasets.publish(manifest, licence, royalty, [], sender=OWNER)
        with pytest.raises(Refused, match=reason):
            DatasetsTwin().publish(OWNER, manifest, licence, royalty)
    number = trade.publish()
    with boa.reverts("datasets: no manifest"):
        trade.datasets.add_version(number, bytes(32), LICENCE, sender=OWNER)
    with boa.reverts("datasets: no licence"):
        trade.datasets.add_version(number, MANIFEST, bytes(32), sender=OWNER)


def test_only_the_owner_decides(trade: DataWorld) -> None:
    """Versions, withdrawal and revoking are the owner's alone, and go with the token."""
    number, datasets = trade.publish(), trade.datasets
    steps = (
        lambda who: datasets.add_version(number, MANIFEST, LICENCE, sender=who),
        lambda who: datasets.withdraw(number, True, sender=who),
        lambda who: datasets.revoke(number, BUYER, True, sender=who),
    )
    for step in steps:
        for who in (BUYER, OUTSIDER, trade.governor):
            with boa.reverts("datasets: not the owner"):
                step(who)
    datasets.transferFrom(OWNER, OUTSIDER, number, sender=OWNER)
    for step in steps:
        step(OUTSIDER)
        with boa.reverts("datasets: not the owner"):
            step(OWNER)


def test_withdrawn_and_revoked(trade: DataWorld) -> None:
    """A withdrawn dataset admits nobody, a revoking keeps one buyer out; both can be taken back."""
    number, datasets = trade.publish(), trade.datasets
    with boa.reverts("datasets: no such dataset"):
        datasets.admit(number + 1, BUYER)
    datasets.revoke(number, BUYER, True, sender=OWNER)
    assert datasets.is_revoked(number, BUYER) and datasets.admit(number, OUTSIDER) == 1
    with boa.reverts("datasets: revoked"):
        datasets.admit(number, BUYER)
    datasets.withdraw(number, True, sender=OWNER)
    assert datasets.dataset(number).is_withdrawn
    with boa.reverts("datasets: withdrawn"):
        datasets.admit(number, OUTSIDER)
    datasets.withdraw(number, False, sender=OWNER)
    datasets.revoke(number, BUYER, False, sender=OWNER)
    assert datasets.admit(number, BUYER) == 1


def test_nobody_is_appointed(trade: DataWorld) -> None:
    """There is no minter and no owner of the contract: neither can be called, not even by who deployed it."""
    for name in ("safe_mint", "set_minter", "transfer_ownership", "renounce_ownership", "burn", "owner"):
        assert not hasattr(trade.datasets, name)
