"""Which records are corrupted? Area under the curve where 40 % of the labels are flipped, against what else finds them; and how
fast.

A fifth of each set is gold. Nobody is named as contributor: each record stands for itself. Beside `score` are measured, in the same
run: the confidence of a logistic regression trained on gold, KNN-Shapley values with gold as the task, and where they can be
imported cleanlab (confident learning among the submitted records) and pyDVL's KNN-Shapley. The largest set tells the speed.
"""

from __future__ import annotations

import importlib.util
import time
from typing import Any

import numpy as np

from benchmarks._crowds import ranked
from benchmarks._records import GOLD, LABEL, Offer, Set, corrupted, sets
from benchmarks.report import Figure, Options, main
from sheaf.valuation.examples import Examples
from sheaf.valuation.knn_shapley import knn_shapley
from sheaf.verification.scoring import score
from sheaf.verification.scoring.tables import task

AIMS = {"cancer": 0.985, "digits": 0.999}
OTHERWISE = 0.955
"""Areas aimed at; the last for texts, and for sets of a folder."""
SHARES = (0.05, 0.1, 0.4)
NEIGHBOURS = 5


def areas(given: Offer, seed: int) -> dict[str, float]:
    """Return the area under the curve of `score`, of the plain methods and of the peers that are there."""
    found = score(given.gold, given.records, LABEL, seed=seed)
    made = task(given.gold, given.records, LABEL, None, seed)
    known, sent = made.inputs[: made.gold], made.inputs[made.gold :]
    answer, label = made.label[: made.gold], made.label[made.gold :]
    told = {"score": found.good, "confidence by gold": confidence(known, answer, sent, label)}
    values = knn_shapley(Examples(sent, label), Examples(known, answer), k=NEIGHBOURS)
    told["KNN-Shapley"] = np.asarray(values, np.float64)
    if importlib.util.find_spec("cleanlab"):
        told["cleanlab"] = cleanlab(sent, label, seed)
    if importlib.util.find_spec("pydvl"):
        told["pyDVL KNN-Shapley"] = pydvl(known, answer, sent, label)
    return {name: ranked(values, given.is_right) for name, values in told.items()}


def confidence(known: Any, answer: Any, sent: Any, label: Any) -> Any:
    """Return the chance that a logistic regression trained on gold gives to each label."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1_000).fit(known, answer)
    chance = np.zeros((len(sent), int(answer.max()) + 1))
    chance[:, model.classes_] = model.predict_proba(sent)
    return chance[np.arange(len(label)), label]


def cleanlab(sent: Any, label: Any, seed: int) -> Any:
    """Return cleanlab's label quality, from chances found out of fold among the records themselves."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    rank: Any = __import__("cleanlab.rank", fromlist=["get_label_quality_scores"])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = LogisticRegression(max_iter=1_000)
    chance = cross_val_predict(model, sent, label, cv=folds, method="predict_proba")
    return rank.get_label_quality_scores(labels=label, pred_probs=chance)


def pydvl(known: Any, answer: Any, sent: Any, label: Any) -> Any:
    """Return pyDVL's exact KNN-Shapley values."""
    from sklearn.neighbors import KNeighborsClassifier

    data: Any = __import__("pydvl.valuation.dataset", fromlist=["Dataset"]).Dataset
    method: Any = __import__("pydvl.valuation.methods.knn_shapley", fromlist=["KNNShapleyValuation"])
    names = [f"x{i}" for i in range(sent.shape[1])]
    valuation = method.KNNShapleyValuation(
        KNeighborsClassifier(NEIGHBOURS), data(known, answer, feature_names=names), progress=False
    )
    valuation.fit(data(sent, label, feature_names=names))
    return valuation.result.values


def speed(of: Set) -> tuple[float, float]:
    """Return records a second of processor time, for the set and for one ten times as large made of it."""
    given = corrupted(of, 0)
    found = []
    for times in (1, 10):
        import pyarrow as pa

        records = pa.concat_tables([given.records] * times)
        start = time.process_time()
        score(given.gold, records, LABEL)
        found.append(records.num_rows / (time.process_time() - start))
    return found[0], found[1]


def measure(options: Options) -> list[Figure]:
    """Return areas, median and worst, the curve over the share of gold, and speeds."""
    figures, all_ = [], sets(options.data)
    for of in all_:
        runs = [areas(corrupted(of, seed), seed) for seed in range(options.seeds)]
        for name in runs[0]:
            values = np.array([run[name] for run in runs])
            held: dict[str, Any] = {}
            if name == "score":
                held = {"limit": AIMS.get(of.name, OTHERWISE), "against": "aim", "better": "higher"}
            figures.append(Figure(f"{of.name}: {name}, median", float(np.median(values)), "area", **held))
            figures.append(Figure(f"{of.name}: {name}, worst", float(values.min()), "area", **held))
        for share in SHARES:
            given = [corrupted(of, seed, gold_share=share) for seed in range(min(2, options.seeds))]
            runs_ = [ranked(score(one.gold, one.records, LABEL).good, one.is_right) for one in given]
            figures.append(Figure(f"{of.name}: score, {share:.0%} gold", float(np.median(runs_)), "area"))
    largest = max(all_, key=lambda of: len(of.label))
    for name, value in zip(("", ", ten times as many"), speed(largest), strict=True):
        figures.append(Figure(f"{largest.name}: speed{name}", value, "records/s per core"))
    figures.append(Figure("gold", GOLD, "share of the set"))
    return figures


if __name__ == "__main__":
    main("records", measure, seeds=10, data=None)
