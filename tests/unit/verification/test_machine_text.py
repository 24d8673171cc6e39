"""Leads that a text is a machine's: that they can be learnt, that they are calibrated advice, and that they refuse nothing."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.machine_text import made
from sheaf.domain.errors import InputError
from sheaf.verification.machine_text import MachineText, area, is_lead, limit, plainly, style, train
from sheaf.verification.machine_text import judge as judge_module
from sheaf.verification.machine_text.style import STYLES
from sheaf.verification.pipeline import refused


@pytest.fixture(scope="module")
def examples() -> tuple[list[str], list[bool], list[str]]:
    return made(30, 6)


@pytest.fixture(scope="module")
def judge(examples: tuple[list[str], list[bool], list[str]]) -> MachineText:
    return train(*examples)


def test_two_manners_of_writing_are_told_apart(judge: MachineText) -> None:
    """Texts drawn from two word models are told apart out of fold, and fresh ones score on their side."""
    texts, is_machine, _ = made(40, 6)
    score = judge.scores(texts)
    assert judge.quality.examples == 60 and judge.quality.auc > 0.9
    assert score.shape == (80,) and ((score >= 0) & (score <= 1)).all()
    assert score[np.array(is_machine)].mean() > 0.7 > 0.3 > score[~np.array(is_machine)].mean()
    assert judge.scores([]).shape == (0,)


def test_a_lead_never_refuses(judge: MachineText) -> None:
    """Leads are findings of little weight: of all records none is refused by them."""
    texts, _, _ = made(40, 6)
    leads = judge.leads(texts)
    assert leads and all(0 < lead.weight < 1 and not lead.is_reason for lead in leads)
    assert not refused(leads, len(texts)).any()
    assert all(lead.score > judge.threshold for lead in leads)


def test_short_texts_give_no_lead(judge: MachineText) -> None:
    """However high the score, a text of few words is no lead."""
    assert judge.leads(["One short line."] * 3 + ["", "\x00\ud83d" * 9]) == []
    assert not is_lead("word " * 49, 1.0, 0.5) and is_lead("word " * 50, 1.0, 0.5)


def test_training_repeats_itself(
    examples: tuple[list[str], list[bool], list[str]], judge: MachineText
) -> None:
    """The same examples and seed give the same scores; groups are dealt anew by another seed."""
    assert train(*examples).scores(examples[0]).tolist() == judge.scores(examples[0]).tolist()
    groups, labels = examples[2], np.array(examples[1])
    folds = judge_module._folds(groups, labels, 0)
    assert (folds[:30] == folds[30:]).all() and set(folds.tolist()) == set(range(5))
    assert folds.tolist() != judge_module._folds(groups, labels, 1).tolist()


def test_what_the_way_here_left_is_not_seen() -> None:
    """Kinds of quotes, spaces and line ends, and broken marks, do not tell one text from another."""
    assert plainly("“It’s”\r\n\tso — fine…\ufffd") == plainly('"It\'s" so - fine...')


def test_style_has_one_length() -> None:
    """Every text has as many numbers, all finite: an empty one too."""
    for text in ("", "!!!", "Word.", "It's 5 o'clock. Isn't it? Yes, it is!" * 30):
        assert len(style(text)) == STYLES and np.isfinite(style(text)).all()


def test_area_is_that_of_others() -> None:
    """The area agrees with scikit-learn's on random scores with ties."""
    random = np.random.default_rng(3)
    score, labels = random.integers(0, 9, 200) / 9, random.random(200) < 0.4
    assert area(score, labels) == pytest.approx(roc_auc_score(labels, score))


def test_limit_lets_through_one_in_a_hundred() -> None:
    """Of 300 scores three pass, of 50 none."""
    assert (np.arange(300) > limit(np.arange(300.0))).sum() == 3
    assert (np.arange(50) > limit(np.arange(50.0))).sum() == 0


@pytest.mark.parametrize(
    ("people", "machines", "groups", "refusal"),
    [
        (19, 40, 59, "19 of one kind"),
        (40, 0, 40, "0 of one kind"),
        (30, 30, 1, "1 groups"),
        (30, 30, 2, "2 groups"),
    ],
)
def test_too_little_to_learn_from_is_refused(people: int, machines: int, groups: int, refusal: str) -> None:
    """Fewer than twenty texts of a kind, or hardly any groups, are refused before anything is trained."""
    count = people + machines
    names = [str(i % groups) for i in range(count)]
    with pytest.raises(InputError, match=refusal):
        train(["text"] * count, [i >= people for i in range(count)], names)
