"""Classifiers as judges, and the features they see."""

from __future__ import annotations

import datetime
import io
import zlib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_digits

from sheaf.domain.errors import InputError
from sheaf.domain.request import Specification
from sheaf.verification import judges
from sheaf.verification.judges import KINDS, named
from sheaf.verification.judges.classifier import Classifier
from sheaf.verification.judges.features import Features
from sheaf.verification.pipeline import Explaining

SPECIFICATION = Specification(title="digits", schema={}, licence="CC0-1.0", label="label")
FAST = "lda"


def digits(places: slice, images: bool = False) -> tuple[pa.Table, np.ndarray[Any, Any]]:
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))[places]
    pixels, labels = data.data[order].astype(int), data.target[order]
    column = [png(row) for row in pixels] if images else pixels.tolist()
    return pa.table({"pixels": column, "label": labels}), labels


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray((pixels.reshape(8, 8) * 15).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def relabelled(table: pa.Table, labels: Any) -> pa.Table:
    return table.set_column(table.column_names.index("label"), "label", pa.array(labels))


SAMPLE, _ = digits(slice(0, 250))
RECORDS, TRUE = digits(slice(250, 550))


def causes(judge: Classifier, records: pa.Table) -> list[str]:
    """Return the cause of refusal for each record, empty where it is approved; both faces of the judge must agree."""
    approved, findings = judge.explain(records, SPECIFICATION)
    found = {finding.record: finding.code.removeprefix("judge.") for finding in findings}
    assert approved.tolist() == [i not in found for i in range(records.num_rows)]
    return [found.get(i, "") for i in range(records.num_rows)]


@pytest.mark.parametrize("kind", KINDS)
def test_right_labels_pass_and_wrong_ones_fall(kind: str) -> None:
    """Trained on 250 digits, each kind approves at least 85 % of true labels and at most 10 % of false ones."""
    judge = named(kind, SAMPLE, SPECIFICATION, seed=1)
    assert isinstance(judge, Explaining)
    random = np.random.default_rng(1)
    wrong = (TRUE + random.integers(1, 10, len(TRUE))) % 10
    assert judge.judge(RECORDS, SPECIFICATION).mean() >= 0.85
    assert judge.judge(relabelled(RECORDS, wrong), SPECIFICATION).mean() <= 0.10


def test_the_same_seed_gives_the_same_judge() -> None:
    """A judge that is built again votes as before, record by record and in any order of records."""
    order = np.random.default_rng(2).permutation(len(TRUE))
    votes = Classifier("random-forest", SAMPLE, "label", 7).judge(RECORDS, SPECIFICATION)
    again = Classifier("random-forest", SAMPLE, "label", 7).judge(RECORDS.take(order), SPECIFICATION)
    assert (votes[order] == again).all()


def test_a_judge_is_trained_once_for_a_sample(monkeypatch: Any) -> None:
    """Asked for again, the same judge comes back; another seed, sample or label makes another."""
    monkeypatch.setattr(judges, "KEPT", 3)
    judge = named(FAST, SAMPLE, SPECIFICATION, 3)
    assert named(FAST, pa.table(SAMPLE.to_pydict(), SAMPLE.schema), SPECIFICATION, 3) is judge
    assert named(FAST, SAMPLE, SPECIFICATION, 4) is not judge
    assert named(FAST, SAMPLE.slice(0, 200), SPECIFICATION, 3) is not judge
    for seed in range(judges.KEPT):
        named(FAST, SAMPLE.slice(0, 60), SPECIFICATION, seed)
    assert named(FAST, SAMPLE, SPECIFICATION, 3) is not judge


@pytest.mark.parametrize("kind", ["logistic", "knn", "naive-bayes"])
def test_garbage_is_unlike_the_sample(kind: str) -> None:
    """Random pixels, an all-black image and enormous numbers are refused whatever their label."""
    random = np.random.default_rng(5)
    rows = [*random.integers(0, 17, (20, 64)).tolist(), [16] * 64, [10**18] * 64, [-(10**18)] * 64]
    garbage = pa.table({"pixels": rows, "label": [3] * 23})
    assert causes(Classifier(kind, SAMPLE, "label"), garbage) == ["unlike"] * 23


def test_images_are_judged_by_their_pixels() -> None:
    """PNG files work as lists of pixels do; broken, foreign and enormous files are unreadable, not fatal."""
    from PIL import Image

    sample, _ = digits(slice(0, 250), images=True)
    records, _ = digits(slice(250, 300), images=True)
    judge = Classifier(FAST, sample, "label")
    assert judge.judge(records, SPECIFICATION).mean() > 0.85
    bomb = io.BytesIO()
    Image.new("1", (4200, 4200)).save(bomb, "PNG")
    good = records.column("pixels")[0].as_py()
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + good[24:29]
    vast = good[:12] + header + zlib.crc32(header).to_bytes(4, "big") + good[33:]
    bad = [b"", b"\x89PNG", good[:-30], good[:40], b"<svg/>", bomb.getvalue(), vast, None]
    broken = pa.table({"pixels": bad, "label": [0] * len(bad)})
    assert causes(judge, broken) == ["unreadable"] * len(bad)


def test_numbers_texts_and_dates_are_learnt_from() -> None:
    """Each kind of column alone is enough where it tells the labels apart, and a missing value cannot be judged."""
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 120)
    words = [["shark reef tide coral", "piston gear engine torque"][i] for i in labels]
    day = datetime.date(2020, 1, 1)
    columns: dict[str, list[Any]] = {
        "number": (labels * 10 + random.normal(size=120)).tolist(),
        "truth": (labels == 1).tolist(),
        "date": [day + datetime.timedelta(days=int(i) * 900 + int(random.integers(60))) for i in labels],
        "category": [["a", "b"][i] for i in labels],
        "text": [" ".join(random.permutation(w.split())) + f" {i % 40}" for i, w in enumerate(words)],
        "nested": [[[int(i)], [1, int(random.integers(3))]] for i in labels],
        "object": [{"depth": float(i), "name": {"x": int(i)}} for i in labels],
    }
    for name, values in columns.items():
        table = pa.table({name: values, "label": [str(i) for i in labels]})
        judge = Classifier("logistic", table.slice(0, 80), "label")
        rest = table.slice(80)
        flipped = relabelled(rest, [str(1 - i) for i in labels[80:]])
        assert judge.judge(rest, SPECIFICATION).mean() >= 0.8, name
        assert judge.judge(flipped, SPECIFICATION).mean() <= 0.1, name
        gap = pa.table({name: pa.array([None], table.schema.field(name).type), "label": ["1"]})
        assert causes(judge, gap) == ["unreadable"], name


def test_a_gap_is_no_fault_where_the_sample_has_gaps() -> None:
    """If the buyer's own sample lacks values, so may records."""
    values = [None if i % 5 == 0 else float(i % 2) for i in range(100)]
    table = pa.table(
        {"a": values, "b": [float(i % 2) for i in range(100)], "label": [i % 2 for i in range(100)]}
    )
    judge = Classifier(FAST, table, "label")
    record = pa.table({"a": pa.array([None], pa.float64()), "b": [1.0], "label": [1]})
    assert judge.judge(record, SPECIFICATION).tolist() == [True]


def test_labels_that_cannot_be_right_are_refused() -> None:
    """A label never seen in the sample, of another type, NaN or absent is not plausible."""
    judge = Classifier(FAST, SAMPLE, "label")
    pixels = RECORDS.column("pixels").slice(0, 2)
    for labels in (
        [77, 12],
        ["0", "1"],
        [True, False],
        [float("nan")] * 2,
        pa.nulls(2, pa.int64()),
        [[0], [1]],
    ):
        assert causes(judge, pa.table({"pixels": pixels, "label": labels})) == ["label", "label"]
    assert causes(judge, pa.table({"pixels": pixels})) == ["label", "label"]


def test_labels_are_compared_by_value() -> None:
    """Integers and doubles of one value are one label; text is not a number."""
    judge = Classifier(FAST, SAMPLE, "label")
    as_double = relabelled(RECORDS, TRUE.astype(float))
    assert (judge.judge(as_double, SPECIFICATION) == judge.judge(RECORDS, SPECIFICATION)).all()
    wide = [2**53 + i % 2 for i in range(40)]
    table = pa.table({"x": [float(i % 2) for i in range(40)], "label": wide})
    votes = Classifier("knn", table, "label").judge(relabelled(table, wide[::-1]), SPECIFICATION)
    assert not votes.any()


def test_hostile_tables_are_refused_not_fatal() -> None:
    """Columns missing, of another type, of another length, null or infinite cannot be judged; extra ones do not matter."""
    judge = Classifier(FAST, SAMPLE, "label")
    for pixels in (
        ["x"],
        [5],
        [None],
        [[1, 2, 3]],
        [[]],
        [[None] * 64],
        [[float("inf")] * 64],
        [[1] * 65],
        [["a"] * 64],
    ):
        assert causes(judge, pa.table({"pixels": pixels, "label": [1]})) == ["unreadable"], pixels
    assert causes(judge, pa.table({"other": [1], "label": [1]})) == ["unreadable"]
    extra = RECORDS.append_column("other", pa.array(["?"] * len(TRUE)))
    assert causes(judge, extra) == causes(judge, RECORDS)


def test_none_and_one_record_can_be_judged() -> None:
    """An empty table gives no votes, one record gives one."""
    judge = Classifier(FAST, SAMPLE, "label")
    assert judge.judge(RECORDS.slice(0, 0), SPECIFICATION).shape == (0,)
    assert judge.judge(RECORDS.slice(0, 1), SPECIFICATION).shape == (1,)
    columns = {
        "t": [f"word {i}" for i in range(40)],
        "n": [1.0] * 20 + [2.0] * 20,
        "label": ["a"] * 20 + ["b"] * 20,
    }
    texts = pa.table(columns)
    assert Classifier(FAST, texts, "label").judge(texts.slice(0, 0), SPECIFICATION).shape == (0,)


@pytest.mark.parametrize(
    "sample",
    [
        pa.table({"x": pa.array([], pa.float64()), "label": pa.array([], pa.int64())}),
        pa.table({"x": [1.0], "label": [1]}),
        pa.table({"x": [1.0, 2.0], "label": [1, 2]}),
        pa.table({"x": [1.0] * 20, "label": list(range(20))}),
        pa.table({"x": [1.0, 2.0], "label": pa.nulls(2, pa.int64())}),
        pa.table({"x": pa.nulls(9, pa.float64()), "label": [1, 2, 3] * 3}),
        pa.table({"label": [1, 2] * 9}),
        pa.table({"x": [b"no image"] * 18, "label": [1, 2] * 9}),
        pa.table({"x": [1.0, 2.0]}),
        pa.table([[1.0, 2.0], [1, 1], [1, 1]], names=["x", "label", "label"]),
    ],
    ids=[
        "empty",
        "one",
        "two-of-two",
        "all-differ",
        "no-label",
        "null",
        "no-column",
        "no-image",
        "unlabelled",
        "twice",
    ],
)
def test_a_sample_that_teaches_nothing_is_refused(sample: pa.Table) -> None:
    """The buyer is told in one line what the sample lacks."""
    with pytest.raises(InputError, match=r"publish|name one column") as refused:
        Classifier(FAST, sample, "label")
    assert "\n" not in str(refused.value)


def test_a_kind_that_does_not_exist_is_refused() -> None:
    """Kinds are named in the refusal."""
    with pytest.raises(InputError, match="use one of logistic"):
        Classifier("oracle", SAMPLE, "label")
    with pytest.raises(InputError, match="names no label"):
        named("svm", SAMPLE, Specification(title="x", schema={}, licence="CC0-1.0"))


@pytest.mark.parametrize("kind", KINDS)
def test_poor_samples_still_give_a_judge(kind: str) -> None:
    """One label only, a constant feature or a label seen once is no crash; where nothing tells labels apart, no judge."""
    xs = [float(i) + (i > 5) * 20 for i in range(12)]
    single = Classifier(kind, pa.table({"x": xs, "label": ["a"] * 12}), "label")
    records = pa.table({"x": [4.0, 4.0, 1e9], "label": ["a", "b", "a"]})
    assert causes(single, records) == ["", "label", "unlike"]
    with pytest.raises(InputError, match="use another kind of judge"):
        Classifier(kind, pa.table({"x": [1.0] * 12, "label": ["a", "b"] * 6}), "label")
    rare = pa.table({"x": [*xs, 40.0], "y": [1.0] * 13, "label": ["a"] * 6 + ["b"] * 6 + ["c"]})
    assert Classifier(kind, rare, "label").judge(rare, SPECIFICATION).shape == (13,)


def test_features_do_not_depend_on_neighbours() -> None:
    """A record has the same features alone as among others, and they are always finite."""
    features = Features(SAMPLE, "label")
    all_rows, readable = features(RECORDS)
    assert readable.all() and np.isfinite(all_rows).all() and all_rows.shape == (300, 64)
    assert (features(RECORDS.slice(17, 1))[0] == all_rows[17:18]).all()


def test_lists_of_many_lengths_are_filled_with_zeros() -> None:
    """Where the sample's lists differ in length, longer ones are cut and shorter ones filled."""
    table = pa.table({"x": [[1.0], [1.0, 2.0], [3.0, 4.0, 5.0]], "label": [1, 1, 1]})
    features = Features(table, "label")
    rows, readable = features(pa.table({"x": [[1.0, 2.0, 0.0, 9.0], [1.0, 2.0], []], "label": [1, 1, 1]}))
    assert readable.all() and (rows[0] == rows[1]).all() and rows.shape == (3, 3)
