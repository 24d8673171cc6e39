"""How well does pay follow what contributors are worth on records that nobody was paid by, and what does a replica earn?

The truth is the exact Shapley value of ten contributors (benchmarks/_contributors.py) for the accuracy of a logistic
regression on the test; pay sees the task alone. `named`: the buyer's model is known, and pay is the exact game of it on
the task: the ceiling for pay by accuracy. `mixed`: it is not known, and pay is what `sheaf value` gives by default. Held
against a truth by nearest neighbours both say what is lost where the model is another. `pooled`: sums of KNN-Shapley
values of records. Pay is not below 0; the truth may be. A replica is that of the contributor that is paid most, with
noise of a share of each feature's deviation. Speeds are against pyDVL where it can be imported, records a second of
processor time for all task records together; values are compared where no distances are equal.
"""

from __future__ import annotations

import importlib.util
import time
from typing import Any

import numpy as np

from benchmarks._contributors import Offer, logistic_values, offered, sets, spearman
from benchmarks.report import Figure, Options, main
from sheaf.valuation.bonus import bonus_shares
from sheaf.valuation.examples import Examples
from sheaf.valuation.knn_shapley import knn_shapley
from sheaf.valuation.learners import Linear, Nearest
from sheaf.valuation.neighbours import Space
from sheaf.valuation.pooling import contributions
from sheaf.valuation.replicas import copies
from sheaf.valuation.semivalues import exact
from sheaf.valuation.utility import Floats

POOL = 10**18
AIMS = {"cancer": 0.85, "digits": 0.95}
JITTERS = (0.0, 0.05, 0.1, 0.2)
REPLICA = 0.1
SPEEDUP = 10.0
BLOCKS = {"digits"}
"""Sets whose features are parts of one whole, scaled as one."""


def pay(values: Floats) -> Floats:
    """Return the shares of a pool, as parts of it."""
    return np.array(bonus_shares(values.tolist(), POOL)) / POOL


def correlations(offer: Offer) -> dict[str, float]:
    """Return Spearman's correlation of each kind of pay with the truth."""
    named, truth = logistic_values(offer)
    found = contributions(offer.records, offer.owner, offer.task)
    linear, near = (contributions(offer.records, offer.owner, offer.task, kind) for kind in (Linear, Nearest))
    other = exact(Nearest(offer.records, offer.owner, offer.test)).values
    records = knn_shapley(offer.records, offer.task)
    pooled = np.bincount(offer.owner, records).astype(np.float64, copy=False)
    kinds = {"named": named, "mixed": found.values, "linear": linear.values, "nearest": near.values}
    return {
        **{name: spearman(pay(values), truth) for name, values in kinds.items()},
        "named, values not cut at 0": spearman(named, truth),
        **{
            f"{name}, truth by nearest neighbours": spearman(pay(kinds[name]), other)
            for name in ("named", "mixed")
        },
        "pooled KNN-Shapley": spearman(pay(pooled), truth),
        "size alone": spearman(np.bincount(offer.owner).astype(np.float64), truth),
    }


def replicated(offer: Offer, before: Floats, jitter: float, seed: int) -> tuple[float, float]:
    """Return the replica's pay over its original's, and the original's over that without the replica, which is in `before`."""
    best = int(before.argmax())
    own = offer.records.take(np.flatnonzero(offer.owner == best))
    noise = np.random.default_rng([seed, 13]).normal(0, 1, own.features.shape)
    copied = own.features + jitter * noise * offer.task.features.std(axis=0)
    records = Examples(
        np.vstack([offer.records.features, copied]), np.append(offer.records.labels, own.labels)
    )
    owner = np.append(offer.owner, np.full(len(own), len(before)))
    after = pay(contributions(records, owner, offer.task).values)
    return float(after[-1] / after[best]), float(after[best] / before[best])


def speeds(name: str, records: Examples, task: Examples) -> list[Figure]:
    """Return records a second here and, where it can be imported, by pyDVL, and how far the values lie apart."""
    own = min(_seconds(lambda: knn_shapley(records, task)) for _ in range(3))
    speed, unit = f"{name}: KNN-Shapley of {len(records)} records to {len(task)}", "records/s"
    if not importlib.util.find_spec("pydvl"):
        return [Figure(speed, len(records) / own, unit)]
    from sklearn.neighbors import KNeighborsClassifier

    data: Any = __import__("pydvl.valuation.dataset", fromlist=["Dataset"]).Dataset
    method: Any = __import__("pydvl.valuation.methods.knn_shapley", fromlist=["KNNShapleyValuation"])
    theirs = method.KNNShapleyValuation(
        KNeighborsClassifier(5, algorithm="brute"), data(task.features, task.labels), progress=False
    )
    took = _seconds(lambda: theirs.fit(data(records.features, records.labels)))
    apart = float(np.abs(theirs.result.values - knn_shapley(records, task)).max())
    against: dict[str, Any] = {"against": "pyDVL", "target": SPEEDUP, "better": "higher"}
    return [
        Figure(speed, len(records) / own, unit, peer=len(records) / took, **against),
        Figure(f"{name}: largest difference from pyDVL", apart, "value", limit=1e-6, against="equal"),
    ]


def _seconds(work: Any) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def untied(records: Examples, task: Examples) -> tuple[Examples, Examples]:
    """Add noise so small that it only breaks ties, and round to the grid on which both ways of computing distances are exact."""
    generator = np.random.default_rng(0)
    moved = [
        Examples(e.features + generator.normal(0, 1e-3, e.features.shape), e.labels) for e in (records, task)
    ]
    steps = Space.of(moved[0].features, moved[1].features).steps
    one, other = (Examples(np.rint(e.features * steps) / steps, e.labels) for e in moved)
    return one, other


def made(count: int, held: int, width: int) -> tuple[Examples, Examples]:
    """Return normal features with classes by the sign of their sum, one in ten wrong."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(count + held, width))
    labels = ((features.sum(axis=1) > 0) ^ (generator.random(count + held) < 0.1)).astype(np.int64)
    return Examples(features[:count], labels[:count]), Examples(features[count:], labels[count:])


def judged(name: str, offers: list[Offer]) -> list[Figure]:
    """Return the figures of one set: correlations, replicas, and honest records taken for copies."""
    figures, runs = [], [correlations(offer) for offer in offers]
    for kind in runs[0]:
        found = [run[kind] for run in runs]
        aim: dict[str, Any] = (
            {"limit": AIMS[name], "against": "aim", "better": "higher"} if name in AIMS else {}
        )
        held = aim if kind in ("named", "mixed") else {}
        figures.append(Figure(f"{name}: Spearman, {kind}, median", float(np.median(found)), "rank", **held))
        figures.append(Figure(f"{name}: Spearman, {kind}, worst", min(found), "rank", **held))
    before = [pay(contributions(offer.records, offer.owner, offer.task).values) for offer in offers]
    for jitter in JITTERS:
        pairs = enumerate(zip(offers, before, strict=True))
        ratios = np.array([replicated(offer, paid, jitter, seed) for seed, (offer, paid) in pairs])
        label, most = f"{name}: replica, noise {jitter:g}", {"limit": REPLICA, "against": "aim"}
        figures.append(Figure(f"{label}, median", float(np.median(ratios[:, 0])), "of original", **most))  # type: ignore[arg-type]
        figures.append(Figure(f"{label}, worst", float(ratios[:, 0].max()), "of original", **most))  # type: ignore[arg-type]
        figures.append(Figure(f"{label}, original keeps, worst", float(ratios[:, 1].min()), "of before"))
    lost = [float(copies(o.records, o.owner, o.task).is_copy.mean()) for o in offers]
    figures.append(Figure(f"{name}: honest records taken for copies, worst", max(lost), "share"))
    return figures


def measure(options: Options) -> list[Figure]:
    """Return the figures of every set, and speeds."""
    figures = []
    for name, whole in sets(options.data).items():
        offers = [offered(whole, seed, by_column=name not in BLOCKS) for seed in range(options.seeds)]
        figures += judged(name, offers)
        figures += speeds(name, *untied(offers[0].records, offers[0].task))
    figures += speeds("made", *untied(*made(10_000, 100, 20)))
    return figures


if __name__ == "__main__":
    main("valuation", measure, seeds=10, data=None)
