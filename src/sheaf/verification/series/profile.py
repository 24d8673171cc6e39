"""What a clean series looks like, window by window, and how far windows of another are from that.

Every feature is scaled by median and quartiles of the clean windows and measured by how far clean windows come; the level of alarm is what
clean windows reach that took no part in any of that, so that many channels and causes do not add up to many false alarms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError
from sheaf.verification.series import channels, relations, replay
from sheaf.verification.series.windows import Floats, Series, samples_in, starts

CAUSES = (*channels.CAUSES, "replay", "relation")
LEAST_WINDOWS = 10
FOLDS = 5
FLOOR = 0.05
"""The least spread of a feature: shares and logarithms that never moved in the clean series may move by as much."""
GRID = 2.0**-20
"""Features lie on this grid, so that the last bits of a machine's arithmetic do not decide what is money."""


@dataclass(frozen=True)
class Scores:
    """`ratios` (windows, channels, causes): distance by the level of alarm, which 1 is; window i has `samples` readings from
    `starts[i]`."""

    starts: NDArray[np.int64]
    samples: int
    names: tuple[str, ...]
    ratios: Floats

    @property
    def worst(self) -> Floats:
        """The greatest ratio of each window, shape (windows,)."""
        return np.asarray(self.ratios.max(axis=(1, 2), initial=0.0))

    def by_reading(self, readings: int) -> NDArray[np.int64]:
        """Return for each of `readings` the worst window that it lies in, -1 where it lies in none."""
        found = np.full(readings, -1, dtype=np.int64)
        for place in np.argsort(self.worst, kind="stable"):
            found[self.starts[place] : self.starts[place] + self.samples] = place
        return found


@dataclass(frozen=True)
class Profile:
    """A clean series, learnt."""

    names: tuple[str, ...]
    seconds: float
    step: float
    channels: tuple[channels.Channel, ...]
    relations: tuple[relations.Relation | None, ...]
    innovations: Floats
    gauge: Callable[[Floats], Floats]
    level: float

    @cached_property
    def related(self) -> tuple[str, ...]:
        """The channels that the others explain, which are the only ones held against them."""
        return tuple(name for name, one in zip(self.names, self.relations, strict=True) if one)

    def score(self, series: Series) -> Scores:
        """Return how far the windows of `series` are from the clean ones. Raises InputError for other channels."""
        if series.names != self.names:
            raise InputError("channels", ", ".join(series.names), f"give {', '.join(self.names)}")
        samples = samples_in(series, self.seconds)
        at = starts(series, samples)
        features = np.full((len(at), len(self.names), WIDTH), np.nan)
        for column, channel in enumerate(self.channels):
            features[:, column, : len(channels.FEATURES)] = channels.measure(
                channel, series, column, at, samples
            )
            left = channel.innovations(series.filled[:, column], series.stretches)
            features[:, column, REPLAY] = replay.strongest(left, at, samples, self.innovations[column])
            if (relation := self.relations[column]) is not None:
                features[:, column, OWN] = relations.measure(relation, series, column, at, samples)
        return Scores(at, samples, self.names, self.gauge(_finished(features)) / self.level)


REPLAY = len(channels.FEATURES)
RISING = [channels.FEATURES.index(name) for name in channels.RISING]
FALLING = [channels.FEATURES.index(name) for name in channels.FALLING]
OWN = slice(REPLAY + 1, REPLAY + 3)
WIDTH = REPLAY + 1 + len(relations.FEATURES)


def learn(series: Series, seconds: float, is_clean: bool = True) -> Profile:
    """Return the profile of a series for windows of `seconds`; one that is not known to be clean is trusted by its quartiles alone.

    Raises InputError where it has fewer than LEAST_WINDOWS windows.
    """
    samples = samples_in(series, seconds)
    at = starts(series, samples, samples // 2)
    if len(at) < LEAST_WINDOWS:
        fix = f"give at least {LEAST_WINDOWS} windows of {samples} readings, each begun half a window after the last"
        raise InputError("series", f"{len(at)} windows in {len(series)} readings", fix)
    filled, stretches = series.filled, series.stretches
    features = np.full((len(at), len(series.names), WIDTH), np.nan)
    learnt, related, innovations = [], [], []
    for column in range(len(series.names)):
        channel = channels.learn(filled[:, column], stretches)
        left = channel.innovations(filled[:, column], stretches)
        features[:, column, :REPLAY] = channels.measure(channel, series, column, at, samples)
        features[:, column, REPLAY] = replay.strongest(left, at, samples, np.zeros(0), is_clean=True)
        found = None
        if len(series.names) > 1:
            found, own = relations.learn(series, column, at, samples)
            if found.strength >= relations.LEAST_RELATION:
                features[:, column, OWN] = own
            else:
                found = None
        learnt.append(channel)
        related.append(found)
        innovations.append(left if is_clean else left[:0])  # else it would be its own replay
    features = _finished(features)
    return Profile(
        series.names, seconds, series.step, tuple(learnt), tuple(related), np.stack(innovations),
        _gauge(features, is_clean), _level(features, is_clean),
    )  # fmt: skip


def _finished(features: Floats) -> Floats:
    """Return the features with those that join channels, on GRID."""
    features[..., REPLAY + 1 :] = relations.joined(features[..., REPLAY + 1 :])
    return np.asarray(np.round(features / GRID) * GRID)


def _level(features: Floats, is_clean: bool) -> float:
    """Return what windows reach that took no part in the scaling."""
    fold = np.arange(len(features)) * FOLDS // len(features)
    reached = np.zeros(len(features))
    for i in range(FOLDS):
        reached[fold == i] = _gauge(features[fold != i], is_clean)(features[fold == i]).max(axis=(1, 2))
    return max(1.0, float(_reach(reached, is_clean)))


def _reach(distances: Floats, is_clean: bool) -> Floats:
    """Return how far clean windows (axis 0) come: to Tukey's outer fence, and to the farthest where they are known to be clean."""
    low, high = np.quantile(distances, [0.25, 0.75], axis=0)
    fence = high + 3 * (high - low)
    return np.asarray(np.maximum(fence, distances.max(axis=0)) if is_clean else fence)


def _gauge(features: Floats, is_clean: bool) -> Callable[[Floats], Floats]:
    """Return a function from features (windows, channels, WIDTH) to distances (windows, channels, causes), by these: 1 is as far
    as they come."""
    low, middle, high = np.nan_to_num(np.quantile(np.nan_to_num(features), [0.25, 0.5, 0.75], axis=0))
    spread = np.maximum((high - low) / 1.349, FLOOR)
    places = [*_places(channels.CAUSES), (REPLAY,), tuple(range(REPLAY + 1, WIDTH))]

    def distances(found: Floats) -> Floats:
        scaled = (found - middle) / spread
        oriented = np.concatenate([np.abs(scaled[..., :REPLAY]), scaled[..., REPLAY:]], axis=-1)
        oriented[..., RISING] = scaled[..., RISING]
        oriented[..., FALLING] = -scaled[..., FALLING]
        return np.asarray(np.maximum(np.nan_to_num(oriented), 0.0))

    reach = np.maximum(_reach(distances(features), is_clean), 1.0)

    def gauge(found: Floats) -> Floats:
        ratios = distances(found) / reach
        return np.stack([ratios[..., list(place)].max(axis=-1) for place in places], axis=-1)

    return gauge


def _places(causes: dict[str, tuple[str, ...]]) -> list[tuple[int, ...]]:
    return [tuple(channels.FEATURES.index(name) for name in names) for names in causes.values()]
