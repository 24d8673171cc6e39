"""The whole way from gold and records to what a buyer takes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from sheaf.domain.errors import InputError, RecordError
from sheaf.verification.scoring import REASONS, Scores, score
from tests.unit.verification.scoring.offers import EACH, KINDS, offer, points, table


@pytest.fixture(scope="module")
def scored() -> Scores:
    gold, records, *_ = offer()
    return score(gold, records, "label", "sender")


def test_good_records_are_taken_and_bad_ones_left(scored: Scores) -> None:
    """What is taken is good, honest contributors are bought whole, and the good half of a half-honest one is bought too."""
    _, _, is_good, kind = offer()
    assert is_good[scored.is_taken].mean() >= 0.99
    assert scored.is_taken[is_good].mean() > 0.9
    assert scored.is_taken[is_good & (kind == "half-honest")].mean() > 0.6
    assert (scored.good[~is_good] < 0.5).mean() > 0.9


def test_contributors_are_estimated_as_they_are(scored: Scores) -> None:
    """The shares of good, mislabelled and strange records come out near those that were made."""
    by_kind = dict(zip(KINDS, scored.shares, strict=True))
    assert scored.senders == [f"sender {i}" for i in range(len(KINDS))] and set(scored.sent) == {EACH}
    assert by_kind["honest"][0] > 0.95
    assert by_kind["flipped"][1] > 0.9
    assert by_kind["garbage"][2] > 0.8
    assert 0.3 < by_kind["half-honest"][0] < 0.7


def test_every_refusal_has_its_reason(scored: Scores) -> None:
    """Flipped labels are refused as labels, garbage as unlike gold, and what is taken is good."""
    _, _, _, kind = offer()
    reason = np.array(scored.reason)
    assert set(scored.reason) <= set(REASONS)
    assert (reason[kind == "flipped"] == "label").mean() > 0.9
    assert (reason[kind == "garbage"] == "unlike").mean() > 0.8
    assert (reason[scored.is_taken] == "good").all()


def test_chances_add_up(scored: Scores) -> None:
    """States and labels are chances: between 0 and 1, and 1 in all; the limit parts what is taken from what is not."""
    for chances in (scored.states, scored.chance, scored.shares):
        assert (chances >= 0).all() and np.allclose(chances.sum(axis=1), 1.0)
    assert scored.good[scored.is_taken].min() >= scored.limit - 1e-12


def test_the_same_seed_gives_the_same_scores(scored: Scores) -> None:
    """Scores repeat to the last bit."""
    gold, records, *_ = offer()
    again = score(gold, records, "label", "sender")
    assert (again.good == scored.good).all() and again.reason == scored.reason


def test_what_cannot_be_judged_is_not_taken() -> None:
    """A label that gold lacks, and fields that are missing, are refused without harm to the rest; nobody need be named."""
    gold, records, _, kind = offer()
    records = records.filter(pa.array(kind == "honest"))
    labels, x = records.column("label").to_pylist(), records.column("x0").to_pylist()
    labels[3], labels[4], x[7], x[8] = "unheard of", None, None, float("nan")
    records = records.set_column(4, "label", pa.array(labels)).set_column(0, "x0", pa.array(x))
    found = score(gold, records.drop_columns(["sender"]), "label")
    assert [found.reason[i] for i in (3, 4, 7, 8)] == ["unknown", "unknown", "unreadable", "unreadable"]
    assert not found.is_taken[[3, 4, 7, 8]].any() and found.is_taken.mean() > 0.8
    assert found.senders == [None]


def test_little_gold_takes_little() -> None:
    """Where labels cannot be told apart, nothing is taken rather than something wrong."""
    random = np.random.default_rng(0)
    noise, label = random.normal(size=(90, 4)), np.arange(90) % 3
    found = score(table(noise[:30], label[:30]), table(noise[30:], random.permutation(label[30:])), "label")
    assert not found.is_taken.any() and found.limit > 1.0


@pytest.mark.parametrize("precision", [0.0, 1.0, -1.0, 2.0, float("nan")])
def test_a_precision_that_is_no_share_is_refused(precision: float) -> None:
    """Precision is a share between 0 and 1."""
    gold, records, *_ = offer()
    with pytest.raises(InputError, match="precision"):
        score(gold, records, "label", precision=precision)


def test_unusable_tables_are_refused() -> None:
    """Missing columns, too little gold, no records: one line that says what to give."""
    gold, records, *_ = offer()
    alike = table(points(4, np.random.default_rng(0))[0], np.zeros(4, np.int64))
    holes = gold.set_column(0, "x0", pa.array([None] + [1.0] * (len(gold) - 1)))
    for known, sent, label, contributor, message in [
        (gold, records, "mark", None, "gold: no column mark"),
        (gold, records, "label", "who", "records: no column who"),
        (gold, records.drop_columns(["label"]), "label", None, "records: no column label"),
        (gold, records[:0], "label", None, "records: none"),
        (gold[:0], records, "label", None, "gold: 0 different labels"),
        (alike, records, "label", None, "gold: 1 different labels"),
        (gold[:4], records, "label", None, "gold: 4 records of 3 labels"),
        (gold.select(["label"]), records, "label", None, "gold: no column but label"),
        (
            gold.set_column(4, "label", pa.array([None] * len(gold), pa.string())),
            records,
            "label",
            None,
            "has no label",
        ),
    ]:
        with pytest.raises(RecordError, match=message) as refusal:
            score(known, sent, label, contributor)
        assert "\n" not in str(refusal.value)
    once = gold.slice(0, 41).filter(pa.array([i < 40 and i % 3 != 2 or i == 2 for i in range(41)]))
    assert score(once, records[:5], "label").names == ["label 0", "label 1", "label 2"]
    assert score(holes, records[:5], "label").reason  # gaps in gold are a thing to learn from


def test_texts_are_judged_by_their_words_and_their_order() -> None:
    """Flipped labels of texts are left, and so are words without order; without the text nothing can be read."""
    random = np.random.default_rng(0)
    topics = (
        ["the ship sails", "a wave breaks", "salt wind blows"],
        ["the oven glows", "a loaf rises", "warm bread cools"],
    )
    label = np.arange(150) % 2
    text = [" and then ".join(topics[i][j] for j in random.integers(0, 3, 6)) for i in label]
    shuffled = [" ".join(random.permutation(one.split())) for one in text[130:]]
    given = label.copy()
    given[110:130] = 1 - label[110:130]
    whole = pa.table({"text": [*text[:130], *shuffled], "label": given})
    sender = pa.array([f"s{min(i, 149) // 10}" for i in range(150)])
    records = whole.append_column("sender", sender)[40:]
    found = score(whole[:40], records, "label", "sender")
    assert found.is_taken[:70].mean() > 0.9 and not found.is_taken[70:].any()
    blind = score(whole[:40], records.drop_columns(["text"]), "label", "sender")
    assert set(blind.reason) == {"unreadable"} and not blind.is_taken.any()
