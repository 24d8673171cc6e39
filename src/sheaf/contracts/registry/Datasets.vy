# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Datasets
@license AGPL-3.0-only
@notice A dataset as an ERC-721 token: what it is lies in a manifest, of which the chain keeps the hash of every version, and its data
        nowhere. Whoever holds the token decides on versions, offers and buyers, and earns. A dataset made from others names them
        with the share of its income that each is due; it can name only datasets that were there before, so lineage has no circle.
@dev The ERC-721 part with its permits and its enumeration is snekmate's. ERC-2981 names who published a dataset and its royalty.
@custom:stop The owner of a dataset withdraws it, which ends new purchases and orders of it, or revokes one buyer; open orders end as
             they would. Nobody else can stop anything.
"""

from ..interfaces import IDatasets
from snekmate.auth import ownable
from snekmate.tokens import erc721
from snekmate.extensions.interfaces import IERC2981

initializes: ownable
initializes: erc721[ownable := ownable]
implements: IDatasets
implements: IERC2981

exports: (
    erc721.balanceOf,
    erc721.ownerOf,
    erc721.approve,
    erc721.getApproved,
    erc721.setApprovalForAll,
    erc721.isApprovedForAll,
    erc721.transferFrom,
    erc721.safeTransferFrom,
    erc721.name,
    erc721.symbol,
    erc721.totalSupply,
    erc721.tokenByIndex,
    erc721.tokenOfOwnerByIndex,
    erc721.permit,
    erc721.nonces,
    erc721.DOMAIN_SEPARATOR,
    erc721.eip712Domain,
)

PARENTS: constant(uint256) = 5
BPS: constant(uint256) = 10_000
# ERC-165, ERC-721 and its metadata, enumeration and permit (ERC-4494), ERC-2981.
INTERFACES: constant(bytes4[6]) = [0x01ffc9a7, 0x80ac58cd, 0x5b5e139f, 0x780e9d63, 0x589c5ce2, 0x2a55205a]

# One word of facts: creator 160 | royalty_bps 16 | versions 32 | withdrawn 1.
ROYALTY_PLACE: constant(uint256) = 160
VERSIONS_PLACE: constant(uint256) = 176
WITHDRAWN_PLACE: constant(uint256) = 208
# One word of parents: five times dataset 32 | weight_bps 16.
PARENT_BITS: constant(uint256) = 48

count: public(uint256)
is_revoked: public(HashMap[uint256, HashMap[address, bool]])
_facts: HashMap[uint256, uint256]
_licences: HashMap[uint256, bytes32]
_parents: HashMap[uint256, uint256]
_manifests: HashMap[uint256, HashMap[uint256, bytes32]]


@deploy
def __init__():
    """
    @notice Nobody is appointed to anything: a dataset is minted by who publishes it.
    """
    ownable.__init__()
    erc721.__init__("Sheaf datasets", "SHEAF", "", "Sheaf datasets", "1")
    erc721.is_minter[msg.sender] = False
    ownable._transfer_ownership(empty(address))


@external
def publish(
    manifest: bytes32, licence: bytes32, royalty_bps: uint256, parents: DynArray[IDatasets.Parent, PARENTS]
) -> uint256:
    """
    @notice Register a dataset, owned by the caller, with the first version of its manifest.
    @param manifest The SHA-256 in the CID (CIDv1, raw) of the manifest.
    @param licence SPDX identifier in ASCII, padded with zeros.
    @param royalty_bps What resale of the token pays the caller, and the least weight that a dataset made from this one gives it.
    @param parents What this dataset was made from, and the share of its income that each is due.
    @return The dataset's number, which is the token's.
    """
    assert manifest != empty(bytes32), "datasets: no manifest"
    assert licence != empty(bytes32), "datasets: no licence"
    assert royalty_bps <= BPS, "datasets: royalty above the whole"
    number: uint256 = self.count + 1
    self.count = number
    self._facts[number] = (
        convert(msg.sender, uint256) | (royalty_bps << ROYALTY_PLACE) | (1 << VERSIONS_PLACE)
    )
    self._licences[number] = licence
    self._manifests[number][1] = manifest
    if len(parents) != 0:
        self._parents[number] = self._lineage(number, parents)
    log IDatasets.DatasetPublished(
        dataset=number,
        owner=msg.sender,
        manifest=manifest,
        licence=licence,
        royalty_bps=royalty_bps,
        parents=parents,
    )
    erc721._mint(msg.sender, number)
    return number


@external
def add_version(dataset: uint256, manifest: bytes32, licence: bytes32):
    """
    @notice Let a new manifest be the one that is offered from now on: other data, another policy, another licence. Owner only.
    """
    self._only_owner(dataset)
    assert manifest != empty(bytes32), "datasets: no manifest"
    assert licence != empty(bytes32), "datasets: no licence"
    facts: uint256 = self._facts[dataset] + (1 << VERSIONS_PLACE)
    version: uint256 = self._versions(facts)
    self._facts[dataset] = facts
    self._manifests[dataset][version] = manifest
    if self._licences[dataset] != licence:
        self._licences[dataset] = licence
    log IDatasets.VersionAdded(dataset=dataset, version=version, manifest=manifest, licence=licence)


@external
def withdraw(dataset: uint256, is_withdrawn: bool):
    """
    @notice End new purchases and orders of a dataset, or begin them again. Owner only.
    """
    self._only_owner(dataset)
    facts: uint256 = self._facts[dataset] & ~(1 << WITHDRAWN_PLACE)
    self._facts[dataset] = facts | (convert(is_withdrawn, uint256) << WITHDRAWN_PLACE)
    log IDatasets.DatasetWithdrawn(dataset=dataset, is_withdrawn=is_withdrawn)


@external
def revoke(dataset: uint256, account: address, is_revoked: bool):
    """
    @notice Sell nothing more of a dataset to an account, or sell to it again. Owner only.
    """
    self._only_owner(dataset)
    self.is_revoked[dataset][account] = is_revoked
    log IDatasets.BuyerRevoked(dataset=dataset, account=account, is_revoked=is_revoked)


@view
@external
def admit(dataset: uint256, buyer: address) -> uint256:
    """
    @notice The version that a buyer gets now.
    """
    facts: uint256 = self._facts[dataset]
    assert facts != 0, "datasets: no such dataset"
    assert (facts >> WITHDRAWN_PLACE) & 1 == 0, "datasets: withdrawn"
    assert not self.is_revoked[dataset][buyer], "datasets: revoked"
    return self._versions(facts)


@view
@external
def dataset(number: uint256) -> IDatasets.Dataset:
    """
    @notice A dataset as it stands; all zero if there is none of that number.
    """
    facts: uint256 = self._facts[number]
    versions: uint256 = self._versions(facts)
    return IDatasets.Dataset(
        owner=erc721._owners[number],
        creator=convert(facts & (2**160 - 1), address),
        royalty_bps=self._royalty_bps(facts),
        versions=versions,
        is_withdrawn=(facts >> WITHDRAWN_PLACE) & 1 == 1,
        manifest=self._manifests[number][versions],
        licence=self._licences[number],
    )


@view
@external
def manifest_of(dataset: uint256, version: uint256) -> bytes32:
    """
    @notice The hash of one version's manifest, versions counted from 1; zero if there is none.
    """
    return self._manifests[dataset][version]


@view
@external
def parents_of(dataset: uint256) -> DynArray[IDatasets.Parent, PARENTS]:
    """
    @notice What a dataset was made from, with the weights.
    """
    parents: DynArray[IDatasets.Parent, PARENTS] = []
    word: uint256 = self._parents[dataset]
    for i: uint256 in range(PARENTS):
        if word == 0:
            break
        parents.append(
            IDatasets.Parent(dataset=word & (2**32 - 1), weight_bps=(word >> 32) & (2**16 - 1))
        )
        word = word >> PARENT_BITS
    return parents


@view
@external
def owner_of(dataset: uint256) -> address:
    """
    @notice Who owns a dataset; zero if there is none of that number, where `ownerOf` reverts.
    """
    return erc721._owners[dataset]


@view
@external
def royaltyInfo(token_id: uint256, sale_price: uint256) -> (address, uint256):
    """
    @notice Who published a dataset and what resale of its token owes them (ERC-2981).
    """
    facts: uint256 = self._facts[token_id]
    return convert(facts & (2**160 - 1), address), sale_price * self._royalty_bps(facts) // BPS


@view
@external
def tokenURI(token_id: uint256) -> String[512]:
    """
    @notice The newest manifest: `ipfs://` and its CID in base 16.
    """
    erc721._require_minted(token_id)
    digest: uint256 = convert(self._manifests[token_id][self._versions(self._facts[token_id])], uint256)
    halves: Bytes[64] = concat(self._digits(digest >> 128), self._digits(digest & (2**128 - 1)))
    return concat("ipfs://f01551220", convert(halves, String[64]))


@view
@external
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @notice Which standards this contract keeps (ERC-165).
    """
    return interface_id in INTERFACES


@view
@internal
def _lineage(number: uint256, parents: DynArray[IDatasets.Parent, PARENTS]) -> uint256:
    word: uint256 = 0
    total: uint256 = 0
    place: uint256 = 0
    for one: IDatasets.Parent in parents:
        assert one.dataset != 0 and one.dataset < number, "datasets: no such parent"
        least: uint256 = self._royalty_bps(self._facts[one.dataset])
        assert one.weight_bps > 0 and one.weight_bps >= least, "datasets: weight below the parent's royalty"
        total += one.weight_bps
        assert total <= BPS, "datasets: weights above the whole"
        word |= (one.dataset | (one.weight_bps << 32)) << place
        place += PARENT_BITS
    return word


@view
@internal
def _only_owner(dataset: uint256):
    assert msg.sender == erc721._owners[dataset], "datasets: not the owner"


@pure
@internal
def _digits(half: uint256) -> bytes32:
    # Sixteen bytes as 32 characters of base 16.
    word: uint256 = 0
    for i: uint256 in range(32):
        digit: uint256 = (half >> (4 * (31 - i))) & 15
        word = (word << 8) | (digit + 48)
        if digit > 9:
            word += 39
    return convert(word, bytes32)


@pure
@internal
def _royalty_bps(facts: uint256) -> uint256:
    return (facts >> ROYALTY_PLACE) & (2**16 - 1)


@pure
@internal
def _versions(facts: uint256) -> uint256:
    return (facts >> VERSIONS_PLACE) & (2**32 - 1)
