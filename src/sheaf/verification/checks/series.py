"""Are these readings of sensors plausible: no stuck sensor, replay, made noise, or channels that do not belong together?

Windows of at least a minute are held against the buyer's sample: see docs/quality.md. It finds nothing where there is no sample that is
such a series. A window is likelihood, not proof: its findings are advice, unless the specification sets `refuse_at`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sheaf.domain.errors import InputError
from sheaf.domain.verdict import Finding
from sheaf.verification.batch import Batch
from sheaf.verification.checks import Check
from sheaf.verification.parameters import Names, Number, Text
from sheaf.verification.reasons import Reason

ADVICE = 0.5
_CAUSES = {
    "stuck": ("A sensor repeats itself as the sample's do not.", "Leave out the time in which it stood."),
    "jump": (
        "A reading leaps as the sample's do not.",
        "Leave out readings that the sensor cannot have given.",
    ),
    "noise": (
        "The noise of a channel is not that of the sample's sensors.",
        "Send readings as the sensor gives them.",
    ),
    "resolution": ("Values lie between the steps of the sample's sensors.", "Send readings unprocessed."),
    "replay": (
        "The window was there before, perhaps scaled and shifted.",
        "Send every stretch of time once.",
    ),
    "relation": (
        "The channels do not move together as the sample's do.",
        "Send readings that were taken together.",
    ),
}
REASONS = tuple(Reason(f"series.{cause}", *texts) for cause, texts in _CAUSES.items())


def run(batch: Batch, parameters: Mapping[str, Any]) -> list[Finding]:
    """Return a finding for every reading in a window beyond the level of alarm: by its worst window, channel and cause."""
    if batch.records is None or batch.sample is None or not parameters["time"]:
        return []
    from sheaf.verification.series import profile
    from sheaf.verification.series.table import series_of

    wanted = parameters["channels"], parameters["key"], batch.label
    try:
        clean, _ = series_of(batch.sample, parameters["time"], *wanted)
        given, rows = series_of(batch.records, parameters["time"], *wanted)
        found = profile.learn(clean, parameters["seconds"]).score(given)
    except InputError:  # no such columns, or too little to learn from: the linter tells the buyer
        return []
    worst, by_reading = found.worst, found.by_reading(len(given))
    findings = []
    for reading in np.flatnonzero((by_reading >= 0) & (worst[by_reading] > 1)):
        window = by_reading[reading]
        ratio = float(worst[window])
        channel, cause = np.unravel_index(int(found.ratios[window].argmax()), found.ratios.shape[1:])
        is_certain = parameters["refuse_at"] is not None and ratio >= parameters["refuse_at"]
        findings.append(
            Finding(
                int(rows[reading]), "series", 1, f"series.{profile.CAUSES[cause]}", ratio / (1 + ratio),
                1.0 if is_certain else ADVICE, f"{found.names[channel]}: {ratio:.1f} times what the sample reaches",
            )
        )  # fmt: skip
    return sorted(findings, key=lambda finding: finding.record)


def needs(batch: Batch) -> str:
    """Say what is missing for this check."""
    return "a sample of clean readings" if batch.sample is None else ""


CHECK = Check(
    "series",
    1,
    run,
    REASONS,
    {
        "time": Text(
            "", "The field that holds the time, in seconds if it is a number; needed.", is_field=True
        ),
        "channels": Names(
            (), "The fields that are channels; all numbers but time, key and label if none is named."
        ),
        "key": Text(
            "", "The field that says whose reading it is, where there are several sources.", is_field=True
        ),
        "seconds": Number(
            60.0, 60, 86_400, "How long a window is; shorter ones cannot tell forgeries from chance."
        ),
        "refuse_at": Number(
            None,
            1,
            1000,
            "How many times beyond what the sample reaches a window is refused, not only pointed at.",
        ),
    },
    reads_sample=True,
    needs=needs,
)
