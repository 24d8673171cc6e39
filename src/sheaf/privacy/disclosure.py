"""Field-level disclosure: every value of a table under a salted Merkle root of its field, so that one can be shown and no other is told.

A field's leaves are those of records with that field alone (RFC 9162 trees, 16-byte salts, bound to the owner's address), under the request
number 0, which no request bears. A root says nothing of guessable values, and is worthless to who copies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sheaf.domain import merkle
from sheaf.domain.canonical import DIGEST_BYTES, record_digests
from sheaf.domain.errors import InputError, IntegrityError, RecordError
from sheaf.domain.ids import RequestId

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.ids import Address

NO_REQUEST = RequestId(0)


@dataclass(frozen=True)
class Proof:
    """One value, and what shows that it stands in a field at a record: `salt` 16 bytes, `path` siblings from the bottom up."""

    field: str
    record: int
    records: int
    value: Any
    salt: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True)
class Commitments:
    """The trees over all fields of a table, for its owner; `roots` are for everybody."""

    owner: Address
    table: pa.Table
    salts: Mapping[str, bytes]
    trees: Mapping[str, merkle.MerkleTree]

    @property
    def roots(self) -> dict[str, bytes]:
        """The root of each field, 32 bytes."""
        return {name: tree.root for name, tree in self.trees.items()}

    def show(self, field: str, record: int) -> Proof:
        """Return one value with its proof. Raises InputError for a field or record that is not there."""
        if field not in self.trees:
            raise InputError("field", field, f"give one of {', '.join(self.trees)}")
        if not 0 <= record < self.table.num_rows:
            raise InputError("record", record, f"give a number below {self.table.num_rows}")
        size = merkle.SALT_BYTES
        return Proof(
            field,
            record,
            self.table.num_rows,
            self.table.column(field)[record].as_py(),
            self.salts[field][record * size : (record + 1) * size],
            tuple(self.trees[field].proof(record)),
        )


def commit(owner: Address, table: pa.Table, salts: Mapping[str, bytes]) -> Commitments:
    """Commit to every value of `table`; `salts` has 16 secret bytes a record for each field, joined.

    Raises RecordError for a table of no records or values without canonical form, InputError where salts are missing.
    """
    if not table.num_rows or not table.num_columns:
        raise RecordError("records", table.num_rows, "give at least one record with one field")
    trees = {}
    for name in table.column_names:
        if name not in salts:
            raise InputError("salts", name, "give salts for every field")
        digests = record_digests(table.select([name]))
        trees[name] = merkle.MerkleTree(merkle.leaves(NO_REQUEST, owner, salts[name], digests))
    return Commitments(owner, table, salts, trees)


def check(owner: Address, root: bytes, kind: pa.DataType, proof: Proof) -> None:
    """Raise IntegrityError unless `proof` shows its value under the root of a field of type `kind`."""
    import pyarrow as pa

    wrong = IntegrityError(
        f"disclosure: {proof.field} of record {proof.record}: not what the owner committed to: ask for the proof again"
    )
    try:
        column = pa.table({proof.field: pa.array([proof.value], kind)})
        digest = record_digests(column)
        leaf = merkle.leaf(NO_REQUEST, owner, proof.record, proof.salt, digest)
    except (pa.ArrowException, InputError, TypeError, ValueError, OverflowError):
        raise wrong from None
    is_shown = len(digest) == DIGEST_BYTES and merkle.verify_inclusion(
        root, leaf, proof.record, proof.records, list(proof.path)
    )
    if not is_shown:
        raise wrong
