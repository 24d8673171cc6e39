"""Every label counts the same; a tie is shared."""

from __future__ import annotations

from sheaf.verification.aggregation.exact import on_grid, totals
from sheaf.verification.aggregation.labels import Labels, Truth


def majority(labels: Labels) -> Truth:
    """Return shares of votes as posteriors, and as skill how often a worker agrees with them."""
    share = labels.votes + 1.0 / labels.classes
    posterior = labels.hold(on_grid(share / share.sum(axis=1, keepdims=True)))
    agreed = totals(labels.worker, posterior[labels.item, labels.label], labels.workers)
    mean = agreed.sum() / len(labels)
    return Truth(posterior, (agreed + 2.0 * mean) / (labels.given + 2.0))
