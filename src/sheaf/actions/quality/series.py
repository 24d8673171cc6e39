"""A file of readings of sensors: which windows are not plausible beside a clean series, or beside the file itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError
from sheaf.formats import records
from sheaf.verification.series import profile
from sheaf.verification.series.table import series_of

if TYPE_CHECKING:
    import pyarrow as pa

LEAST_SECONDS = 1.0
LIMITS = records.Limits(max_records=10_000_000)


class WindowReport(msgspec.Struct, frozen=True):
    """A window beyond the level of alarm: its first and last row in the file, its worst channel, why, and how many times beyond."""

    first: int
    last: int
    channel: str
    cause: str
    ratio: float


class SeriesQuality(msgspec.Struct, frozen=True):
    """What a file of readings shows; `related` are the channels that follow the others, `windows` the implausible ones, worst first."""

    readings: int
    channels: list[str]
    related: list[str]
    seconds: float
    samples: int
    looked_at: int
    is_calibrated: bool
    windows: list[WindowReport]


def series_quality(
    file: Path,
    sample: Path | None = None,
    time: str = "",
    key: str = "",
    channels: Sequence[str] = (),
    seconds: float = 60.0,
) -> SeriesQuality:
    """Look for windows of `seconds` (longer where they would hold few readings) in `file`, CSV, JSON Lines or Parquet.

    `time` names the column of time, by default the only one of times; `key` the one that says whose a reading is. Without `sample` a
    window is held against the other windows, which finds what is rare. Raises RecordError for files, InputError for columns that
    are not there, and for too few windows.
    """
    if not LEAST_SECONDS <= seconds <= 86_400:
        raise InputError("seconds", seconds, "give 1 to 86400; below 60 forgeries look like chance")
    table = records.read_as_is(file, limits=LIMITS)
    column = time or _time_of(table)
    given, rows = series_of(table, column, channels, key)
    clean = (
        given
        if sample is None
        else series_of(records.read_as_is(sample, limits=LIMITS), column, given.names, key)[0]
    )
    learnt = profile.learn(clean, seconds, is_clean=sample is not None)
    found = learnt.score(given)
    windows = [
        _report(found, int(i), rows) for i in np.argsort(-found.worst, kind="stable") if found.worst[i] > 1
    ]
    return SeriesQuality(
        len(given), list(given.names), list(learnt.related), seconds, found.samples, len(found.starts),
        sample is not None, windows,
    )  # fmt: skip


def _report(found: profile.Scores, window: int, rows: NDArray[np.int64]) -> WindowReport:
    at = found.starts[window]
    channel, cause = np.unravel_index(int(found.ratios[window].argmax()), found.ratios.shape[1:])
    within = rows[at : at + found.samples]
    return WindowReport(
        int(within[0]),
        int(within[-1]),
        found.names[channel],
        profile.CAUSES[cause],
        float(found.worst[window]),
    )


def _time_of(table: pa.Table) -> str:
    from pyarrow import types

    times = [field.name for field in table.schema if types.is_timestamp(field.type)]
    if len(times) != 1:
        raise InputError("time", f"{len(times)} columns of times", "name the column of time")
    return str(times[0])
