"""Publish a dataset: nothing leaves the machine but its manifest. New versions, for other data or another policy."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sheaf.domain.dataset import USES, DatasetId, Parent
from sheaf.domain.errors import SpecificationError
from sheaf.formats.datasets import manifest as manifests
from sheaf.formats.datasets.manifest import Manifest
from sheaf.formats.specification import licence_id
from sheaf.market import fixed_price
from sheaf.market.fixed_price import Offer
from sheaf.registry import datasets

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.context import Context
    from sheaf.domain.ids import Address
    from sheaf.privacy.disclosure import Commitments, Proof


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
    """A dataset that was published or given a version, and the manifest that is all that left the machine."""

    dataset: DatasetId
    version: int
    cid: str
    manifest: Manifest


def publish_dataset(ctx: Context, directory: Path, policy: Path, about: About) -> Published:
    """Commit to the records of `directory`, publish the manifest and offer the uses that have a price.

    Repeated with the same data and words it goes on where it stopped. Raises RecordError, SpecificationError, InputError for what cannot
    be published, before anything is sent.
    """
    for name, price in about.prices.items():
        _require_use(name, policy)
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
    return Published(number, datasets.listing(ctx.chain, number).versions, cid, made)


def change_policy(ctx: Context, dataset: int, policy: Path, directory: Path | None = None) -> Published:
    """Offer a dataset under another policy from now on, over the same records or over others; open orders keep theirs.

    Raises InputError where the records' place is not known here, or where the manifest cannot be read.
    """
    from sheaf.actions.datasets.find import show_dataset

    before = show_dataset(ctx, dataset)
    if before.manifest is None:
        raise SpecificationError("manifest", before.cid, "it is not in the store: publish the dataset anew")
    folder = directory or place_of(ctx, dataset)
    about = About(before.manifest.title, before.manifest.licence, before.manifest.description)
    made, _ = make(ctx, folder, policy, about)
    data = manifests.dump(made)
    digest = hashlib.sha256(data).digest()
    cid = ctx.store.put(data)
    if before.chain.manifest != digest:
        datasets.add_version(ctx.chain, ctx.sender, dataset, digest, about.licence)
    remember(ctx, dataset, folder)
    return Published(DatasetId(dataset), datasets.listing(ctx.chain, dataset).versions, cid, made)


def make(ctx: Context, directory: Path, policy: Path, about: About) -> tuple[Manifest, Commitments]:
    """Return the manifest of the records of `directory`, and the trees over all of their values. Nothing is sent or stored."""
    from sheaf.formats import records
    from sheaf.formats.limits import Limits
    from sheaf.privacy.disclosure import commit

    file = manifests.records_file(directory)
    table = records.read(file, limits=Limits(max_records=manifests.MAX_RECORDS))
    text = manifests.read_text(policy, "policy")
    release_of(text, policy.name)
    sheet = file.parent / manifests.DATASHEET
    nonce = _nonce(ctx, table)
    committed = commit(ctx.account, table, _salts(ctx, nonce, table))
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


def disclose(ctx: Context, dataset: int, field: str, record: int) -> Proof:
    """Show one value of one's own dataset with a proof that anybody can check against its manifest. Raises InputError."""
    from sheaf.actions.datasets.find import manifest_of
    from sheaf.domain.errors import IntegrityError
    from sheaf.formats import records
    from sheaf.formats.limits import Limits
    from sheaf.privacy.disclosure import commit

    known = manifest_of(ctx, dataset)
    file = manifests.records_file(place_of(ctx, dataset))
    table = records.read(file, limits=Limits(max_records=manifests.MAX_RECORDS))
    made = commit(ctx.account, table, _salts(ctx, bytes.fromhex(known.nonce), table))
    if manifests.fields_of(table, made.roots) != known.fields:
        raise IntegrityError(f"records: {file.name}: not those of the newest manifest: publish a new version")
    return made.show(field, record)


def release_of(policy: str, name: str = "policy") -> str:
    """Return the class of release that a policy names. Raises SpecificationError for a document without one."""
    try:
        release = tomllib.loads(policy).get("release")
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SpecificationError("policy", name, f"mend the TOML: {error}") from None
    known = [use for use in USES if use != "download"]
    if not isinstance(release, str) or release not in known:
        raise SpecificationError("release", release, f"give one of {', '.join(known)}")
    return release


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


def _require_use(name: str, policy: Path) -> None:
    from sheaf.domain.dataset import use_number

    use_number(name, "price")
    release = release_of(manifests.read_text(policy, "policy"), policy.name)
    if name not in (release, "download"):
        raise SpecificationError("price", name, f"the policy releases {release}: price that, or download")


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


def _salts(ctx: Context, nonce: bytes, table: pa.Table) -> dict[str, bytes]:
    from sheaf.store.envelope import salts

    return {
        name: salts(ctx.sender.derive_secret(b"dataset salts " + nonce + name.encode()), table.num_rows)
        for name in table.column_names
    }
