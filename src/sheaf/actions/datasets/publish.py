"""Publish a dataset: nothing leaves the machine but its manifest. New versions, for other data or another policy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sheaf.domain.dataset import USES, DatasetId, Parent
from sheaf.domain.errors import SpecificationError
from sheaf.formats.datasets import manifest as manifests
from sheaf.formats.datasets.manifest import Manifest
from sheaf.formats.release import policy as policies
from sheaf.formats.specification import licence_id
from sheaf.market import fixed_price
from sheaf.market.fixed_price import Offer
from sheaf.registry import datasets

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address
    from sheaf.domain.policy import Policy
    from sheaf.privacy.disclosure import Commitments


@dataclass(frozen=True)
class About:
    """What an owner says of a dataset. `prices` are smallest units of `token` (the market token) by kind of use."""

    title: str
    licence: str
    description: str = ""
    royalty_bps: int = 0
    parents: tuple[Parent, ...] = ()
    prices: Mapping[str, int] = field(default_factory=dict)
    token: Address | None = None


@dataclass(frozen=True)
class Published:
    """A dataset that was published or given a version, and the manifest that is all that left the machine.

    `warnings` is what its owner should look at, such as why no provider would serve it.
    """

    dataset: DatasetId
    version: int
    cid: str
    manifest: Manifest
    warnings: tuple[str, ...] = ()


def publish_dataset(ctx: Context, directory: Path, policy: Path, about: About) -> Published:
    """Commit to the records of `directory`, publish the manifest and offer the uses that have a price.

    Repeated with the same data and words it goes on where it stopped. Raises RecordError, SpecificationError, InputError for what cannot
    be published, before anything is sent.
    """
    terms = policies.read(manifests.read_text(policy, "policy"), policy.name)
    for name, price in about.prices.items():
        require_use(name, terms)
        fixed_price.check_price(price)
    datasets.check_parents(about.parents)
    about = replace(about, licence=licence_id(about.licence))
    datasets.licence_word(about.licence)
    made, _ = make(ctx, directory, policy, about)
    data = manifests.dump(made)
    digest = hashlib.sha256(data).digest()
    cid = ctx.store.put(data)
    number = _own(ctx, digest)
    if number is None:
        number = datasets.publish(
            ctx.chain, ctx.sender, digest, about.licence, about.royalty_bps, about.parents
        )
    remember(ctx, number, directory)
    for name, price in about.prices.items():
        wanted = Offer(about.token or ctx.token, price)
        if fixed_price.offer_of(ctx.chain, number, USES[name]) != wanted:
            fixed_price.offer(ctx.chain, ctx.sender, number, USES[name], wanted)
    return Published(number, datasets.listing(ctx.chain, number).versions, cid, made, warnings_about(made))


def change_policy(ctx: Context, dataset: int, policy: Path, directory: Path | None = None) -> Published:
    """Offer a dataset under another policy from now on, over the same records or over others; open orders keep theirs.

    Raises InputError where the records' place is not known here, or where the manifest cannot be read, Refused for another budget than
    earlier versions promised.
    """
    from sheaf.actions.datasets.find import show_dataset

    before = show_dataset(ctx, dataset)
    if before.manifest is None:
        raise SpecificationError("manifest", before.cid, "it is not in the store: publish the dataset anew")
    folder = directory or place_of(ctx, dataset)
    about = About(before.manifest.title, before.manifest.licence, before.manifest.description)
    made, _ = make(ctx, folder, policy, about)
    _require_promise(ctx, dataset, before.chain.versions, made)
    data = manifests.dump(made)
    digest = hashlib.sha256(data).digest()
    cid = ctx.store.put(data)
    if before.chain.manifest != digest:
        datasets.add_version(ctx.chain, ctx.sender, dataset, digest, about.licence)
    remember(ctx, dataset, folder)
    versions = datasets.listing(ctx.chain, dataset).versions
    return Published(DatasetId(dataset), versions, cid, made, warnings_about(made))


def make(ctx: Context, directory: Path, policy: Path, about: About) -> tuple[Manifest, Commitments]:
    """Return the manifest of the records of `directory`, and the trees over all of their values. Nothing is sent or stored.

    Raises SpecificationError for a policy that cannot be meant, RecordError where it names fields that the records have not.
    """
    from sheaf.formats import records
    from sheaf.formats.limits import Limits
    from sheaf.formats.release.shown import project
    from sheaf.privacy.disclosure import commit

    file = manifests.records_file(directory)
    table = records.read(file, limits=Limits(max_records=manifests.MAX_RECORDS))
    text = manifests.read_text(policy, "policy")
    project(table.slice(0, 0), policies.read(text, policy.name))
    sheet = file.parent / manifests.DATASHEET
    nonce = _nonce(ctx, table)
    committed = commit(ctx.account, table, salts_of(ctx, nonce, table))
    made = Manifest(
        title=about.title,
        licence=about.licence,
        owner=ctx.account,
        records=table.num_rows,
        fields=manifests.fields_of(table, committed.roots),
        policy=text,
        nonce=nonce.hex(),
        description=about.description,
        datasheet=manifests.read_text(sheet, "datasheet") if sheet.exists() else "",
    )
    return made, committed


def warnings_about(manifest: Manifest) -> tuple[str, ...]:
    """Return what the owner of a dataset should look at: what its policy lets out, and why no provider would serve it."""
    from sheaf.actions.compute.methods import RELEASES
    from sheaf.formats.release.remarks import explain

    policy = policies.read(manifest.policy, manifest.title)
    found = [one.text for one in explain(policy, manifest.records) if one.is_warning]
    method = RELEASES.get(policy.release)
    if method is not None and method not in policy.methods:
        found.append(
            f'methods: {", ".join(policy.methods)}: no provider serves {policy.release} without methods = ["{method}"]'
        )
    return tuple(found)


def _require_promise(ctx: Context, dataset: int, versions: int, made: Manifest) -> None:
    """Raise Refused for another budget than earlier versions promised: no provider would serve this version, nor any later one."""
    from sheaf.actions.compute.parts import parts_of

    policy = policies.read(made.policy, made.title)
    if policy.has_noise and policy.total is not None:
        parts_of(ctx, dataset, versions, policy)


def remember(ctx: Context, dataset: int, directory: Path) -> None:
    """Keep where a dataset's records lie, on this machine alone."""
    from sheaf.chain.contracts import write_whole

    path = ctx.folder / "datasets" / f"{int(dataset)}.json"
    write_whole(path, json.dumps({"directory": str(directory.resolve())}).encode())


def place_of(ctx: Context, dataset: int) -> Path:
    """Return where a dataset's records lie. Raises SpecificationError where this machine does not know."""
    path = ctx.folder / "datasets" / f"{int(dataset)}.json"
    try:
        return Path(str(json.loads(path.read_text())["directory"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise SpecificationError("directory", "unknown", "say where the dataset's records lie") from None


def require_use(name: str, policy: Policy) -> None:
    """Raise InputError for a use that there is not, SpecificationError for one that the policy does not release."""
    from sheaf.domain.dataset import use_number

    use_number(name, "price")
    if name not in (policy.release, "download"):
        raise SpecificationError(
            "price", name, f"the policy releases {policy.release}: price that, or download"
        )


def _own(ctx: Context, digest: bytes) -> DatasetId | None:
    """Return the dataset of the acting account whose newest manifest is this one."""
    for number in range(datasets.count(ctx.chain), 0, -1):
        found = datasets.listing(ctx.chain, number)
        if found.manifest == digest and found.owner == ctx.account:
            return DatasetId(number)
    return None


def _nonce(ctx: Context, table: pa.Table) -> bytes:
    """Return 16 bytes that follow from the owner's secret and the records, so that a repeated publishing is the same one."""
    from sheaf.domain.canonical import record_digests

    content = hashlib.sha256(record_digests(table)).digest()
    return ctx.sender.derive_secret(f"dataset nonce {ctx.market} ".encode() + content)[:16]


def salts_of(ctx: Context, nonce: bytes, table: pa.Table) -> dict[str, bytes]:
    """Return the salts of every value of `table`, 16 bytes a record for each field; they follow from the owner's secret."""
    from sheaf.store.envelope import salts

    return {
        name: salts(ctx.sender.derive_secret(b"dataset salts " + nonce + name.encode()), table.num_rows)
        for name in table.column_names
    }
