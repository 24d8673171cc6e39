"""Was a window there before, perhaps scaled and shifted, perhaps under new noise?

Innovations of independent readings do not correlate, at whatever lag: of m samples the correlation is about 1/√m. A replayed window has at
one lag the correlation 1, whatever affine map it went through. All lags are looked at, by fast Fourier transformation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.series.windows import Floats

CLIP = 4.0
"""Innovations count for at most as many spreads, so that two jumps do not make a replay."""
MAX_WORK = 1 << 31
"""Windows times length beyond which only the latest past is looked at."""


def strongest(
    left: Floats, at: NDArray[np.int64], samples: int, before: Floats, is_clean: bool = False
) -> Floats:
    """Return for each window of the innovations `left` (n,) that begins `at` the strongest correlation, of shape (windows,), with what was
    earlier: in `before` (m,), which comes first, and in `left`; of a clean series (`is_clean`) with all that does not overlap.

    Fisher's transformation, times √samples: of independent noise about √(2 ln n).
    """
    whole = np.clip(np.concatenate([before, left]), -CLIP, CLIP)
    if len(at) * len(whole) > MAX_WORK:
        whole = whole[-(MAX_WORK // len(at)) :]
    offset = len(whole) - len(left)
    size = 1 << int(np.ceil(np.log2(len(whole) + samples)))
    spectrum = np.fft.rfft(whole, size)
    sums = np.concatenate([[0.0], np.cumsum(whole)])
    squares = np.concatenate([[0.0], np.cumsum(whole**2)])
    mean = (sums[samples:] - sums[:-samples]) / samples
    energy = np.maximum(squares[samples:] - squares[:-samples] - samples * mean**2, 0)
    found = np.zeros(len(at))
    for place, start in enumerate(np.asarray(at) + offset):
        if start < 0:
            continue
        window = whole[start : start + samples] - mean[start]
        own = float(window @ window)
        product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(window, size)), size)[: len(mean)]
        # where one of the two hardly moves, a correlation of the two says nothing
        scale = np.sqrt(own * energy)
        likeness = np.where(energy > 0.01 * samples, np.abs(product) / np.maximum(scale, 1e-12), 0.0)
        if own <= 0.01 * samples:
            continue
        likeness[max(0, start - samples + 1) : start + samples if is_clean else None] = 0
        found[place] = likeness.max(initial=0)
    return np.asarray(np.arctanh(np.clip(found, 0, 0.999999)) * np.sqrt(samples))
