"""What a submission's content may hold: bounded by the number of its records, for whoever writes it and whoever reads it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from sheaf.actions.cases import examine
from sheaf.domain.errors import RecordError
from sheaf.domain.ids import Address, RequestId
from sheaf.formats import parquet
from sheaf.store.envelope import encrypt
from sheaf.store.memory import MemoryStore

CONTRIBUTOR = Address("0x" + "11" * 20)
KEY = bytes(range(32))


def content(monkeypatch: pytest.MonkeyPatch, table: pa.Table) -> examine.Content | None:
    """Return what a member reads of `table`, where a record may add 1,000 bytes to 10,000."""
    monkeypatch.setattr(examine, "BASE_BYTES", 10_000)
    monkeypatch.setattr(examine, "RECORD_BYTES", 1_000)
    monkeypatch.setattr(examine, "FRAME_BYTES", 1_000)
    ctx = cast("Any", SimpleNamespace(market="market", store=MemoryStore()))
    bound = examine.associated(ctx, RequestId(1), CONTRIBUTOR)
    cid = ctx.store.put(encrypt(KEY, parquet.write(table), bound))
    case = SimpleNamespace(cid=cid, request=RequestId(1), contributor=CONTRIBUTOR, records=table.num_rows)
    return examine.open_content(ctx, cast("Any", case), KEY, None)


def noise(records: int, size: int) -> pa.Table:
    """Return records of `size` bytes that do not compress."""
    import numpy as np

    dice = np.random.default_rng(7)
    return pa.table({"x": [dice.bytes(size) for _ in range(records)]})


def test_one_record_does_not_carry_a_gigabyte(monkeypatch: pytest.MonkeyPatch) -> None:
    """Content beyond what its records pay for is not read, and not written: submitting it is refused."""
    assert content(monkeypatch, noise(2, 5_000)) is not None
    assert content(monkeypatch, noise(2, 7_000)) is None
    assert content(monkeypatch, noise(20, 1_000)) is not None
    assert len(examine.packed(noise(2, 5_000))) > 10_000
    with pytest.raises(RecordError, match="submit at most 12000 bytes at a time"):
        examine.packed(noise(2, 7_000))


def test_what_unfolds_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that unfolds to much more is neither read nor written."""
    bomb = pa.table({"x": [bytes(200_000)]})
    assert len(parquet.write(bomb)) < 2_000
    assert content(monkeypatch, bomb) is None
    with pytest.raises(RecordError, match="at a time"):
        examine.packed(bomb)


def test_the_bound_is_a_gigabyte_at_most() -> None:
    """Sixteen thousand records may hold what any file may hold, one record much less."""
    assert examine.limits_of(16_384).max_bytes == 1 << 30
    assert examine.limits_of(1).max_bytes == 80 << 20
