"""Manifests: one form, one block, and what strangers write is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from sheaf.domain.errors import InputError, RecordError, SpecificationError
from sheaf.formats.datasets import manifest as dataset
from sheaf.formats.datasets.manifest import Field, Manifest

MANIFEST = Manifest(
    title="Counts",
    licence="MIT",
    owner="0x" + "11" * 20,
    records=3,
    fields=(Field(name="count", type="int64", root="00" * 32),),
    policy='release = "open"',
    nonce="00" * 16,
)


def test_a_manifest_has_one_form() -> None:
    """What is written is read back equal, and is canonical: written again it is the same bytes."""
    data = dataset.dump(MANIFEST)
    assert dataset.parse(data) == MANIFEST and dataset.dump(dataset.parse(data)) == data
    assert "counts" in MANIFEST.words and "count" in MANIFEST.words


def test_a_manifest_is_one_block() -> None:
    """What is larger than a block cannot be published, nor is it read; an empty title, licence or policy is named."""
    with pytest.raises(SpecificationError, match="keep it below 262144"):
        dataset.dump(msgspec.structs.replace(MANIFEST, datasheet="x" * dataset.MAX_BYTES))
    with pytest.raises(SpecificationError, match="take none above"):
        dataset.parse(b" " * (dataset.MAX_BYTES + 1))
    for name in ("title", "licence", "policy"):
        with pytest.raises(SpecificationError, match=f"{name}: none"):
            dataset.dump(msgspec.structs.replace(MANIFEST, **{name: "  "}))


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"title": 1}', b"[" * 100_000, b'{"format": "another"}'],
)
def test_malformed_manifests(data: bytes) -> None:
    """Bytes that are no manifest are refused, however deep or odd."""
    with pytest.raises(SpecificationError, match="manifest: malformed"):
        dataset.parse(data)


def test_unknown_words_and_formats() -> None:
    """A field that nobody knows, or another format, is not taken for a manifest of ours."""
    known = json.loads(dataset.dump(MANIFEST))
    with pytest.raises(SpecificationError, match="malformed"):
        dataset.parse(json.dumps({**known, "price": 1}).encode())
    with pytest.raises(SpecificationError, match="manifest: sheaf-dataset-2: take sheaf-dataset-1"):
        dataset.parse(json.dumps({**known, "format": "sheaf-dataset-2"}).encode())


def test_one_file_of_records(tmp_path: Path) -> None:
    """A folder has one file of records, which may be named itself; other files are left alone."""
    with pytest.raises(RecordError, match="directory: none"):
        dataset.records_file(tmp_path / "none")
    with pytest.raises(RecordError, match="records: none"):
        dataset.records_file(tmp_path)
    file = tmp_path / "a.csv"
    file.write_text("a\n1\n")
    (tmp_path / "datasheet.md").write_text("words")
    assert dataset.records_file(tmp_path) == dataset.records_file(file) == file
    (tmp_path / "b.jsonl").write_text("{}")
    with pytest.raises(RecordError, match=r"records: a\.csv, b\.jsonl"):
        dataset.records_file(tmp_path)


def test_texts(tmp_path: Path) -> None:
    """A text is short, there, and in UTF-8."""
    path = tmp_path / "sheet.md"
    for data, words in ((None, "exists"), (b"\xff", "UTF-8"), (b"x" * 65_537, "below 65536")):
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(InputError, match=words):
            dataset.read_text(path, "datasheet")
    with pytest.raises(InputError, match="readable"):
        dataset.read_text(tmp_path, "datasheet")
