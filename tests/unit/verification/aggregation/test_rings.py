"""Rings, spammers, calibration and stopping."""

from __future__ import annotations

import numpy as np
import pytest

from sheaf.domain.errors import InputError, RecordError
from sheaf.verification.aggregation import METHODS, Labels, infer
from sheaf.verification.aggregation.rings import robust
from sheaf.verification.aggregation.stopping import stopped, turns
from tests.unit.verification.aggregation.crowd import drawn, labels_of, made, with_ring

SIZES = {"items": 300, "workers": 24, "classes": 3, "each": 6}
GOLD = 20


def attacked(seed: int, kind: str, share: float = 0.4) -> tuple[Labels, np.ndarray]:
    truth = labels_of(seed, **SIZES)[1]
    any_ = drawn(len(truth), seed + 50, 3)
    wrong = (truth + 1 + drawn(len(truth), seed + 51, 2)) % 3
    answers = {
        "wrong": wrong,
        "chance": any_,
        "half": np.where(drawn(len(truth), seed, 2) > 0, truth, wrong),
    }[kind]
    item, worker, label, truth = with_ring(seed, answers, share, **SIZES)
    return Labels.of(item, worker, label, {i: int(truth[i]) for i in range(GOLD)}), truth


@pytest.mark.parametrize("kind", ["wrong", "chance", "half"])
@pytest.mark.parametrize("share", [0.2, 0.4, 0.5])
def test_a_ring_does_not_outvote(kind: str, share: float) -> None:
    """A ring of up to half of the workers, who answer every item, costs less than two points, and every member is caught."""
    clean, truth = labels_of(3, gold=GOLD, **SIZES)
    labels, _ = attacked(3, kind, share)
    before, after = infer(clean), infer(labels)
    assert (after.truth.label == truth).mean() > (before.truth.label == truth).mean() - 0.02
    assert (after.ring[24:] >= 0).all() and (after.ring[:24] >= 0).mean() < 0.2
    assert after.spammer[24:].min() > np.median(after.spammer[:24])


def test_without_communities_the_ring_wins() -> None:
    """The attack is real: Dawid and Skene with the same gold lose a third of the items to it."""
    labels, truth = attacked(3, "chance")
    assert (METHODS["dawid_skene"](labels).label == truth).mean() < 0.65


def test_two_rings_are_both_found() -> None:
    """Two rings with answers of their own are two witnesses, not one."""
    first, truth = attacked(5, "chance", 0.25)
    more = drawn(len(truth), 99, 3)
    rings = np.arange(first.workers, first.workers + 8)
    item = np.concatenate([first.item, np.tile(np.arange(len(truth)), 8)])
    worker = np.concatenate([first.worker, np.repeat(rings, len(truth))])
    label = np.concatenate([first.label, np.tile(more, 8)])
    found = infer(Labels.of(item, worker, label, {i: int(truth[i]) for i in range(GOLD)}))
    assert len(found.rings) >= 2 and found.ring[24] != found.ring[32]
    assert (found.ring[24:] >= 0).all() and (found.truth.label == truth).mean() > 0.85


def test_honest_crowds_have_few_suspects() -> None:
    """In ten crowds without rings fewer than one worker in ten is taken for a member of one."""
    suspects = [(infer(labels_of(seed, gold=GOLD, **SIZES)[0]).ring >= 0).mean() for seed in range(10)]
    assert np.mean(suspects) < 0.1


def test_rings_are_judged_by_gold_alone() -> None:
    """Without gold nobody is accused; asked for directly, the judgement is refused."""
    labels, _ = attacked(1, "wrong")
    assert not infer(labels.blind).rings
    with pytest.raises(RecordError, match="gold: none"):
        robust.judged(labels.blind)


def test_somebody_is_always_believed() -> None:
    """If every community looks like a ring, the least suspicious one still votes."""
    item, worker = np.tile(np.arange(40), 6), np.repeat(np.arange(6), 40)
    labels = Labels.of(
        item,
        worker,
        np.repeat(drawn(40, 1, 2)[None], 6, 0).ravel(),
        {i: 1 - int(drawn(40, 1, 2)[i]) for i in range(9)},
    )
    found = infer(labels)
    assert (found.ring < 0).any()


@pytest.mark.parametrize("kind", ["random", "constant"])
def test_spammers_are_told_from_workers(kind: str) -> None:
    """Among 24 workers of some skill 16 who guess, or say always the same, are told apart with area .95."""
    item, worker, label, truth = with_ring(7, np.zeros(300, dtype=np.int64), **SIZES)
    is_spam = worker >= 24
    label = (
        np.where(is_spam, drawn(len(item), 5, 3), label)
        if kind == "random"
        else np.where(is_spam, worker % 3, label)
    )
    score = infer(Labels.of(item, worker, label, {i: int(truth[i]) for i in range(GOLD)})).spammer
    assert np.mean(score[24:, None] > score[None, :24]) > 0.95


def calibration_error(parts: list[np.ndarray]) -> float:
    stated, right = np.concatenate(parts, axis=1)
    place = np.minimum((stated * 15).astype(int), 14)
    return float(np.abs(np.bincount(place, weights=stated - right, minlength=15)).sum() / len(stated))


def test_calibrated_posteriors_mean_what_they_say() -> None:
    """Where on every fourth item all guess, Dawid and Skene state too much; calibrated on 40 answers the error is at most half."""
    told: dict[str, list[np.ndarray]] = {"calibrated": [], "raw": []}
    for seed in range(8):
        item, worker, label, truth = made(seed, items=400, workers=30, classes=2, each=9)
        label = np.where(item % 4 == 0, drawn(len(item), seed + 9, 2), label)
        labels = Labels.of(item, worker, label, {i: int(truth[i]) for i in range(40)})
        for name, found in (
            ("calibrated", infer(labels).truth),
            ("raw", METHODS["dawid_skene"](labels.blind)),
        ):
            told[name].append(np.stack([found.confidence, found.label == truth])[:, 40:])
    assert calibration_error(told["calibrated"]) < 0.04 < 0.08 < calibration_error(told["raw"])


def test_nothing_is_certain_beyond_gold() -> None:
    """With few known answers no item is stated to be right with more than .99."""
    labels, _ = labels_of(2, gold=10, **SIZES)
    assert infer(labels).truth.confidence[10:].max() < 0.99


def test_calibration_keeps_the_answers() -> None:
    """Calibrated posteriors are probabilities with the same most probable class."""
    labels, _ = labels_of(6, gold=GOLD, **SIZES)
    found = infer(labels)
    total = found.truth.posterior.sum(axis=1)
    assert np.abs(total - 1.0).max() < 1e-8 and found.truth.posterior.min() >= 0.0


def test_stopping_early_saves_labels() -> None:
    """Items that are sure are closed: a sixth of the labels and more is not bought, at a cost of less than 3 points."""
    labels, truth = labels_of(9, gold=30, items=300, workers=20, classes=2, each=10)
    arrival = drawn(len(labels), 4, 2**30)
    early = stopped(labels, arrival, 0.9)
    everything = (METHODS["dawid_skene"](labels).label == truth).mean()
    assert early.bought.mean() < 0.83 and (early.label == truth).mean() > everything - 0.03
    assert (turns(labels, arrival)[early.bought] < 10).all() and turns(labels, arrival).max() == 9


@pytest.mark.parametrize("target", [0.5, 1.0, -1.0, float("nan")])
def test_a_target_that_is_no_chance_is_refused(target: float) -> None:
    """A target must lie between a half and one."""
    labels, _ = labels_of(1, items=20)
    with pytest.raises(InputError, match="target: "):
        stopped(labels, np.arange(len(labels)), target)
