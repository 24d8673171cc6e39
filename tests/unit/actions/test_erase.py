from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sheaf.cli.main import app
from sheaf.privacy.erasure import Receipt


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_text("id,age\n1,30\n2,41\n1,31\n3,52\n")
    return tmp_path


RING = ("--keys", "keys.sqlite", "--key-file", "owner.key", "--dataset", "wards")


def sheaf(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["dataset", *words])
    return done.exit_code, " ".join(done.output.split())


def test_a_subject_is_erased_from_every_copy(folder: Path) -> None:
    """Sealed records open as they were; after erasure those of the subject are gone from the copy, and the receipt is checked."""
    assert sheaf("seal", "people.csv", "sealed.parquet", "--person", "id", *RING) == (
        0, "4 records of 3 subjects in sealed.parquet",
    )  # fmt: skip
    assert b"age" not in Path("sealed.parquet").read_bytes() and Path("owner.key").stat().st_mode & 0o077 == 0
    assert sheaf("unseal", "sealed.parquet", "open.parquet", *RING)[0] == 0
    assert pq.read_table("open.parquet").to_pydict() == {"id": [1, 2, 1, 3], "age": [30, 41, 31, 52]}
    code, said = sheaf("erase", "1", *RING, "--receipts", "erased.jsonl", "--json")
    assert code == 0 and json.loads(said)
    msgspec.json.decode(Path("erased.jsonl").read_bytes(), type=Receipt).check("1")
    assert (
        sheaf("unseal", "sealed.parquet", "open.parquet", *RING)[1]
        == "2 records in open.parquet; 2 were erased"
    )
    assert pq.read_table("open.parquet").column("id").to_pylist() == [2, 3]
    assert "receipts 1, 2, 3" in sheaf("erase", "1", "2", "3", *RING)[1]
    code, said = sheaf("unseal", "sealed.parquet", "open.parquet", *RING)
    assert code == 2 and "all its subjects were erased" in said


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("seal", "people.csv", "s.parquet", "--person", "name", *RING), "person: name: name a field"),
        (("seal", "gaps.csv", "s.parquet", "--person", "id", *RING), "record 1, id: None: name the subject"),
        (("unseal", "people.csv", "o.parquet", *RING), "keys: keys.sqlite: give the ring"),
        (("erase", "1", "--keys", "k", "--key-file", "none.key", "--dataset", "wards"), "key file: none.key: give the file"),
        (("erase", "1", "--keys", "people.csv", "--key-file", "people.csv", "--dataset", "wards"), "64 hexadecimal digits"),
    ],
)  # fmt: skip
def test_what_cannot_be_sealed_or_erased_is_refused(
    folder: Path, words: tuple[str, ...], refusal: str
) -> None:
    """Every refusal names what was given and what to give; no file is made by it."""
    Path("gaps.csv").write_text("id,age\n1,30\n,41\n")
    if words[0] == "unseal":
        Path("owner.key").write_text("00" * 32)
    code, said = sheaf(*words)
    assert code == 2 and refusal in said and not list(folder.glob("*.parquet"))


def test_only_sealed_files_are_opened(folder: Path) -> None:
    """A file that was not sealed is refused by name."""
    sheaf("seal", "people.csv", "sealed.parquet", "--person", "id", *RING)
    code, said = sheaf("unseal", "people.csv", "open.parquet", *RING)
    assert code == 2 and "give a file that `sheaf dataset seal` wrote" in said
