"""Disclosure: roots that tell nothing, proofs that show one value, and all that is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pyarrow as pa
import pytest

from sheaf.domain.errors import InputError, IntegrityError, RecordError
from sheaf.domain.ids import Address
from sheaf.privacy.disclosure import Commitments, check, commit

OWNER, OTHER = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
TABLE = pa.table({"age": [31, 47, None, 47, 90], "town": ["a", "b", "b", "ü", None]})


def salts(seed: int = 0) -> dict[str, bytes]:
    return {name: hashlib.shake_256(f"{seed} {name}".encode()).digest(16 * 5) for name in TABLE.column_names}


@pytest.fixture
def made() -> Commitments:
    return commit(OWNER, TABLE, salts())


def test_every_value_is_shown(made: Commitments) -> None:
    """Every value of every field, absent ones too, passes under its root, and the root alone."""
    for field in TABLE.schema:
        for record in range(5):
            proof = made.show(field.name, record)
            assert proof.value == TABLE.column(field.name)[record].as_py()
            check(OWNER, made.roots[field.name], field.type, proof)
            with pytest.raises(IntegrityError):
                check(OWNER, made.roots["town" if field.name == "age" else "age"], field.type, proof)


def test_a_root_is_its_owners_and_its_salts(made: Commitments) -> None:
    """Equal values have other roots under other salts, and under another owner: a copied root is worthless, a guess is not confirmed."""
    assert commit(OWNER, TABLE, salts(1)).roots.keys() == made.roots.keys()
    assert all(commit(OWNER, TABLE, salts(1)).roots[name] != root for name, root in made.roots.items())
    assert commit(OTHER, TABLE, salts()).roots["age"] != made.roots["age"]
    with pytest.raises(IntegrityError):
        check(OTHER, made.roots["age"], pa.int64(), made.show("age", 0))
    twice = made.show("age", 1), made.show("age", 3)
    assert (
        twice[0].value == twice[1].value
        and made.trees["age"].levels[0][32:64] != made.trees["age"].levels[0][96:128]
    )


def test_altered_proofs_are_refused(made: Commitments) -> None:
    """A changed value, type, place, salt or path shows nothing."""
    proof, root = made.show("age", 1), made.roots["age"]
    for wrong in (
        replace(proof, value=48), replace(proof, value=None), replace(proof, value="47"), replace(proof, value=2**80),
        replace(proof, record=3), replace(proof, record=-1), replace(proof, records=4), replace(proof, field="Age"),
        replace(proof, salt=bytes(16)), replace(proof, salt=b""), replace(proof, path=proof.path[:-1]),
        replace(proof, path=(*proof.path, bytes(32))), replace(proof, path=(b"short",)),
    ):  # fmt: skip
        with pytest.raises(IntegrityError, match="not what the owner committed to"):
            check(OWNER, root, pa.int64(), wrong)
    with pytest.raises(IntegrityError):
        check(OWNER, root, pa.float64(), proof)
    with pytest.raises(IntegrityError):
        check(Address("nobody"), root, pa.int64(), proof)


def test_what_cannot_be_committed_to() -> None:
    """No records, no fields, missing or too few salts, values without a canonical form: each is named."""
    for table in (TABLE.slice(0, 0), pa.table({})):
        with pytest.raises(RecordError, match="records: 0"):
            commit(OWNER, table, salts())
    with pytest.raises(InputError, match="salts: town"):
        commit(OWNER, TABLE, {"age": bytes(80)})
    with pytest.raises(InputError, match="salts: 64 bytes"):
        commit(OWNER, TABLE, {"age": bytes(64), "town": bytes(80)})
    with pytest.raises(RecordError):
        commit(OWNER, pa.table({"age": [float("nan")]}), {"age": bytes(16)})
    for field, record in (("none", 0), ("age", 5), ("age", -1)):
        with pytest.raises(InputError, match="give"):
            commit(OWNER, TABLE, salts()).show(field, record)
