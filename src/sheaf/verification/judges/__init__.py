"""Judges that are programs: each gives its own opinion of records, with real errors, and none knows of the others.

`classifier` trains a model on the buyer's sample, `program` asks any executable.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.ports import Judge
    from sheaf.domain.request import Specification

KINDS = (
    "logistic",
    "svm",
    "knn",
    "random-forest",
    "extra-trees",
    "naive-bayes",
    "mlp",
    "gradient-boosting",
    "lda",
)
"""The kinds of classifier, by name."""


def named(name: str, sample: pa.Table | None, specification: Specification, seed: int = 0) -> Judge:
    """Return the judge that `name` describes: a kind of classifier, or `program:COMMAND ARGUMENTS…`.

    Raises InputError for an unknown name, a command that is not there, or a sample that nothing can be learnt from.
    """
    from sheaf.verification.judges.classifier import Classifier
    from sheaf.verification.judges.program import Program

    if name.startswith("program:"):
        try:
            return Program(tuple(shlex.split(name.removeprefix("program:"))))
        except ValueError:
            raise InputError("judge", name, "close the quotation marks") from None
    if name not in KINDS:
        raise InputError("judge", name, f"use one of {', '.join(KINDS)}, or program:COMMAND")
    if sample is None:
        raise InputError("sample", "none", "this request publishes no sample: judge by hand or by a program")
    if specification.label is None:
        raise InputError(
            "label", "none", "this request names no label to judge: judge by hand or by a program"
        )
    return Classifier(name, sample, specification.label, seed)
