"""Texts: cut into shingles of words or characters, compared as sets (Broder 1997).

A text is normalised to NFKC and case-folded (Unicode Standard Annex 15 and Section 3.13, toNFKC_Casefold), and freed of marks that
nobody sees. Its tokens are the longest runs of letters, marks and digits; ideographs, kana and other signs that are
written without spaces are tokens by themselves. A shingle is `width` tokens in a row, or `width` characters of the tokens joined
by single spaces; a text shorter than that is one shingle. All of it is done on whole batches.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sheaf.verification.near import sets
from sheaf.verification.near.columns import strings
from sheaf.verification.near.sets import Sets, mixed, numbers
from sheaf.verification.near.sketch import Sketch

if TYPE_CHECKING:
    import pyarrow as pa

Unit = Literal["words", "characters"]

_BATCH = 1 << 15  # characters cut at once
_BREAK, _LETTER, _ALONE, _IGNORED = 0, 1, 2, 3
_ALONE_RANGES = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3040, 0x30FF),
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF),
)  # fmt: skip
"""Thai, Lao, Burmese, Khmer, ideographs and kana."""
_INVISIBLE_RANGES = ((0x034F, 0x034F), (0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0000, 0xE0FFF))
"""Joiners, variation selectors and tags: marks that nobody sees, beside those of category Cf."""
_SPACE = 0x20
_BASE = numbers(5, 1)[0]
_INVERSE = np.uint64(pow(int(_BASE), -1, 2**64))
_TERMS = numbers(6, 64)
_SCATTERED = mixed(np.arange(1, 129, dtype=np.uint64))


@dataclass(frozen=True)
class Texts:
    """Texts of the named fields, joined, as sets of shingles; similarity is Jaccard's, estimated from signatures, exact from sets."""

    fields: tuple[str, ...]
    threshold: float = 0.5
    unit: Unit = "characters"
    length: int = 5

    bands = sets.BANDS
    width = sets.SIGNATURE_BYTES
    margin = 3 * sets.SPREAD

    @property
    def namespace(self) -> str:
        """The shingles; texts of other fields may be compared."""
        return f"text-{self.unit}-{self.length}"

    def sketch(self, table: pa.Table) -> Sketch:
        """Return sketches of the texts. Raises RecordError for a field that is absent or no text."""
        columns = [strings(table, name) for name in self.fields]
        joined = (
            columns[0]
            if len(columns) == 1
            else [" ".join(filter(None, parts)) for parts in zip(*columns, strict=True)]
        )
        return sketched(shingles(joined, self.unit, self.length))

    def similarity(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return Jaccard's similarity as signatures of shape (m, width) estimate it."""
        return sets.estimate(one, other)


def sketched(found: Sets) -> Sketch:
    """Return the sketch of sets."""
    bins = sets.sketch(found)
    return Sketch(found.sizes > 0, sets.band_keys(bins), sets.signature(bins), found)


def shingles(texts: Sequence[str | None], unit: Unit, width: int) -> Sets:
    """Return the shingles, hashed, of each text; none for a null or a text without letters and digits."""
    parts: list[NDArray[np.uint64]] = []
    sizes: list[NDArray[np.int64]] = []
    batch: list[str] = []
    length = 0
    for text in texts:
        batch.append(text or "")
        length += len(batch[-1])
        if length > _BATCH:
            _cut(batch, unit, width, parts, sizes)
            batch, length = [], 0
    _cut(batch, unit, width, parts, sizes)
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.concatenate(sizes), out=offsets[1:])
    return Sets(np.concatenate(parts), offsets)


def _cut(
    batch: list[str], unit: Unit, width: int, parts: list[NDArray[np.uint64]], sizes: list[NDArray[np.int64]]
) -> None:
    code, text = _characters(batch)
    if unit == "words":
        values, owner = _words(code, text)
    else:
        values, owner = _joined(code, text)
    hashes, owner = _shingled(values, owner, width)
    parts.append(hashes)
    sizes.append(np.bincount(owner, minlength=len(batch)).astype(np.int64))


def _characters(batch: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the code points of all texts, normalised, a zero behind each, and the text each belongs to."""
    joined = "\0".join(batch) + "\0"
    if joined.count("\0") != len(batch):
        joined = "\0".join(text.replace("\0", " ") for text in batch) + "\0"
    if joined.isascii():
        code = np.frombuffer(joined.lower().encode(), np.uint8).astype(np.uint32)
    else:
        # A zero joins with nothing, so the whole is normalised as its parts would be.
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", joined).casefold())
        code = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), "<u4")
        code = code[_classified(code) != _IGNORED]
    ends = code == 0
    return code, np.cumsum(ends) - ends


@cache
def _classes(size: int) -> NDArray[np.uint8]:
    """Return for every code point below `size` whether it breaks, belongs to a token, is one, or does not count."""
    kinds = np.zeros(size, np.uint8)
    for point in range(size):
        category = unicodedata.category(chr(point))
        if category[0] in "LNM":
            kinds[point] = _LETTER
        elif category == "Cf":
            kinds[point] = _IGNORED
    for first, last in _ALONE_RANGES:
        kinds[first : last + 1] *= _ALONE
    for first, last in _INVISIBLE_RANGES:
        kinds[first : last + 1] = _IGNORED
    return kinds


def _classified(code: NDArray[np.uint32]) -> NDArray[np.uint8]:
    return _classes(128)[code] if code.max(initial=0) < 128 else _classes(0x110000)[code]


def _words(code: NDArray[np.uint32], text: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return a hash of each token, and the text it stands in."""
    kinds = _classified(code)
    before = np.empty_like(kinds)
    before[0], before[1:] = _BREAK, kinds[:-1]
    begins = np.flatnonzero((kinds == _ALONE) | ((kinds == _LETTER) & (before != _LETTER)))
    after = np.empty_like(kinds)
    after[-1], after[:-1] = _BREAK, kinds[1:]
    ends = np.flatnonzero((kinds == _ALONE) | ((kinds == _LETTER) & (after != _LETTER))) + 1
    sums = np.zeros(len(code) + 1, np.uint64)
    # A polynomial in _BASE modulo 2**64 over scattered characters; division brings every token to the same power.
    np.cumsum(_scattered(code) * _powers(_BASE, len(code)), out=sums[1:])
    return (sums[ends] - sums[begins]) * _powers(_INVERSE, len(code))[begins], text[begins]


@cache
def _power_table(base: int, size: int) -> NDArray[np.uint64]:
    powers = np.full(size, base, np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _powers(base: Any, count: int) -> NDArray[np.uint64]:
    """Return base**0, base**1, … modulo 2**64; tables grow by doubling, so few are kept."""
    return _power_table(int(base), max(1 << 20, 1 << count.bit_length()))[:count]


def _joined(
    code: NDArray[np.uint32], text: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the characters of tokens with one space between, scattered, and the text each stands in."""
    kinds = _classified(code) != _BREAK
    last = np.append(False, kinds[:-1])
    keep = kinds | last
    kept, owner = np.where(kinds, code, _SPACE)[keep], text[keep]
    # The space behind a text's last token separates nothing.
    is_last = np.append(owner[1:] != owner[:-1], True) & (kept == _SPACE)
    kept, owner = kept[~is_last], owner[~is_last]
    return _scattered(kept), owner


def _scattered(code: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return a number for each character that looks random."""
    if code.max(initial=0) < len(_SCATTERED):
        return _SCATTERED[code]
    return mixed(code.astype(np.uint64) + np.uint64(1))


def _shingled(
    values: NDArray[np.uint64], owner: NDArray[np.int64], width: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return a hash of every `width` values in a row within one text, and its text; all values where a text has fewer."""
    count = max(len(values) - width + 1, 0)
    hashes = values[:count] * _TERMS[0]
    for step in range(1, width):
        hashes += values[step : step + count] * _TERMS[step]
    whole = owner[:count] == owner[width - 1 :]
    hashes, owners = hashes[whole], owner[:count][whole]
    first = np.flatnonzero(np.append(True, owner[1:] != owner[:-1])[: len(owner)])
    sizes = np.diff(np.append(first, len(owner)))
    short, sizes = first[sizes < width], sizes[sizes < width]
    if not len(short):
        return mixed(hashes), owners
    rest = np.zeros(len(short), np.uint64)
    for step in range(width - 1):
        there = np.minimum(short + step, len(owner) - 1)
        rest += values[there] * _TERMS[step] * (step < sizes)
    at = np.searchsorted(owners, owner[short])
    return mixed(np.insert(hashes, at, rest)), np.insert(owners, at, owner[short])
