"""From the columns of a table to numbers that a model can learn from, scaled by what the sample shows."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types

from sheaf.domain.errors import InputError

IMAGE_SIDE = 32
"""Images are made grey and brought to the size of the sample's first, at most this many pixels a side."""

MAX_PIXELS = 1 << 24
TEXT_DIMENSIONS = 64
CATEGORIES = 20
REACH = 1e3
"""Scaled values are cut off here: far beyond all that a sample shows, and safe to square."""

Floats = NDArray[np.float64]


class _Encoder(Protocol):
    def __call__(self, column: pa.Array) -> tuple[Floats, NDArray[np.bool_]]:
        """Return values of shape (n, width), and which rows could be read, shape (n,)."""
        ...


class Features:
    """Numbers from records: fitted on a sample's columns (without `label`), applied to any table.

    Numbers are scaled column by column; lists and images as one block, so that the geometry between their parts stays; texts become
    hashed character n-grams weighted by tf-idf and reduced by a singular value decomposition; texts of few kinds become categories.
    """

    def __init__(self, sample: pa.Table, label: str, seed: int = 0) -> None:
        """Raises InputError if no column holds anything a model can use."""
        columns = _columns(sample, label)
        encoders = {name: _encoder(column, seed) for name, column in columns.items()}
        self._encoders = {name: encoder for name, encoder in encoders.items() if encoder is not None}
        self._label = label
        if not self._encoders:
            raise InputError(
                "sample", "no usable column", "publish numbers, lists of numbers, images or texts"
            )

    def __call__(self, records: pa.Table) -> tuple[Floats, NDArray[np.bool_]]:
        """Return features of shape (n, width), and which records have all that the features rest on, shape (n,)."""
        columns = _columns(records, self._label)
        blocks, readable = [], np.ones(records.num_rows, dtype=np.bool_)
        for name, encoder in self._encoders.items():
            if name not in columns:
                return np.zeros((records.num_rows, 1)), np.zeros(records.num_rows, dtype=np.bool_)
            try:
                block, was_read = encoder(columns[name])
            except (pa.ArrowException, TypeError, ValueError):  # another type than the sample's
                block, was_read = np.zeros((records.num_rows, 1)), np.zeros(records.num_rows, dtype=np.bool_)
                return block, was_read
            blocks.append(block)
            readable &= was_read
        return np.clip(np.nan_to_num(np.hstack(blocks)), -REACH, REACH), readable


def _columns(table: pa.Table, label: str) -> dict[str, pa.Array]:
    """Return the columns but the label, structures taken apart; of two with one name the first."""
    flat = table
    while any(types.is_struct(column.type) for column in flat.schema):
        flat = flat.flatten()
    columns: dict[str, pa.Array] = {}
    for name, column in zip(flat.column_names, flat.columns, strict=True):
        if name != label and not name.startswith(f"{label}."):
            whole = column.combine_chunks()
            array = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
            is_coded = types.is_dictionary(array.type)
            columns.setdefault(name, array.dictionary_decode() if is_coded else array)
    return columns


def _encoder(column: pa.Array, seed: int) -> _Encoder | None:
    kind = column.type
    if column.null_count == len(column):
        return None
    if _is_number(kind):
        return _Numbers(column)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        item = kind.value_type
        while hasattr(item, "value_type"):
            item = item.value_type
        return _Block(column, _lists) if _is_number(item) else None
    if types.is_binary(kind) or types.is_large_binary(kind):
        return _Block(column, _Images(column))
    if types.is_string(kind) or types.is_large_string(kind):
        few = len(pc.unique(column)) <= min(CATEGORIES, len(column) // 5)
        return _Categories(column) if few else _Text(column, seed)
    return None


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_temporal(kind)
    )


def _floats(column: pa.Array) -> Floats:
    """Return the values as doubles, null as NaN."""
    if types.is_temporal(column.type):
        column = column.cast(pa.timestamp("us") if types.is_date(column.type) else column.type).cast(
            pa.int64()
        )
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)


class _Numbers:
    """One number a record; where the sample has gaps, gaps get the median and a mark, elsewhere they cannot be read."""

    def __init__(self, column: pa.Array) -> None:
        values = _floats(column)
        known = values[np.isfinite(values)]
        self.has_gaps = len(known) < len(values)
        self.middle = float(np.median(known)) if len(known) else 0.0
        self.centre = float(known.mean()) if len(known) else 0.0
        self.scale = (float(known.std()) if len(known) else 0.0) or 1.0

    def __call__(self, column: pa.Array) -> tuple[Floats, NDArray[np.bool_]]:
        values = _floats(column)
        gaps = ~np.isfinite(values)
        scaled = (np.where(gaps, self.middle, values) - self.centre) / self.scale
        if not self.has_gaps:
            return scaled[:, None], ~gaps
        return np.stack([scaled, gaps.astype(np.float64)], axis=1), np.ones(len(values), dtype=np.bool_)


class _Block:
    """Many numbers a record, all scaled alike: a list of any depth, or an image."""

    def __init__(self, column: pa.Array, read: Any) -> None:
        self.read = read
        found = read(column)
        lengths = {len(row) for row in found if row is not None}
        self.width, self.is_fixed = max(lengths, default=0), len(lengths) == 1
        self.centre, self.scale = np.zeros(self.width), 1.0
        values, readable = self._fitted(found)
        if readable.any() and self.width:
            self.centre = values[readable].mean(axis=0)
            self.scale = float((values[readable] - self.centre).std()) or 1.0

    def _fitted(self, found: list[Floats | None]) -> tuple[Floats, NDArray[np.bool_]]:
        """Return all rows at the sample's width: shorter ones filled with zeros, unless all of the sample are equal."""
        values = np.zeros((len(found), self.width))
        readable = np.zeros(len(found), dtype=np.bool_)
        for i, row in enumerate(found):
            if row is None or not np.isfinite(row).all() or (self.is_fixed and len(row) != self.width):
                continue
            readable[i] = True
            values[i, : min(len(row), self.width)] = row[: self.width]
        return values, readable

    def __call__(self, column: pa.Array) -> tuple[Floats, NDArray[np.bool_]]:
        values, readable = self._fitted(self.read(column))
        return np.clip((values - self.centre) / self.scale, -REACH, REACH), readable


def _lists(column: pa.Array) -> list[Floats | None]:
    """Return each list's numbers, flattened; None for null and for lists that hold null."""
    bounds, values = np.arange(len(column) + 1), column
    absent = ~np.asarray(column.is_valid())
    while hasattr(values.type, "value_type"):
        lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy(zero_copy_only=False)
        starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        bounds, values = starts[bounds], pc.list_flatten(values)
    numbers = _floats(values)
    rows = [numbers[a:b] for a, b in itertools.pairwise(bounds)]
    return [None if gone else row for row, gone in zip(rows, absent, strict=True)]


class _Images:
    """Grey pixels in [0, 1] of images in PNG, JPEG or WebP, brought to the size of the first that can be read."""

    def __init__(self, column: pa.Array) -> None:
        self.size: tuple[int, int] | None = None
        self(column)

    def __call__(self, column: pa.Array) -> list[Floats | None]:
        return [None if data is None else self._pixels(data) for data in column.to_pylist()]

    def _pixels(self, data: bytes) -> Floats | None:
        from PIL import Image

        broken = (
            OSError,
            ValueError,
            SyntaxError,
            TypeError,
            KeyError,
            IndexError,
            MemoryError,
            OverflowError,
        )
        try:
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
                if image.width * image.height > MAX_PIXELS:
                    return None
                if self.size is None:
                    self.size = min(image.width, IMAGE_SIDE), min(image.height, IMAGE_SIDE)
                grey = image.convert("L").resize(self.size, Image.Resampling.BOX)
                return np.asarray(grey, np.float64).ravel() / 255
        except (*broken, Image.DecompressionBombError, struct.error, zlib.error):
            return None


class _Categories:
    """A text that takes few values in the sample: one column for each, all zero for a value never seen."""

    def __init__(self, column: pa.Array) -> None:
        self.values = pc.unique(column.drop_null()).cast(pa.large_string())

    def __call__(self, column: pa.Array) -> tuple[Floats, NDArray[np.bool_]]:
        places = pc.index_in(column.cast(pa.large_string()), self.values)
        at = pc.fill_null(places, -1).to_numpy(zero_copy_only=False)
        return (at[:, None] == np.arange(len(self.values))).astype(np.float64), np.asarray(column.is_valid())


class _Text:
    """Free text: character n-grams, hashed, weighted by tf-idf, reduced to TEXT_DIMENSIONS."""

    def __init__(self, column: pa.Array, seed: int) -> None:
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
        from sklearn.pipeline import make_pipeline

        width = max(1, min(TEXT_DIMENSIONS, len(column) - 1))
        self._model = make_pipeline(
            HashingVectorizer(
                analyzer="char_wb", ngram_range=(2, 4), n_features=1 << 14, alternate_sign=False
            ),
            TfidfTransformer(sublinear_tf=True),
            TruncatedSVD(width, random_state=seed),
        )
        found = self._model.fit_transform(_texts(column))
        self._scale = float(found.std()) or 1.0

    def __call__(self, column: pa.Array) -> tuple[Floats, NDArray[np.bool_]]:
        if not len(column):
            return np.zeros((0, self._model[-1].n_components)), np.zeros(0, dtype=np.bool_)
        found = np.asarray(self._model.transform(_texts(column)), np.float64) / self._scale
        return found, np.asarray(column.is_valid())


def _texts(column: pa.Array) -> list[str]:
    return [text or "" for text in column.cast(pa.large_string()).to_pylist()]
