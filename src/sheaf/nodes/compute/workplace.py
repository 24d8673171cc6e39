"""Where jobs lie on the disk: a folder each, within a quota, gone when the job is done or the node begins anew."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from sheaf.domain.errors import StoreError
from sheaf.formats.release.shown import lay_out

if TYPE_CHECKING:
    import pyarrow as pa


class Full(StoreError):
    """The quota is used up for now: the job waits until others are done."""


class Workplace:
    """Folders of jobs below `root`, together at most `quota_bytes`. `root` itself lets nobody else in."""

    def __init__(self, root: Path, quota_bytes: int) -> None:
        self.root, self.quota_bytes = root, quota_bytes
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o700)

    def sweep(self) -> int:
        """Remove what a killed node has left; return how many folders there were."""
        left = [path for path in self.root.iterdir() if path.is_dir()]
        for path in left:
            shutil.rmtree(path)
        return len(left)

    def prepare(self, number: int, program: bytes, table: pa.Table) -> Path:
        """Make the folder of a job (see `lay_out`).

        Raises Full if there is no room for it now, StoreError if there never will be.
        """
        folder = self.root / str(number)
        self.clean(number)
        needed = table.nbytes + len(program)
        if needed > self.quota_bytes:
            raise StoreError(
                f"workplace: a job needs {needed} bytes, the quota is {self.quota_bytes}: give the node more"
            )
        if self.used() + needed > self.quota_bytes:
            raise Full(f"workplace: {self.used()} of {self.quota_bytes} bytes are used: the job waits")
        lay_out(folder, program, table)
        return folder

    def clean(self, number: int) -> None:
        """Remove a job's folder; none is no error."""
        shutil.rmtree(self.root / str(number), ignore_errors=True)

    def used(self) -> int:
        """Return how many bytes lie here."""
        return sum(path.stat().st_size for path in self.root.rglob("*") if path.is_file())
