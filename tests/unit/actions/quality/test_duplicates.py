"""The verb that looks for near duplicates in a file, and the command over it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sheaf.actions.quality.duplicates import near_duplicates, scales
from sheaf.cli.main import app
from sheaf.domain.errors import InputError, RecordError

TEXTS = (
    "the quick brown fox jumps over the lazy dog near the river",
    "something else entirely",
    "The quick brown fox jumps over the lazy dog near the river bank!",
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps({"text": text, "n": n}) + "\n" for n, text in enumerate(TEXTS)))
    return path


def test_a_file_gives_pairs_and_clusters(file: Path) -> None:
    """Near records are paired with their similarity, and hang together in clusters."""
    found = near_duplicates(file, ["text"])
    (pair,) = found.pairs
    assert (pair.record, pair.earlier) == (2, 0) and 0.8 < pair.similarity < 1
    assert found.clusters == [[0, 2]] and (found.records, found.compared) == (3, 3)
    assert near_duplicates(file).kind.startswith("table") and not near_duplicates(file).pairs


def test_an_index_remembers(file: Path, tmp_path: Path) -> None:
    """What was added is found by later files under its number, adding twice changes nothing, and own records do not match."""
    seen = tmp_path / "seen"
    first = near_duplicates(file, ["text"], index=seen, settings={"submission": 3})
    assert first.added and first.indexed == 3 and first.matches == []
    again = near_duplicates(file, ["text"], index=seen, settings={"submission": 3})
    assert not again.added and again.indexed == 3 and again.matches == []
    later = near_duplicates(file, ["text"], index=seen)
    assert [(m.record, m.submission, m.other) for m in later.matches if m.similarity == 1] == [
        (i, 3, i) for i in range(3)
    ]
    assert {(m.record, m.other) for m in later.matches} == {(0, 0), (0, 2), (1, 1), (2, 0), (2, 2)}


def test_the_command_answers_in_json_and_in_words(file: Path, tmp_path: Path) -> None:
    """`sheaf quality duplicates` needs no network, and says the same under --json and without."""
    line = [
        "quality",
        "duplicates",
        str(file),
        "--field",
        "text",
        "--index",
        str(tmp_path / "seen"),
        "--add-as",
    ]
    told = CliRunner().invoke(app, [*line, "1", "--json"])
    shown = CliRunner().invoke(app, [*line, "2"])
    answer = json.loads(told.stdout)
    assert told.exit_code == shown.exit_code == 0
    assert answer["clusters"] == [[0, 2]] and answer["added"]
    assert "1 repeat an earlier one, in 1 clusters" in shown.stdout
    assert "nearest in the index" in shown.stdout and "6 records, these among them" in shown.stdout
    table = ["quality", "duplicates", str(file), "--field", "n", "--scale", "n=100", "--threshold", "0.99"]
    rows = CliRunner().invoke(app, [*table, "--json"])
    assert json.loads(rows.stdout)["clusters"] == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--field", "nowhere"], "field: nowhere"),
        (["--field", "n", "--kind", "text"], "field: n"),
        (["--kind", "sound"], "kind: sound"),
        (["--field", "text", "--threshold", "7"], "threshold: 7"),
        (["--field", "text", "--unit", "letters"], "unit: letters"),
        (["--field", "text", "--add-as", "4"], "submission: 4: name the index"),
        (["--scale", "n"], "scale: n: give FIELD=NUMBER"),
        (["--scale", "n=x"], "scale: n=x: give FIELD=NUMBER"),
        (["--scale", "n=nan"], "scales: n=nan: give a number above 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(file: Path, options: list[str], message: str) -> None:
    """Every wrong option is bad input, named with its value."""
    refused = CliRunner().invoke(app, ["quality", "duplicates", str(file), *options])
    assert refused.exit_code == 2 and message in refused.output


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """No file, and one without records of any known form."""
    with pytest.raises((RecordError, OSError)):
        near_duplicates(tmp_path / "nowhere.csv")
    (tmp_path / "odd.xyz").write_text("x")
    with pytest.raises(RecordError, match=r"^file: odd\.xyz"):
        near_duplicates(tmp_path / "odd.xyz")


def test_scales_are_names_and_numbers() -> None:
    """A name may hold an equals sign; the last one parts it from its number."""
    assert scales(["a=1", "b=c=2.5"]) == {"a": 1.0, "b=c": 2.5}
    with pytest.raises(InputError, match="FIELD=NUMBER"):
        scales(["=1"])
