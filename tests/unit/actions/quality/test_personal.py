"""Personal data in files: what the verb reports, what it never prints, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sheaf.actions.quality.personal import personal_data
from sheaf.cli.main import app
from sheaf.domain.errors import InputError, RecordError

SECRETS = ("someone@example.org", "4111 1111 1111 1111", "078-05-1120")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    rows = [f'{n},"tell {secret} to nobody",plain' for n, secret in enumerate(SECRETS)]
    path.write_text("n,answer,note\n" + "\n".join([*rows, "3,nothing to see,someone@example.org"]) + "\n")
    return path


def test_records_are_counted_and_places_named(file: Path) -> None:
    """Each place has record, field and characters; kinds are counted, most frequent first."""
    found = personal_data(file)
    assert (found.records, found.flagged) == (4, 4)
    assert found.kinds == {"email": 2, "card": 1, "ssn": 1}
    assert [(spot.record, spot.field, spot.start, spot.end) for spot in found.spots] == [
        (0, "answer", 5, 24), (1, "answer", 5, 24), (2, "answer", 5, 16), (3, "note", 0, 19),
    ]  # fmt: skip


def test_choices_narrow_the_search(file: Path) -> None:
    """Kinds, fields and a least score leave out the rest."""
    assert personal_data(file, ["email"], ["note"]).kinds == {"email": 1}
    assert personal_data(file, least_score=0.99).kinds == {"email": 2}


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_nothing_found_is_printed_whole(file: Path, options: list[str]) -> None:
    """Neither report shows what was found, both show that it was."""
    told = CliRunner().invoke(app, ["quality", "personal", str(file), *options])
    assert told.exit_code == 0 and "card" in told.stdout
    assert not [secret for secret in SECRETS if secret in told.stdout]
    if options:
        assert json.loads(told.stdout)["flagged"] == 4


def test_a_file_without_personal_data_says_so(tmp_path: Path) -> None:
    """A clean file is no error, and has no tables."""
    path = tmp_path / "clean.jsonl"
    path.write_text('{"a": "the river was wide"}\n')
    told = CliRunner().invoke(app, ["quality", "personal", str(path)])
    assert told.exit_code == 0 and told.stdout.startswith("0 of 1 records")


def test_what_cannot_be_taken_is_refused(file: Path, tmp_path: Path) -> None:
    """An unknown kind or field, a number field, and a file that is none are named in one line."""
    with pytest.raises(InputError, match="kind: mail"):
        personal_data(file, ["mail"])
    for field in ("n", "z"):
        with pytest.raises(InputError, match=f"field: {field}"):
            personal_data(file, (), [field])
    with pytest.raises(RecordError):
        personal_data(tmp_path / "letter.doc")
    told = CliRunner().invoke(app, ["quality", "personal", str(file), "--kind", "mail"])
    assert told.exit_code != 0 and "Traceback" not in told.output
