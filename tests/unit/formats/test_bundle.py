"""Bundles: written whole, read anywhere, and broken by nothing that goes unseen."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

import sheaf
from sheaf.domain.errors import InputError, IntegrityError, RecordError
from sheaf.domain.ids import SubmissionId
from sheaf.domain.request import Specification
from sheaf.domain.verdict import Decision, Finding, Verdict
from sheaf.formats import bundle, loaders, parquet
from sheaf.formats.bundle import Bundle, Parts

SCHEMA = {
    "type": "object",
    "required": ["text", "label"],
    "properties": {
        "text": {"type": "string"},
        "label": {"type": "integer", "minimum": 0, "maximum": 9},
        "score": {"type": "number"},
        "pixels": {"type": "array", "items": {"type": "integer"}},
        "flag": {"type": "boolean"},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "image": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"},
        "turns": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"role": {"type": "string"}, "text": {"type": "string"}},
            },
        },
    },
}
ASKED = Specification(
    title="Sentences {with} labels", schema=SCHEMA, licence="CC-BY-4.0", label="label", terms="Name the contributors.",
    description="Short sentences, each with a label.",
)  # fmt: skip
RECORDS = pa.table({
    "text": ["one", "two", "three"], "label": [1, 2, 3], "score": [0.5, None, 1.0], "pixels": [[1, 2], [3, 4], [5, 6]],
    "flag": [True, False, True],
})  # fmt: skip
VERDICT = Verdict(
    submission=SubmissionId(7),
    decisions=(Decision.APPROVED, Decision.REJECTED, Decision.APPROVED, Decision.APPROVED),
    findings=(
        Finding(1, "schema", 1, "schema.maximum", detail="12 is above the maximum 9"),
        Finding(1, "duplicates", 1, "duplicates.market", detail="seen before"),
    ),
)
LEAVES = pa.table(
    {
        "submission": [7] * 4,
        "record": range(4),
        "leaf": [bytes(32)] * 4,
        "salt": [bytes(16), None, bytes(16), bytes(16)],
    }
)


def parts(**changes: Any) -> Parts:
    made: dict[str, Any] = {
        "records": RECORDS, "specification": ASKED, "verdicts": bundle.verdict_table([VERDICT]), "leaves": LEAVES,
        "receipt": {"chain": 31337, "request": 1, "licence": "CC-BY-4.0"}, "published_at": 1_795_000_000,
    }  # fmt: skip
    return Parts(**(made | changes))


@pytest.fixture
def bought(tmp_path: Path) -> Bundle:
    return bundle.write(
        tmp_path / "bought", parts(), lambda blocks: "b" + hashlib.sha256(b"".join(blocks)).hexdigest()
    )


def test_a_bundle_says_what_it_holds(bought: Bundle) -> None:
    """The files of a bundle are those of its description; licence, receipt, verdicts and specification read back."""
    assert bought.records == 3
    assert bought.licence == "CC-BY-4.0"
    assert bought.receipt["chain"] == 31337
    assert bought.specification == ASKED
    assert bought.leaves().equals(LEAVES)
    verdicts = bought.verdicts().to_pylist()
    assert [row["decision"] for row in verdicts] == ["approved", "rejected", "approved", "approved"]
    assert verdicts[1]["code"] == "schema.maximum; duplicates.market"
    assert verdicts[1]["detail"] == "12 is above the maximum 9; seen before"
    licence = (bought.directory / "LICENSE.txt").read_text()
    assert "SPDX-License-Identifier: CC-BY-4.0" in licence
    assert "Name the contributors." in licence
    assert all(len(file.cid) == 65 for file in bought.manifest.files)
    assert {file.path for file in bought.manifest.files} == {*bundle.FILES, "data/part-00000.parquet"}


def test_a_bundle_is_immutable_and_whole(bought: Bundle) -> None:
    """Files are read-only, nothing else is left beside the bundle, and it is never written over."""
    files = [path for path in bought.directory.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o444}
    assert [path.name for path in bought.directory.parent.iterdir()] == ["bought"]
    with pytest.raises(InputError):
        bundle.write(bought.directory, parts())


def test_a_bundle_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Where writing fails midway nothing is left behind, and records that do not fit the schema are refused first."""

    def fail(_: Any) -> str:
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="No space left"):
        bundle.write(tmp_path / "b", parts(), fail)
    with pytest.raises(RecordError):
        bundle.write(tmp_path / "b", parts(records=pa.table({"text": ["a"]})))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        bundle.write(tmp_path / "file" / "b", parts())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_same_parts_give_the_same_bytes(tmp_path: Path) -> None:
    """Nothing of the machine, the clock or chance is in a bundle."""
    one, other = bundle.write(tmp_path / "a", parts()), bundle.write(tmp_path / "b", parts())
    assert (one.directory / "manifest.json").read_bytes() == (other.directory / "manifest.json").read_bytes()


def test_large_sets_are_split_into_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records beyond the size of a part go on in the next file, in order."""
    monkeypatch.setattr(bundle, "PART_BYTES", RECORDS.nbytes // 3)
    made = bundle.write(tmp_path / "a", parts())
    assert len(made.data_files) > 1
    assert made.to_arrow(["text"]).column("text").to_pylist() == ["one", "two", "three"]


def test_a_bundle_without_records_is_whole(tmp_path: Path) -> None:
    """Where nothing was approved the bundle still opens, with no records."""
    made = bundle.write(tmp_path / "a", parts(records=RECORDS.slice(0, 0)))
    assert made.records == len(made.to_polars()) == 0


def unlock(path: Path) -> Path:
    path.chmod(0o644)
    return path


def flip(path: Path) -> None:
    data = bytearray(unlock(path).read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def relist(directory: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = unlock(directory / "manifest.json")
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


def swap_for_other(directory: Path) -> None:
    """Replace the data by what is no Parquet, and list it properly."""
    path = unlock(directory / "data/part-00000.parquet")
    path.write_bytes(b"PAR2" + path.read_bytes()[4:])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    relist(
        directory, lambda d: [f.update(sha256=digest) for f in d["files"] if f["path"].startswith("data/")]
    )


def link(directory: Path) -> None:
    (directory / "data/part-00000.parquet").rename(directory.parent / "elsewhere")
    (directory / "data/part-00000.parquet").symlink_to(directory.parent / "elsewhere")


TAMPERINGS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "data altered": (lambda d: flip(d / "data/part-00000.parquet"), "data/part-00000.parquet was altered"),
    "verdicts altered": (lambda d: flip(d / "verdicts.parquet"), "verdicts.parquet was altered"),
    "receipt longer": (lambda d: unlock(d / "receipt.json").write_text("{}"), "receipt.json was altered"),
    "licence missing": (lambda d: (d / "LICENSE.txt").unlink(), "LICENSE.txt is missing"),
    "data missing": (lambda d: shutil.rmtree(d / "data"), "data/part-00000.parquet is missing"),
    "file added": (lambda d: (d / "data/part-00001.parquet").write_bytes(b""), "part-00001.parquet does not belong"),
    "link": (link, "is not a plain file"),
    "pipe": (lambda d: os.mkfifo(d / "pipe"), "is not a plain file"),
    "unlisted": (lambda d: relist(d, lambda m: m["files"].pop(0)), "does not belong"),
    "listed twice": (lambda d: relist(d, lambda m: m["files"].append(m["files"][0])), "lists a file twice"),
    "required file gone": (
        lambda d: ((d / "receipt.json").unlink(), relist(d, lambda m: m["files"].__delitem__(-2))), "receipt.json is missing",
    ),
    "no parquet": (swap_for_other, "no Parquet"),
    "path outside": (lambda d: relist(d, lambda m: m["files"][0].update(path="../x")), "do not use"),
    "absolute path": (lambda d: relist(d, lambda m: m["files"][0].update(path="/etc/passwd")), "do not use"),
    "manifest of itself": (lambda d: relist(d, lambda m: m["files"][0].update(path="manifest.json")), "do not use"),
    "manifest cut": (lambda d: unlock(d / "manifest.json").write_bytes(b'{"format":'), "manifest.json"),
    "manifest foreign": (lambda d: relist(d, lambda m: m.update(more=1)), "manifest.json"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
def test_every_tampering_is_found(bought: Bundle, name: str) -> None:
    """An altered, missing, foreign or linked file, and a manifest that lies, are named in one line when the bundle is opened."""
    tamper, words = TAMPERINGS[name]
    tamper(bought.directory)
    with pytest.raises(IntegrityError) as refusal:
        sheaf.load(bought.directory)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
    if "manifest" not in name and "path" not in name and "twice" not in name:
        assert bundle.read(bought.directory, is_checked=False).check()


def test_what_is_no_bundle_is_refused(tmp_path: Path, bought: Bundle) -> None:
    """A folder without manifest, and a bundle of another format, are refused with a way out."""
    with pytest.raises(InputError, match="manifest"):
        sheaf.load(tmp_path)
    relist(bought.directory, lambda m: m.update(format="sheaf-bundle-9"))
    with pytest.raises(InputError, match="sheaf-bundle-1"):
        sheaf.load(bought.directory)


def test_a_bundle_loads_everywhere(bought: Bundle) -> None:
    """Two lines load the same rows into pyarrow, polars, pandas and Hugging Face datasets, and columns can be chosen."""
    loaded = sheaf.load(bought.directory)
    assert loaded.to_arrow().column("text").to_pylist() == ["one", "two", "three"]
    assert loaded.to_polars()["label"].to_list() == [1, 2, 3]
    assert loaded.to_pandas()["label"].tolist() == [1, 2, 3]
    assert loaded.to_arrow(["label"]).column_names == ["label"]
    with pytest.raises(InputError, match="name some of"):
        loaded.to_arrow(["lable"])


def test_a_bundle_loads_into_datasets(bought: Bundle) -> None:
    """`to_datasets` gives a Hugging Face dataset with the rows and columns of the bundle."""
    pytest.importorskip("datasets", reason="Hugging Face datasets is not installed")
    dataset = bought.to_datasets()
    assert dataset[1]["text"] == "two"
    assert dataset.column_names == list(SCHEMA["properties"])  # type: ignore[call-overload]


def test_a_tool_that_is_not_installed_is_named(bought: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing optional tool is refused with the command that installs it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for load in (bought.to_pandas, bought.to_datasets, bought.to_torch):
        with pytest.raises(InputError, match="pip install"):
            load()


def test_the_metadata_is_valid_croissant(bought: Bundle) -> None:
    """mlcroissant reads the metadata as Croissant 1.1 and finds neither errors nor warnings."""
    mlc = pytest.importorskip("mlcroissant")
    dataset = mlc.Dataset(jsonld=bought.directory / "croissant.json")
    assert dataset.metadata.issues.report() == ""
    assert not dataset.metadata.issues.errors
    assert not dataset.metadata.issues.warnings
    assert dataset.metadata.ctx.is_v1_1()
    record_set = dataset.metadata.record_sets[0]
    assert {field.name for field in record_set.fields} == set(SCHEMA["properties"])  # type: ignore[call-overload]
    digests = {file.path: file.sha256 for file in bought.manifest.files}
    assert {file.id: file.sha256 for file in dataset.metadata.distribution}.items() <= digests.items()


def test_compound_licences_have_no_single_page(tmp_path: Path) -> None:
    """The licence of the metadata is its SPDX page, or the expression itself where there is no single page."""
    for licence, expected in (
        ("CC0-1.0", "https://spdx.org/licenses/CC0-1.0.html"), ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("LicenseRef-own", "LicenseRef-own"),
    ):  # fmt: skip
        made = bundle.write(
            tmp_path / licence, parts(specification=msgspec.structs.replace(ASKED, licence=licence))
        )
        assert json.loads((made.directory / "croissant.json").read_text())["license"] == expected


torch_only = pytest.mark.skipif(
    not loaders.is_installed("torch"), reason="torch is not installed: pip install torch==2.13.0"
)


@torch_only
def test_torch_batches_hold_the_rows(bought: Bundle) -> None:
    """Numbers become tensors, lists of one length a matrix, null numbers NaN, text a list; the last batch is the rest."""
    import torch

    first, last = list(bought.to_torch(batch_size=2, columns=["text", "label", "score", "pixels", "flag"]))
    assert first["label"].tolist() == [1, 2]
    assert first["label"].dtype == torch.int64
    assert torch.isnan(first["score"][1])
    assert first["pixels"].tolist() == [[1, 2], [3, 4]]
    assert first["flag"].dtype == torch.bool
    assert first["text"] == ["one", "two"]
    assert last["label"].tolist() == [3]
    first["label"][0] = 9
    assert bought.to_arrow(["label"]).column(0)[0].as_py() == 1
    for size in (0, -1, "4"):
        with pytest.raises(InputError):
            bought.to_torch(batch_size=size)  # type: ignore[arg-type]


@torch_only
def test_columns_that_are_no_rectangle_become_lists() -> None:
    """Ragged lists, lists with nulls, booleans with nulls and text are given as they are."""
    values = [
        pa.array([[1], [2, 3]]),
        pa.array([[1], None]),
        pa.array([[None], [1]]),
        pa.array([True, None]),
        pa.array([["a"], ["b"]]),
    ]
    for column in (*values, pa.array([[], []], pa.list_(pa.int64()))):
        assert loaders.tensor(column) == column.to_pylist()
    assert loaders.tensor(pa.array([[0, 0], [1, 2], [3, 4]])[1:]).tolist() == [[1, 2], [3, 4]]


@torch_only
def test_workers_share_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any number of workers every row is read exactly once."""
    from torch.utils.data import DataLoader

    monkeypatch.setattr(parquet, "ROW_GROUP", 10)
    count = 95
    records = pa.table(
        {
            "text": ["x"] * count,
            "label": [i % 10 for i in range(count)],
            "score": [float(i) for i in range(count)],
        }
    )
    made = bundle.write(tmp_path / "b", parts(records=records))
    loader = DataLoader(made.to_torch(batch_size=8, columns=["score"]), batch_size=None, num_workers=2)
    assert sorted(value for batch in loader for value in batch["score"].tolist()) == [
        float(i) for i in range(count)
    ]


@torch_only
def test_torch_datasets_travel_to_spawned_workers(bought: Bundle) -> None:
    """The dataset can be pickled into a fresh process, as workers that are spawned need it."""
    data = pickle.dumps(bought.to_torch(batch_size=3, columns=["label"]))
    code = "import pickle, sys; print(next(iter(pickle.load(sys.stdin.buffer)))['label'].tolist())"
    result = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert result.stdout.strip() == b"[1, 2, 3]"
