"""Seal a dataset under a key for each data subject, open it, and erase subjects from it and from every copy."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sheaf.domain.errors import CredentialError, InputError, RecordError
from sheaf.formats import records
from sheaf.privacy.erasure import KEY_BYTES, KeyRing, Receipt


class Sealed(msgspec.Struct, frozen=True):
    """What was written or opened: how many records of how many subjects, and how many records nobody can read any more."""

    file: Path
    records: int
    subjects: int
    erased: int = 0


def ring_of(keys: Path, dataset: str, key_file: Path, *, is_new: bool = False) -> KeyRing:
    """Open the ring in `keys` under the owner's key in `key_file`, 64 hexadecimal digits; both are made where `is_new` and absent.

    Raises CredentialError for a key that is missing or malformed.
    """
    if is_new and not key_file.exists():
        made = os.open(key_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(made, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES))
    if not key_file.is_file():
        raise CredentialError("key file", key_file, "give the file that `sheaf dataset seal` made")
    if not is_new and not keys.is_file():
        raise InputError("keys", keys, "give the ring that `sheaf dataset seal` made")
    try:
        key = bytes.fromhex(key_file.read_text().strip())
    except ValueError:
        raise CredentialError("key file", key_file, "give a file with 64 hexadecimal digits") from None
    return KeyRing(keys, dataset, key)


def seal(ring: KeyRing, file: Path, person: str, target: Path) -> Sealed:
    """Encrypt every record of `file` under its subject's key, named by field `person`, and write them to the Parquet file `target`.

    Raises RecordError for a record that names nobody, Refused for a subject that was erased.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = records.read(file)
    if person not in table.column_names:
        raise InputError("person", person, f"name a field of the records: {', '.join(table.column_names)}")
    names = [None if value is None else str(value) for value in table.column(person).to_pylist()]
    if None in names:
        raise RecordError(f"record {names.index(None)}, {person}", None, "name the subject of every record")
    rows = [_row(table.slice(number, 1)) for number in range(table.num_rows)]
    sealed = ring.seal(zip([str(name) for name in names], rows, strict=True))
    pq.write_table(
        pa.table({"tag": [tag for tag, _ in sealed], "sealed": [data for _, data in sealed]}), target
    )
    return Sealed(target, len(sealed), len({tag for tag, _ in sealed}))


def unseal(ring: KeyRing, file: Path, target: Path) -> Sealed:
    """Decrypt the sealed `file` and write the records whose subjects were not erased to the Parquet file `target`.

    Raises RecordError for a file that was not sealed or has nothing left, IntegrityError for one that was altered.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = records.read(file)
    if table.column_names != ["tag", "sealed"]:
        raise RecordError("file", file, "give a file that `sheaf dataset seal` wrote")
    tags = table.column("tag").to_pylist()
    opened = ring.open(zip(tags, table.column("sealed").to_pylist(), strict=True))
    found = [data for data in opened if data is not None]
    if not found:
        raise RecordError("file", file, "has no record that can still be read: all its subjects were erased")
    whole = pa.concat_tables(pa.ipc.open_stream(data).read_all() for data in found)
    pq.write_table(whole, target)
    return Sealed(target, len(found), len(set(tags)), len(opened) - len(found))


def erase(ring: KeyRing, subjects: Sequence[str]) -> list[Receipt]:
    """Destroy the keys of `subjects`; return a receipt for each. Raises Missing for who has no key, erasing nobody."""
    return ring.erase(subjects)


def _row(row: object) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, row.schema) as writer:  # type: ignore[attr-defined]
        writer.write_table(row)
    whole: bytes = sink.getvalue().to_pybytes()
    return whole
