"""From many labels to one answer an item: read a folder, infer, and say what each worker is worth."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from sheaf.domain.errors import RecordError
from sheaf.verification.aggregation import Community, Inference, Labels, infer

LABELS_FILE = "label.csv"
MAX_BYTES = 2**28
LARGEST = 2**40
"""Numbers of items, workers and classes beyond this are surely no numbering from 0."""


class ItemLabel(msgspec.Struct, frozen=True):
    """One item's answer: the chance that `label` is right, the posterior over all classes, how many labels it had."""

    item: int
    label: int
    chance: float
    posterior: list[float]
    labels: int
    is_gold: bool


class WorkerReport(msgspec.Struct, frozen=True):
    """One worker: labels given, chance to be right, spammer score (0 surely not; 0.5 undecided; 1 surely), ring or -1."""

    worker: int
    labels: int
    skill: float
    spammer: float
    ring: int


class RingReport(msgspec.Struct, frozen=True):
    """Workers who copy each other or are wrong together: agreement and accuracy on gold, beyond chance."""

    members: list[int]
    agreement: float
    accuracy: float
    error: float
    gold: int


class LabelQuality(msgspec.Struct, frozen=True):
    """What a folder of labels says; `is_calibrated` where gold stood behind the chances."""

    labels: int
    classes: int
    gold: int
    is_calibrated: bool
    weights: dict[str, float]
    items: list[ItemLabel]
    workers: list[WorkerReport]
    rings: list[RingReport]


def label_quality(directory: Path, gold: Path | None = None) -> LabelQuality:
    """Infer the truth from `directory`/label.csv (`item,worker,label`), with `gold` (`item,truth`) where some answers are known.

    Raises RecordError for files that are absent, malformed, too large, or that contradict themselves.
    """
    if not directory.is_dir():
        raise RecordError("directory", directory, f"give a folder that holds {LABELS_FILE}")
    item, worker, label = _columns(directory / LABELS_FILE, ("item", "worker", "label"))
    known = _gold(gold, item) if gold is not None else {}
    labels = Labels.of(item, worker, label, known)
    return _report(labels, infer(labels))


def _gold(path: Path, item: NDArray[np.int64]) -> dict[int, int]:
    which, truth = _columns(path, ("item", "truth"))
    known = dict(zip(which.tolist(), truth.tolist(), strict=True))
    contradicted = [i for i, answer in zip(which.tolist(), truth.tolist(), strict=True) if known[i] != answer]
    if contradicted:
        raise RecordError("gold", f"item {contradicted[0]}", "give each item one answer")
    unknown = np.setdiff1d(which, item)
    if len(unknown):
        raise RecordError("gold", f"item {unknown[0]}", "give answers of items that have labels")
    return known


def _columns(path: Path, names: tuple[str, ...]) -> list[NDArray[np.int64]]:
    """Read columns of whole numbers from 0. Other columns are refused, so that a wrong file is noticed."""
    if not path.is_file():
        raise RecordError("file", path, f"give a CSV file with the columns {','.join(names)}")
    if path.stat().st_size > MAX_BYTES:
        raise RecordError(path.name, f"{path.stat().st_size} bytes", f"give at most {MAX_BYTES} bytes")
    try:
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(use_threads=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.int64()), strings_can_be_null=False, null_values=[]
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise RecordError(
            path.name, error, "give whole numbers, comma-separated, under one line of names"
        ) from None
    if sorted(table.column_names) != sorted(names):
        raise RecordError(path.name, ",".join(table.column_names), f"give the columns {','.join(names)}")
    if not len(table):
        raise RecordError(path.name, "no rows", "give at least one")
    columns = [table.column(name).to_numpy() for name in names]
    for name, column in zip(names, columns, strict=True):
        wrong = (column < 0) | (column > LARGEST)
        if wrong.any():
            row = int(wrong.argmax())
            raise RecordError(f"{path.name} line {row + 2}, {name}", int(column[row]), "number from 0")
    return columns


def _report(labels: Labels, found: Inference) -> LabelQuality:
    votes = labels.votes.sum(axis=1).astype(np.int64)
    truth, confidence = found.truth.label, found.truth.confidence
    items = [
        ItemLabel(
            item=int(i),
            label=int(truth[i]),
            chance=float(confidence[i]),
            posterior=found.truth.posterior[i].tolist(),
            labels=int(votes[i]),
            is_gold=bool(labels.gold[i] >= 0),
        )
        for i in np.flatnonzero(votes)
    ]
    workers = [
        WorkerReport(
            worker=int(w),
            labels=int(labels.given[w]),
            skill=float(found.truth.skill[w]),
            spammer=float(found.spammer[w]),
            ring=int(found.ring[w]),
        )
        for w in np.flatnonzero(labels.given)
    ]
    return LabelQuality(
        labels=len(labels),
        classes=labels.classes,
        gold=len(labels.known),
        is_calibrated=found.calibration.gold > 0,
        weights=found.weights,
        items=items,
        workers=workers,
        rings=[_ring(ring) for ring in found.rings],
    )


def _ring(ring: Community) -> RingReport:
    return RingReport(ring.members.tolist(), ring.agreement, ring.accuracy, ring.error, ring.gold)
