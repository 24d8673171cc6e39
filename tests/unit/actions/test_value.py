"""The verb that values files, and the command over it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer
from typer.testing import CliRunner

from sheaf.actions.value import value
from sheaf.cli.main import app
from sheaf.domain.errors import InputError, RecordError

POOL = 1_000_003


def table(features: np.ndarray, labels: list[Any], **more: list[Any]) -> pa.Table:
    columns = {f"f{i}": column for i, column in enumerate(features.T.tolist())}
    return pa.table({**columns, "kind": labels, **more})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Forty records each of two honest contributors, a replica of the first, one who turns labels over; and a task."""
    folder = tmp_path_factory.mktemp("value")
    x, y = load_breast_cancer(return_X_y=True)
    x = x[:, :6]
    generator = np.random.default_rng(0)
    copied = x[:40] * (1 + generator.normal(0, 0.001, (40, 6)))
    rows = np.vstack([x[:80], copied, x[80:120]])
    labels = np.concatenate([y[:80], y[:40], 1 - y[80:120]])
    names = np.repeat(["first", "second", "replica", "liar"], 40).tolist()
    kinds = ["malignant", "benign"]
    pq.write_table(table(rows, [kinds[i] for i in labels], giver=names), folder / "records.parquet")
    pq.write_table(table(x[300:420], [kinds[i] for i in y[300:420]]), folder / "task.parquet")
    return folder / "records.parquet", folder / "task.parquet"


def test_files_give_values_shares_and_reasons(files: tuple[Path, Path]) -> None:
    """Honest contributors share the pool to the last unit; a replica and a liar get nothing and are told why."""
    found = value(*files, "kind", contributor="giver", pool=POOL)
    by_name = {one.contributor: one for one in found.contributors}
    assert list(by_name) == ["first", "second", "replica", "liar"]
    assert found.paid == POOL == (by_name["first"].share or 0) + (by_name["second"].share or 0)
    assert by_name["replica"].copies == 40 and by_name["replica"].sources == {"first": 40}
    assert by_name["replica"].reason == "40 of 40 records repeat earlier ones of first"
    assert by_name["liar"].value < 0 and "predicted worse" in (by_name["liar"].reason or "")
    assert found.is_exact and found.evaluations == 8 and len(found.values) == 160
    assert {one.reason for one in found.values if one.contributor == "replica"} == {"copy of first"}
    assert sum(one.value for one in found.values[:40]) == pytest.approx(by_name["first"].pooled)


def test_without_contributors_records_are_paid(files: tuple[Path, Path]) -> None:
    """Values and shares of records alone; turned labels are worth least."""
    found = value(*files, "kind", pool=POOL)
    assert not found.contributors and sum(one.share or 0 for one in found.values) == found.paid == POOL
    worth = np.array([one.value for one in found.values])
    assert worth[120:].mean() < 0 < worth[:120].mean()
    assert {one.share for one in value(*files, "kind").values} == {None}


@pytest.mark.parametrize("model", ["nearest", "linear", "logistic"])
def test_every_model_says_the_same_of_liars(files: tuple[Path, Path], model: Any) -> None:
    """Whatever learns, turned labels are worth less than right ones."""
    found = {
        one.contributor: one.value
        for one in value(*files, "kind", contributor="giver", model=model).contributors
    }
    assert found["liar"] < min(found["first"], found["second"]) and found["replica"] == 0


def test_records_that_cannot_be_read_are_worth_nothing(files: tuple[Path, Path], tmp_path: Path) -> None:
    """A missing number takes a record out of the game, and its contributor, had it no other, too."""
    records = pq.read_table(files[0])
    column = records.column("f0").to_pylist()
    column[0] = None
    column[80:120] = [None] * 40
    pq.write_table(records.set_column(0, "f0", pa.array(column)), tmp_path / "gaps.parquet")
    found = value(tmp_path / "gaps.parquet", files[1], "kind", contributor="giver", pool=POOL)
    by_name = {one.contributor: one for one in found.contributors}
    assert found.values[0].reason == "unreadable" and found.values[0].value == 0
    assert (
        by_name["replica"].unreadable == 40
        and by_name["replica"].share == 0
        and by_name["first"].unreadable == 1
    )
    assert "40 of 40 records miss" in (by_name["replica"].reason or "") and found.paid == POOL
    alone = value(tmp_path / "gaps.parquet", files[1], "kind", pool=POOL)
    assert alone.values[0].reason == "unreadable" and alone.values[0].share == 0


def test_the_command_answers_in_json_and_in_words(files: tuple[Path, Path]) -> None:
    """`sheaf value` needs no network, and says the same under --json and without."""
    words = ["value", str(files[0]), "--task", str(files[1]), "--label", "kind"]
    given = [*words, "--contributor", "giver", "--pool", str(POOL)]
    told, shown = CliRunner().invoke(app, [*given, "--json"]), CliRunner().invoke(app, given)
    records = CliRunner().invoke(app, [*words, "--pool", "10"])
    answer = json.loads(told.stdout)
    assert told.exit_code == shown.exit_code == records.exit_code == 0
    assert answer["paid"] == POOL and len(answer["contributors"]) == 4 and len(answer["values"]) == 160
    assert "replica: 40 of 40 records repeat earlier ones of first" in shown.stdout
    assert "all coalitions" in shown.stdout and "worth least" in records.stdout


def test_whole_numbers_are_classes_however_written(tmp_path: Path) -> None:
    """Labels 0.0 and 1.0 are the classes 0 and 1."""
    for name, kinds in (("r", ["0.0", "1.0"] * 5), ("t", ["0", "1"] * 5)):
        rows = "\n".join(f"{i},{kind}" for i, kind in enumerate(kinds))
        (tmp_path / f"{name}.csv").write_text(f"a,kind\n{rows}\n")
    assert value(tmp_path / "r.csv", tmp_path / "t.csv", "kind").classes == 2


def test_what_cannot_be_read_as_text_is_no_label(tmp_path: Path) -> None:
    """A list is no class."""
    for name in ("r", "t"):
        (tmp_path / f"{name}.jsonl").write_text('{"a": 1, "kind": [1]}\n{"a": 2, "kind": [2]}\n')
    with pytest.raises(RecordError, match=r"file, label: list.*: give texts"):
        value(tmp_path / "r.jsonl", tmp_path / "t.jsonl", "kind")


TASK = "a,kind\n1,x\n2,y\n3,x\n4,y\n"


@pytest.mark.parametrize(
    ("records", "task", "options", "message"),
    [
        ("a,kind\n1,x\n", TASK, {"label": "sort"}, "file, label: sort: name one of a, kind"),
        ("a,kind\n1,x\n", "a,sort\n1,x\n", {}, "task, label: kind: name one of a, sort"),
        ("a,kind\n", TASK, {}, "records: none"),
        ("a,kind\n1,\n", TASK, {}, "kind: null"),
        ("a,kind\n1,0.5\n", TASK, {}, "file, label: double: give classes"),
        ("a,kind\n1,x\n", "a,kind\n1,x\n2,x\n", {}, "label: 1 values"),
        ("b,kind\n1,x\n", TASK, {}, "file: no readable record"),
        ("a,kind\nnan,x\n", TASK, {}, "a: nan: give finite numbers"),
        ("a,kind\n1,x\n1,\n", TASK, {}, "file, label, record 1: null"),
        ("kind\nx\n", "kind\nx\ny\n", {}, "sample: no usable column"),
        ("a,kind\n1,x\n", TASK, {"contributor": "who"}, "contributor: who: name one of a, kind"),
        ("a,kind,who\n1,x,\n1,x,b\n", TASK, {"contributor": "who"}, "contributor, record 0: null"),
        ("a,kind\n1,x\n", TASK, {"pool": -1}, "pool: -1"),
        ("a,kind\n1,x\n", TASK, {"pool": True}, "pool: True"),
        ("a,kind\n1,x\n", TASK, {"model": "oracle"}, "model: oracle: choose one of mixed"),
        ("", TASK, {}, "file"),
        ("a,kind\n\x00\xff,x\n", TASK, {}, "file"),
    ],
)
def test_what_cannot_be_valued_is_refused(
    tmp_path: Path, records: str, task: str, options: dict[str, Any], message: str
) -> None:
    """Absent columns, empty cells, labels that are no classes and options out of range are refused in one line."""
    (tmp_path / "r.csv").write_bytes(records.encode("latin-1"))
    (tmp_path / "t.csv").write_text(task)
    with pytest.raises(InputError, match=message) as refusal:
        value(tmp_path / "r.csv", tmp_path / "t.csv", options.pop("label", "kind"), **options)
    assert "\n" not in str(refusal.value)


def test_absent_files_are_refused_by_the_command(tmp_path: Path) -> None:
    """A file that there is not ends the command with exit code 2 and one line."""
    ended = CliRunner().invoke(
        app, ["value", str(tmp_path / "r.csv"), "--task", str(tmp_path), "--label", "kind"]
    )
    assert ended.exit_code == 2 and "r.csv" in ended.output
    with pytest.raises(RecordError):
        value(tmp_path / "r.csv", tmp_path / "t.csv", "kind")
