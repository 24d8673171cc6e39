"""Load a bundle's records into the tools that train: pyarrow, polars, pandas, Hugging Face `datasets`, PyTorch."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    import datasets
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from torch.utils.data import IterableDataset


class Loaders:
    """What a set of Parquet files can be loaded into. Optional tools are imported when asked for."""

    @property
    def data_files(self) -> list[Path]:
        """The Parquet files that hold the records, in order."""
        raise AttributeError("data_files")

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return all records, or some of their columns, as an Arrow table."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        chosen = self._chosen(columns)
        return pa.concat_tables(
            [pq.read_table(path, columns=chosen, partitioning=None) for path in self.data_files]
        )

    def to_polars(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return all records as a polars frame."""
        import polars as pl

        frame = pl.from_arrow(self.to_arrow(columns))
        assert isinstance(frame, pl.DataFrame)
        return frame

    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return all records as a pandas frame. Raises InputError if pandas is not installed."""
        _need("pandas", "pandas")
        frame: pd.DataFrame = self.to_arrow(columns).to_pandas()
        return frame

    def to_datasets(self, columns: Sequence[str] | None = None) -> datasets.Dataset:
        """Return all records as a Hugging Face dataset, mapped from Arrow. Raises InputError if `datasets` is not installed."""
        _need("datasets", "datasets")
        import datasets

        return datasets.Dataset(self.to_arrow(columns))

    def to_torch(
        self, batch_size: int = 1024, columns: Sequence[str] | None = None
    ) -> IterableDataset[dict[str, Any]]:
        """Return an IterableDataset of batches: per column a tensor of `batch_size` values, or a list where values vary in size.

        Use it as it is, or with `DataLoader(dataset, batch_size=None, num_workers=…)`: workers share the row groups among them.
        Null numbers become NaN, other nulls stay None in lists. Raises InputError if torch is not installed.
        """
        _need("torch", "torch")
        if not isinstance(batch_size, int) or batch_size < 1:
            raise InputError("batch_size", batch_size, "give a number from 1")
        dataset: IterableDataset[dict[str, Any]] = _dataset_type()(
            self.data_files, self._chosen(columns), batch_size
        )
        return dataset

    def _chosen(self, columns: Sequence[str] | None) -> list[str] | None:
        import pyarrow.parquet as pq

        if columns is None:
            return None
        names = pq.read_schema(self.data_files[0]).names
        for name in columns:
            if name not in names:
                raise InputError("columns", name, f"name some of {', '.join(names)}")
        return list(columns)


def __getattr__(name: str) -> Any:
    """Offer `Batches` only when asked: torch takes seconds to load, and worker processes look the class up here."""
    if name == "Batches":
        return _dataset_type()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _dataset_type() -> Any:
    from torch.utils.data import IterableDataset

    class Batches(IterableDataset[dict[str, Any]]):
        """Batches of tensors, read from Parquet by this process's share of the row groups."""

        def __init__(self, files: list[Path], columns: list[str] | None, batch_size: int) -> None:
            self.files, self.columns, self.batch_size = files, columns, batch_size

        def __iter__(self) -> Iterator[dict[str, Any]]:
            return _batches(self.files, self.columns, self.batch_size)

    Batches.__module__, Batches.__qualname__ = __name__, "Batches"
    return Batches


def _batches(files: Sequence[Path], columns: list[str] | None, batch_size: int) -> Iterator[dict[str, Any]]:
    """Yield this worker's batches: of all row groups it takes every n-th, n being the number of workers."""
    import pyarrow.parquet as pq
    from torch.utils.data import get_worker_info

    worker = get_worker_info()
    share, of = (worker.id, worker.num_workers) if worker else (0, 1)
    place = 0
    for path in files:
        with pq.ParquetFile(path) as file:
            groups = [group for group in range(file.num_row_groups) if (place + group) % of == share]
            place += file.num_row_groups
            if groups:
                for batch in file.iter_batches(
                    batch_size, row_groups=groups, columns=columns, use_threads=of == 1
                ):
                    yield {
                        name: tensor(column)
                        for name, column in zip(batch.schema.names, batch.columns, strict=True)
                    }


def tensor(column: pa.Array) -> Any:
    """Return a column as a tensor of shape (n,), or (n, width) for lists of one length; else as a list of Python values.

    Numbers and booleans share memory with Arrow where it is writable by nobody else; null numbers become NaN.
    """
    import pyarrow.types as types
    import torch

    if types.is_list(column.type) and (rows := _rectangle(column)) is not None:
        return torch.from_numpy(rows)
    if types.is_integer(column.type) or types.is_floating(column.type) or types.is_boolean(column.type):
        if column.null_count and types.is_boolean(column.type):
            return column.to_pylist()
        return torch.from_numpy(_writable(column.to_numpy(zero_copy_only=False)))
    return column.to_pylist()


def _rectangle(column: pa.Array) -> Any:
    """Return lists of numbers that all have one length as shape (n, width), else None."""
    import pyarrow.types as types

    items = column.flatten()
    if (
        column.null_count
        or items.null_count
        or not (types.is_integer(items.type) or types.is_floating(items.type))
    ):
        return None
    lengths = np.diff(column.offsets.to_numpy())
    if not len(lengths) or not lengths[0] or (lengths != lengths[0]).any():
        return None
    return _writable(items.to_numpy()).reshape(len(column), int(lengths[0]))


def _writable(values: Any) -> Any:
    # torch shares memory, and Arrow's is read-only by right: the copy is what makes writing to a tensor safe.
    return values if values.flags.writeable else values.copy()


def is_installed(module: str) -> bool:
    """Tell whether an optional tool can be imported, without importing it."""
    return importlib.util.find_spec(module) is not None


def _need(module: str, package: str) -> None:
    if not is_installed(module):
        raise InputError("import", module, f"install it: pip install {package}")
