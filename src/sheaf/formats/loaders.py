"""Load a bundle's records into the tools that train: pyarrow, polars, pandas, Hugging Face `datasets`, PyTorch."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
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
    place, plan = 0, list[tuple[str, Callable[[Any], Any]]]()
    for path in files:
        with pq.ParquetFile(path) as file:
            groups = [group for group in range(file.num_row_groups) if (place + group) % of == share]
            place += file.num_row_groups
            if groups:
                batches = file.iter_batches(
                    batch_size, row_groups=groups, columns=columns, use_threads=of == 1
                )
                for batch in batches:
                    plan = plan or [(field.name, _converter(field.type)) for field in batch.schema]
                    columns_of = zip(plan, batch.columns, strict=True)
                    yield {name: convert(column) for (name, convert), column in columns_of}


def tensor(column: pa.Array) -> Any:
    """Return a column as a tensor of shape (n,), or (n, width) for lists of one length; else as a list of Python values.

    Null numbers become NaN. Numbers share their memory with the column, so it must have no other reader.
    """
    return _converter(column.type)(column)


def _converter(dtype: pa.DataType) -> Callable[[pa.Array], Any]:
    """Return what makes tensors of columns of one type: chosen once, it costs nothing per batch."""
    import pyarrow.types as types

    if types.is_integer(dtype) or types.is_floating(dtype):
        return _numbers
    if types.is_boolean(dtype):
        return _booleans
    if types.is_list(dtype) and (types.is_integer(dtype.value_type) or types.is_floating(dtype.value_type)):
        return _matrix
    return _values


def _numbers(column: pa.Array) -> Any:
    import torch.utils.dlpack

    if column.null_count:
        return torch.from_numpy(column.to_numpy(zero_copy_only=False))
    return torch.utils.dlpack.from_dlpack(column)


def _booleans(column: pa.Array) -> Any:
    import torch

    if column.null_count:
        return _values(column)
    return torch.from_numpy(column.to_numpy(zero_copy_only=False))


def _matrix(column: pa.Array) -> Any:
    items = column.flatten()
    lengths = np.diff(column.offsets.to_numpy())
    if column.null_count or items.null_count or not len(items) or (lengths != lengths[0]).any():
        return _values(column)
    return _numbers(items).reshape(len(column), int(lengths[0]))


def _values(column: pa.Array) -> Any:
    return column.to_pylist()


def is_installed(module: str) -> bool:
    """Tell whether an optional tool can be imported, without importing it."""
    return importlib.util.find_spec(module) is not None


def _need(module: str, package: str) -> None:
    if not is_installed(module):
        raise InputError("import", module, f"install it: pip install {package}")
