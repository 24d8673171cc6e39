"""Show chosen values of one's own dataset, each with a proof, in a file that anybody checks against the manifest on the chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from sheaf.actions.datasets.find import manifest_of
from sheaf.actions.datasets.publish import place_of, salts_of
from sheaf.domain.errors import InputError, IntegrityError
from sheaf.formats.datasets import manifest as manifests
from sheaf.registry import datasets

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.actions.context import Context
    from sheaf.formats.datasets.manifest import Manifest
    from sheaf.privacy.disclosure import Commitments, Proof

FORMAT = "sheaf-disclosure-1"
MOST_VALUES = 10_000
MAX_BYTES = 1 << 26


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value as a file has it: times in ISO 8601, `salt` and `path` in hexadecimal digits."""

    field: str
    record: int
    value: Any
    salt: str
    path: tuple[str, ...]


class Disclosure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Values of one version of a dataset of one market; `records` is how many records that version has."""

    market: str
    dataset: int
    version: int
    records: int
    values: tuple[Shown, ...]
    format: str = FORMAT


class Checked(msgspec.Struct, frozen=True):
    """Values that stand under the roots of a version; `is_newest` unless the owner has published another since."""

    dataset: int
    version: int
    is_newest: bool
    values: tuple[Shown, ...]


def disclose_values(ctx: Context, dataset: int, fields: Sequence[str], records: Sequence[int]) -> Disclosure:
    """Show every one of `fields` of every one of `records` (numbered from 0) of one's own dataset, each with a proof.

    Raises InputError for fields and records that are not there or cannot be shown, for none and for more than 10,000 values,
    IntegrityError where the records are no more those of the newest version.
    """
    if not fields or not records:
        raise InputError("field" if not fields else "record", "none", "say which values to show")
    if len(fields) * len(records) > MOST_VALUES:
        raise InputError("values", len(fields) * len(records), f"show at most {MOST_VALUES:,} at once")
    known = manifest_of(ctx, dataset)
    for name in fields:
        _kind(known, name)
    made = _committed(ctx, known, dataset)
    proofs = [made.show(name, record) for name in dict.fromkeys(fields) for record in dict.fromkeys(records)]
    return Disclosure(
        market=ctx.market,
        dataset=int(dataset),
        version=datasets.listing(ctx.chain, dataset).versions,
        records=known.records,
        values=tuple(
            Shown(one.field, one.record, _plain(one.value), one.salt.hex(), tuple(step.hex() for step in one.path))
            for one in proofs
        ),
    )  # fmt: skip


def parse(data: bytes) -> Disclosure:
    """Read what a stranger shows. Raises InputError."""
    if len(data) > MAX_BYTES:
        raise InputError("disclosure", f"{len(data)} bytes", f"take none above {MAX_BYTES}")
    try:
        found = msgspec.json.decode(data, type=Disclosure)
        for one in found.values:
            bytes.fromhex(one.salt + "".join(one.path))
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise InputError("disclosure", "malformed", f"ask for the file again: {error}") from None
    if found.format != FORMAT:
        raise InputError("disclosure", found.format, f"take {FORMAT}")
    return found


def check_disclosure(ctx: Context, found: Disclosure) -> Checked:
    """Return the values, all of which stand under the roots of the version that they are said to be of.

    Raises InputError for another market's or no dataset, IntegrityError for the first value that is not what was committed to.
    """
    from sheaf.privacy.disclosure import Proof

    if found.market != ctx.market:
        raise InputError("market", found.market, f"connect to that market: this is {ctx.market}")
    versions = datasets.listing(ctx.chain, found.dataset).versions
    if not 1 <= found.version <= versions:
        raise InputError("version", found.version, f"give 1 to {versions}")
    known = manifest_of(ctx, found.dataset, found.version)
    for one in found.values:
        path = tuple(bytes.fromhex(step) for step in one.path)
        proof = Proof(one.field, one.record, found.records, one.value, bytes.fromhex(one.salt), path)
        _check(known, proof)
    return Checked(found.dataset, found.version, found.version == versions, found.values)


def _check(known: Manifest, proof: Proof) -> None:
    from dataclasses import replace

    from sheaf.domain.ids import Address
    from sheaf.privacy.disclosure import check

    entry = next((one for one in known.fields if one.name == proof.field), None)
    if entry is None or proof.records != known.records:
        raise IntegrityError(f"disclosure: {proof.field}: not a field of this dataset's manifest")
    kind = _kind(known, proof.field)
    value = _typed(proof.value, kind)
    check(Address(known.owner), bytes.fromhex(entry.root), kind, replace(proof, value=value))


def _committed(ctx: Context, known: Manifest, dataset: int) -> Commitments:
    """Return the trees over all values of one's own records. Raises IntegrityError unless they are those of `known`."""
    from sheaf.formats import records
    from sheaf.formats.limits import Limits
    from sheaf.privacy.disclosure import commit

    if known.owner != ctx.account:
        raise InputError("account", ctx.account, f"the roots are bound to {known.owner}: act as that account")
    file = manifests.records_file(place_of(ctx, dataset))
    table = records.read(file, limits=Limits(max_records=manifests.MAX_RECORDS))
    made = commit(ctx.account, table, salts_of(ctx, bytes.fromhex(known.nonce), table))
    if manifests.fields_of(table, made.roots) != known.fields:
        raise IntegrityError(f"records: {file.name}: not those of the newest manifest: publish a new version")
    return made


def _kind(known: Manifest, name: str) -> pa.DataType:
    """Return the Arrow type of a field. Raises InputError for a field that there is not, or whose values are not shown one by one."""
    kinds = {one.name: one.type for one in known.fields}
    if name not in kinds:
        raise InputError("field", name, f"give one of {', '.join(kinds)}")
    found = manifests.type_of(kinds[name])
    if found is None or not _is_plain(found):
        raise InputError("field", name, f"values of type {kinds[name]} are not shown one by one")
    return found


def _is_plain(kind: pa.DataType) -> bool:
    import pyarrow as pa

    tests = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_string,
        pa.types.is_large_string,
    )
    return any(test(kind) for test in (*tests, pa.types.is_date, pa.types.is_timestamp))


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def _typed(value: Any, kind: pa.DataType) -> Any:
    """Return a value as Arrow has it: JSON has times as text. Left as it is where it is no such text: then no proof fits it."""
    import pyarrow as pa

    if isinstance(value, str) and (pa.types.is_temporal(kind)):
        try:
            return pa.array([value]).cast(kind)[0].as_py()
        except pa.ArrowException:
            return value
    return value
