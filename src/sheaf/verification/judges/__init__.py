"""Judges that are programs: each gives its own opinion of records, with real errors, and none knows of the others.

`classifier` trains a model on the buyer's sample, `program` asks any executable.
"""

from __future__ import annotations

import hashlib
import shlex
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.ports import Judge
    from sheaf.domain.request import Specification
    from sheaf.verification.judges.classifier import Classifier

KINDS = (
    "logistic",
    "svm",
    "poly-svm",
    "knn",
    "random-forest",
    "extra-trees",
    "bagging",
    "naive-bayes",
    "mlp",
    "gradient-boosting",
    "lda",
    "linear-svm",
)
"""The kinds of classifier, by name."""


KEPT = 32
"""Trained classifiers that are kept for the next submission."""


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
    return _trained_once(Classifier, name, sample, specification.label, seed)


_KEPT: OrderedDict[tuple[str, str, int, bytes], Classifier] = OrderedDict()
_KEPT_LOCK = threading.Lock()


def _trained_once(make: type[Classifier], kind: str, sample: pa.Table, label: str, seed: int) -> Classifier:
    """Return a classifier, trained anew only if this one was not asked for lately: a request's sample does not change."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, sample.schema) as stream:
        stream.write_table(sample)
    place = (kind, label, seed, hashlib.sha256(sink.getvalue()).digest())
    with _KEPT_LOCK:
        if place not in _KEPT:
            _KEPT[place] = make(kind, sample, label, seed)
        _KEPT.move_to_end(place)
        while len(_KEPT) > KEPT:
            _KEPT.popitem(last=False)
        return _KEPT[place]
