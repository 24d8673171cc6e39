"""The verb that learns from a folder of examples and scores a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.machine_text import made
from sheaf.actions.quality import machine_text as verb
from sheaf.actions.quality.machine_text import examples_of, learn, machine_text
from sheaf.cli.main import app
from sheaf.domain.errors import InputError, RecordError
from sheaf.verification.machine_text import MachineText


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("examples")
    for text, is_machine, group in zip(*made(25, 6), strict=True):
        kind = root / ("machine" if is_machine else "human")
        kind.mkdir(exist_ok=True)
        (kind / f"{group}.txt").write_text(text)
    return root


@pytest.fixture(scope="module")
def learned(folder: Path) -> MachineText:
    return learn(folder)


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    texts, _, _ = made(25, 6)
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(json.dumps({"n": n, "answer": text}) for n, text in enumerate(texts)) + "\n")
    return path


def test_the_command_scores_each_text(
    folder: Path, answers: Path, learned: MachineText, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each record has a score; leads are said to be worth a look, in words and under --json."""
    monkeypatch.setattr(verb, "learn", lambda *_: learned)
    command = ["quality", "machine-text", str(answers), "--examples", str(folder)]
    told = CliRunner().invoke(app, [*command, "--json"])
    shown = CliRunner().invoke(app, command)
    answer = json.loads(told.stdout)
    assert told.exit_code == shown.exit_code == 0
    assert [text["record"] for text in answer["texts"]] == list(range(50)) and answer["field"] == "answer"
    assert sum(text["is_lead"] for text in answer["texts"][25:]) > sum(
        text["is_lead"] for text in answer["texts"][:25]
    )
    assert "worth a look" in shown.stdout


def test_a_text_file_is_one_text(folder: Path, learned: MachineText, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .txt file is scored whole."""
    monkeypatch.setattr(verb, "learn", lambda *_: learned)
    assert len(machine_text(folder / "human" / "0.txt", folder).texts) == 1


def test_files_that_cannot_be_taken(folder: Path, answers: Path, tmp_path: Path) -> None:
    """Examples of another form, no text field or two, and absent files are named in one line."""
    for wrong in (tmp_path / "absent", tmp_path):
        with pytest.raises(RecordError, match="examples"):
            examples_of(wrong)
    with pytest.raises(RecordError, match="field: z"):
        machine_text(answers, folder, "z")
    two = tmp_path / "two.csv"
    two.write_text("a,b\nx,y\n")
    with pytest.raises(RecordError, match="name one column of text: a, b"):
        machine_text(two, folder)
    with pytest.raises(RecordError, match="file"):
        machine_text(tmp_path / "absent.txt", folder)
    for kind in ("human", "machine"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "1.txt").write_text("few")
    with pytest.raises(InputError, match="1 of one kind"):
        machine_text(answers, tmp_path)
    (tmp_path / "human" / "2.txt").write_bytes(b"a" * (2**20 + 1))
    with pytest.raises(RecordError, match="bytes"):
        examples_of(tmp_path)
