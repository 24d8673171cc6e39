"""The verb that reads a folder of labels, and the command over it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sheaf.actions.quality.labels import label_quality
from sheaf.cli.main import app
from sheaf.domain.errors import RecordError
from tests.unit.verification.aggregation.crowd import drawn, with_ring

SIZES = {"items": 200, "workers": 18, "classes": 3, "each": 6}


def write(path: Path, names: str, *columns: np.ndarray) -> Path:
    rows = "\n".join(",".join(map(str, row)) for row in zip(*(c.tolist() for c in columns), strict=True))
    path.write_text(f"{names}\n{rows}\n")
    return path


@pytest.fixture
def crowd(tmp_path: Path) -> tuple[Path, Path, np.ndarray]:
    item, worker, label, truth = with_ring(3, drawn(200, 70, 3), **SIZES)
    write(tmp_path / "label.csv", "item,worker,label", item, worker, label)
    gold = write(tmp_path / "gold.csv", "item,truth", np.arange(20), truth[:20])
    return tmp_path, gold, truth


def test_a_folder_gives_labels_workers_and_rings(crowd: tuple[Path, Path, np.ndarray]) -> None:
    """Every item has an answer with its chance, every worker a score, and the ring is named by its members."""
    folder, gold, truth = crowd
    found = label_quality(folder, gold)
    assert [item.item for item in found.items] == list(range(200)) and found.is_calibrated
    assert np.mean([item.label == truth[item.item] for item in found.items]) > 0.85
    assert sum(item.is_gold for item in found.items) == found.gold == 20
    assert any(set(range(18, 30)) <= set(ring.members) for ring in found.rings)
    assert {worker.worker for worker in found.workers if worker.ring >= 0} >= set(range(18, 30))


def test_the_command_answers_in_json_and_in_words(crowd: tuple[Path, Path, np.ndarray]) -> None:
    """`sheaf quality labels` needs no network, and says the same under --json and without."""
    folder, gold, _ = crowd
    told = CliRunner().invoke(app, ["quality", "labels", str(folder), "--gold", str(gold), "--json"])
    shown = CliRunner().invoke(app, ["quality", "labels", str(folder), "--gold", str(gold)])
    plain = CliRunner().invoke(app, ["quality", "labels", str(folder)])
    answer = json.loads(told.stdout)
    assert told.exit_code == shown.exit_code == plain.exit_code == 0
    assert len(answer["items"]) == 200 and len(answer["workers"]) == 30
    assert "ring 0:" in shown.stdout and "calibrated on gold" in shown.stdout
    assert "not looked for without --gold" in plain.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "label.csv: "),
        ("item,worker,label\n", "label.csv: no rows"),
        ("item,worker\n1,2\n", "label.csv: item,worker: give the columns"),
        ("item,worker,label,x\n1,2,0,0\n", "give the columns"),
        ("item,worker,label\n1,2,cat\n", "label.csv: "),
        ("item,worker,label\n1,2,0.5\n", "label.csv: "),
        ("item,worker,label\n1,2,\n", "label.csv: "),
        ("item,worker,label\n1,2\n", "label.csv: "),
        ("item,worker,label\n0,0,0\n0,-1,0\n", "label.csv line 3, worker: -1"),
        ("item,worker,label\n99999999999999,0,0\n", "label.csv line 2, item"),
        ("item,worker,label\n999999999999999999999,0,0\n", "label.csv: "),
        ("item,worker,label\n1000000000,0,0\n", "labels: 1000000001 items"),
        ("item,worker,label\n\x00\xff,0,0\n", "label.csv: "),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    """Whatever is no table of whole numbers is refused, naming the file and what is wrong."""
    (tmp_path / "label.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(RecordError, match=message) as refusal:
        label_quality(tmp_path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item,truth\n0,1\n0,2\n", "gold: item 0: give each item one answer"),
        ("item,truth\n500,1\n", "gold: item 500: give answers of items that have labels"),
        ("item,label\n0,1\n", "give the columns item,truth"),
        ("item,truth\n0,100000\n", "label: 100000"),
    ],
)
def test_bad_gold_is_refused(crowd: tuple[Path, Path, np.ndarray], text: str, message: str) -> None:
    """Gold that contradicts itself or speaks of other items is refused."""
    folder, gold, _ = crowd
    gold.write_text(text)
    with pytest.raises(RecordError, match=message):
        label_quality(folder, gold)


def test_absent_files_are_refused_by_the_command(tmp_path: Path) -> None:
    """A folder without labels, or no folder, ends the command with exit code 2 and one line."""
    for folder in (tmp_path, tmp_path / "none"):
        ended = CliRunner().invoke(app, ["quality", "labels", str(folder)])
        assert ended.exit_code == 2 and "refused" in ended.output
