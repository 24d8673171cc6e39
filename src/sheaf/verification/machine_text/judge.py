"""Leads that a text was written by a machine: learnt from given examples, a reason to look, never a reason to refuse.

Three views of a text, each a logistic regression: style (rates of function words and marks, how sentences and
words vary in length, how rich the words are), word n-grams, character n-grams. A fourth regression weighs them
by their scores on examples that they were not trained on (Wolpert 1992, stacked generalisation), which makes
the answer a calibrated chance if human and machine were equally likely. Examples of one group (answers to one
question, say) never stand on both sides of a split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError
from sheaf.domain.verdict import Finding
from sheaf.verification.machine_text.style import WORD, plainly, styles

LEAST_EXAMPLES = 20
LEASTWORDS = 50
"""Shorter texts give no leads: there is too little to tell by."""
FALSE_POSITIVES = 0.01
ADVICE_WEIGHT = 0.25
"""The weight of a lead; only weight 1 refuses a record, so a lead never does."""
FOLDS = 5


@dataclass(frozen=True)
class Quality:
    """How well humans' and machines' examples were told apart that were not trained on.

    `auc` is the chance that a machine's text scores above a human's; `recall` the share of machine texts that score above all but
    `FALSE_POSITIVES` of the human ones.
    """

    examples: int
    auc: float
    recall: float


class MachineText:
    """A trained judge of texts; `threshold` is passed by `FALSE_POSITIVES` of the human examples at most."""

    def __init__(self, views: list[Any], weights: Any, threshold: float, quality: Quality) -> None:
        self._views, self._weights = views, weights
        self.threshold, self.quality = threshold, quality

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return shape (n,): the chance that each text is a machine's, if either were equally likely."""
        if not len(texts):
            return np.zeros(0)
        plain = [plainly(text) for text in texts]
        return _chance(
            self._weights, np.column_stack([view.decision_function(plain) for view in self._views])
        )

    def leads(self, texts: Sequence[str]) -> list[Finding]:
        """Return advice on texts that score above the threshold and are long enough; no such finding refuses a record."""
        return [
            Finding(
                record,
                "machine_text",
                1,
                "machine_text.likely",
                float(score),
                ADVICE_WEIGHT,
                f"reads like a machine's, {score:.2f}",
            )
            for record, (score, text) in enumerate(zip(self.scores(texts), texts, strict=True))
            if is_lead(text, float(score), self.threshold)
        ]


def is_lead(text: str, score: float, threshold: float) -> bool:
    """Whether a text with this score is worth a look."""
    return score > threshold and len(WORD.findall(text)) >= LEASTWORDS


def train(
    texts: Sequence[str], is_machine: Sequence[bool], groups: Sequence[str], seed: int = 0
) -> MachineText:
    """Learn from example texts; `groups` names what belongs together. Raises InputError for too few of either kind or one group.

    The same examples and seed give the same judge on the same machine.
    """
    labels = np.asarray(is_machine, dtype=np.bool_)
    least = min(int(labels.sum()), int((~labels).sum()))
    if least < LEAST_EXAMPLES:
        raise InputError(
            "examples",
            f"{least} of one kind",
            f"give at least {LEAST_EXAMPLES} texts of people and of machines",
        )
    folds = _folds(groups, labels, seed)
    plain = np.array([plainly(text) for text in texts], dtype=object)
    held_out = np.zeros((len(plain), len(_views())))
    for fold in range(FOLDS):
        rest, here = folds != fold, folds == fold
        for place, view in enumerate(_views()):
            held_out[here, place] = view.fit(plain[rest], labels[rest]).decision_function(plain[here])
    weights = _logistic(1.0).fit(held_out, labels)
    score = _chance(weights, held_out)
    threshold = limit(score[~labels])
    quality = Quality(len(plain), area(score, labels), float((score[labels] > threshold).mean()))
    return MachineText([view.fit(plain, labels) for view in _views()], weights, threshold, quality)


def limit(human: NDArray[np.float64]) -> float:
    """Return the score that at most `FALSE_POSITIVES` of these scores pass."""
    ranked = np.sort(human)[::-1]
    return float(ranked[int(FALSE_POSITIVES * len(ranked))])


def area(score: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    """Return the chance that a text with label True has the higher score; ties count half."""
    values, place = np.unique(score, return_inverse=True)
    up = np.bincount(place[labels], minlength=len(values))
    down = np.bincount(place[~labels], minlength=len(values))
    below = np.cumsum(down) - down
    return float((up * (below + down / 2.0)).sum() / (labels.sum() * (~labels).sum()))


def _views() -> list[Any]:
    """Return the three untrained views."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    shared = {"sublinear_tf": True, "min_df": 3, "lowercase": False}
    return [
        make_pipeline(FunctionTransformer(styles), StandardScaler(), _logistic(0.05)),
        make_pipeline(
            TfidfVectorizer(ngram_range=(1, 3), token_pattern=f"{WORD.pattern}|[.,;:!?]", **shared),
            _logistic(10.0),
        ),
        make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), **shared), _logistic(10.0)),
    ]


def _logistic(c: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c, max_iter=5000, class_weight="balanced", solver="liblinear", random_state=0)


def _chance(weights: Any, views: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(weights.predict_proba(views)[:, 1], dtype=np.float64)


def _folds(groups: Sequence[str], labels: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """Return shape (n,): a fold for each example, whole groups together. Raises InputError where a split would lack one kind."""
    names, place = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    folds = (np.random.default_rng([seed, 5]).permutation(len(names)) % FOLDS)[place]
    for fold in range(FOLDS):
        rest = labels[folds != fold]
        if not (folds == fold).any() or rest.all() or not rest.any():
            raise InputError(
                "examples",
                f"{len(names)} groups",
                f"give examples of both kinds in at least {2 * FOLDS} groups",
            )
    return folds
