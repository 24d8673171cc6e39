"""The verb that scores records by gold, and the command over it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv
from typer.testing import CliRunner

from sheaf.actions.quality.scores import record_scores
from sheaf.cli.main import app
from sheaf.domain.errors import InputError, RecordError
from tests.unit.verification.scoring.offers import EACH, KINDS, offer


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    gold, records, *_ = offer()
    folder = tmp_path_factory.mktemp("offer")
    csv.write_csv(gold, folder / "gold.csv")
    csv.write_csv(records, folder / "sent.csv")
    return folder / "sent.csv", folder / "gold.csv"


def test_the_command_answers_in_json(files: tuple[Path, Path]) -> None:
    """Every record has its chance, decision and reason, every contributor an estimate; no network is needed."""
    sent, gold = files
    given = [
        "quality",
        "score",
        str(sent),
        "--gold",
        str(gold),
        "--label",
        "label",
        "--contributor",
        "sender",
    ]
    ended = CliRunner().invoke(app, [*given, "--json"])
    answer = json.loads(ended.stdout)
    assert ended.exit_code == 0 and answer["gold"] == 60
    assert [one["record"] for one in answer["records"]] == list(range(EACH * len(KINDS)))
    assert sum(one["is_taken"] for one in answer["records"]) == answer["taken"] > 0
    assert answer["expected_precision"] > 0.99 and 0 < answer["limit"] < 1
    shares = {one["contributor"]: one["good"] for one in answer["contributors"]}
    assert shares["sender 0"] > 0.95 and shares["sender 5"] < 0.1
    assert {one["records"] for one in answer["contributors"]} == {EACH}


def test_the_command_answers_in_words(files: tuple[Path, Path]) -> None:
    """Without --json it says how many to take, why others not, and who sent the worst."""
    sent, gold = files
    given = [
        "quality",
        "score",
        str(sent),
        "--gold",
        str(gold),
        "--label",
        "label",
        "--contributor",
        "sender",
    ]
    ended = CliRunner().invoke(app, given)
    assert ended.exit_code == 0 and "to take, each good with a chance of" in ended.stdout
    assert "sender 5" in ended.stdout and "unlike" in ended.stdout


def test_numbers_in_a_column_of_texts_are_texts(tmp_path: Path) -> None:
    """A file that holds nothing but digits in a column of texts is read as gold is."""
    gold = pa.table({"kind": ["1", "x", "y"] * 10, "size": [1.0, 2.0, 3.0] * 10, "label": [0, 1, 1] * 10})
    csv.write_csv(gold, tmp_path / "gold.csv")
    csv.write_csv(pa.table({"kind": [1, 1], "size": [1.0, 1.0], "label": [0, 0]}), tmp_path / "sent.csv")
    found = record_scores(tmp_path / "sent.csv", tmp_path / "gold.csv", "label")
    assert all(one.likely == 0 and one.reason != "unreadable" for one in found.records)


def test_other_fields_than_gold_has_cannot_be_judged(tmp_path: Path, files: tuple[Path, Path]) -> None:
    """Records without gold's fields are unreadable, each for itself, and none is taken."""
    csv.write_csv(pa.table({"y": [1.0, 2.0], "label": ["label 0", "label 1"]}), tmp_path / "sent.csv")
    found = record_scores(tmp_path / "sent.csv", files[1], "label")
    assert [one.reason for one in found.records] == ["unreadable"] * 2
    assert found.taken == 0 and found.limit is None and found.expected_precision is None


def test_bad_calls_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Columns and files that are not there, and a precision that is no share, end in one line."""
    sent, gold = files
    (tmp_path / "broken.csv").write_bytes(b"\xff\xfe\x00,,\n")
    for arguments, error, message in [
        ((sent, gold, "mark"), RecordError, "no column mark"),
        ((sent, gold, "label", "label"), RecordError, "contributor"),
        ((sent, gold, "label", "who"), RecordError, "no column who"),
        ((sent, tmp_path / "none.csv", "label"), RecordError, "none.csv"),
        ((tmp_path / "broken.csv", gold, "label"), RecordError, "UTF-16"),
        ((sent, gold, "label", None, 1.5), InputError, "precision"),
    ]:
        with pytest.raises(error, match=message) as refusal:
            record_scores(*arguments)
        assert "\n" not in str(refusal.value)
    ended = CliRunner().invoke(app, ["quality", "score", str(sent), "--gold", str(gold), "--label", "mark"])
    assert ended.exit_code == 2 and "no column mark" in ended.output
