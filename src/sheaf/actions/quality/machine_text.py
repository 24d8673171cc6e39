"""Which texts of a file read like a machine's, by examples of both: leads for a reviewer, nothing more."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sheaf.domain.errors import RecordError
from sheaf.formats import records
from sheaf.verification.machine_text import MachineText, is_lead, train
from sheaf.verification.personal import text_fields

HUMAN = "human"
MAX_FILES = 20_000
MAX_BYTES = 2**20


class TextLead(msgspec.Struct, frozen=True):
    """One text: its chance to be a machine's if either were equally likely, and whether that is worth a look."""

    record: int
    score: float
    is_lead: bool


class MachineTextReport(msgspec.Struct, frozen=True):
    """The texts of a file, and how well the examples themselves were told apart out of fold."""

    field: str
    examples: int
    auc: float
    recall: float
    threshold: float
    texts: list[TextLead]


def machine_text(file: Path, examples: Path, field: str = "", seed: int = 0) -> MachineTextReport:
    """Score the texts of `file` (CSV, JSON Lines, Parquet: one a record, of `field` or the only text field; .txt: one in all).

    Raises RecordError for files that cannot be read, InputError for too few examples.
    """
    name, texts = _texts(file, field)
    judge = learn(examples, seed)
    scores = judge.scores(texts).tolist()
    leads = [
        TextLead(record, score, is_lead(text, score, judge.threshold))
        for record, (score, text) in enumerate(zip(scores, texts, strict=True))
    ]
    quality = judge.quality
    return MachineTextReport(name, quality.examples, quality.auc, quality.recall, judge.threshold, leads)


def learn(folder: Path, seed: int = 0) -> MachineText:
    """Train on a folder that holds `human/` and other folders of .txt files; files of one name are one group.

    Raises RecordError for a folder of another form, InputError for too few examples.
    """
    texts, is_machine, groups = examples_of(folder)
    return train(texts, is_machine, groups, seed)


def examples_of(folder: Path) -> tuple[list[str], list[bool], list[str]]:
    """Read texts, whether each is a machine's, and its group. Raises RecordError for a folder of another form or size."""
    kinds = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if HUMAN not in [path.name for path in kinds] or len(kinds) < 2:
        raise RecordError(
            "examples", folder, f"give a folder that holds {HUMAN}/ and another folder of .txt files"
        )
    files = [path for kind in kinds for path in sorted(kind.glob("*.txt"))]
    if len(files) > MAX_FILES:
        raise RecordError("examples", f"{len(files)} files", f"give at most {MAX_FILES}")
    return (
        [_text(path) for path in files],
        [path.parent.name != HUMAN for path in files],
        [path.stem for path in files],
    )


def _texts(file: Path, field: str) -> tuple[str, list[str]]:
    if file.suffix.lower() == ".txt":
        if not file.is_file():
            raise RecordError("file", file, "give a file that exists")
        return "text", [_text(file)]
    table = records.read(file)
    fields = text_fields(table)
    name = field or (fields[0] if len(fields) == 1 else "")
    if name not in fields:
        raise RecordError(
            "field", name or "none named", f"name one column of text: {', '.join(fields) or 'there are none'}"
        )
    return name, [text or "" for text in table.column(name).to_pylist()]


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise RecordError(
            path.name, f"{path.stat().st_size} bytes", f"give texts of at most {MAX_BYTES} bytes"
        )
    return path.read_text(encoding="utf-8", errors="replace")
