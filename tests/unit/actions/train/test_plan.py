"""A plan is one file that all agree on; what is wrong with it is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest

from sheaf.actions.train import load_plan
from sheaf.actions.train.plan import read_plan
from sheaf.domain.errors import InputError
from tests.mocks.training import Field


def test_a_plan_is_read_from_its_file(tmp_path: Path) -> None:
    """The file says what the document says; another number is another session."""
    held = Field(tmp_path)
    assert load_plan(held.write_plan()) == held.plan
    assert read_plan(held.document | {"rounds": 5}).session != held.plan.session


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rounds": 0}, "rounds"),
        ({"rounds": "4"}, "rounds"),
        ({"clip": float("nan")}, "clip"),
        ({"clip": -1.0}, "clip"),
        ({"coordinator": "xyz"}, "coordinator"),
        ({"owners": []}, "owners"),
        ({"unknown": 1}, "unknown"),
        ({"minimum": 1}, "minimum: 1: give 2 to 4"),
        ({"minimum": 2}, "with 1 dropped, 3 are left"),
        ({"group_size": 1}, "group_size: 1"),
        ({"group_size": 4}, "group_size: 4"),
        ({"strategy": "best"}, "choose history, median, mean or flower:NAME"),
        ({"hidden": 1 << 14, "features": 1 << 20}, "hidden"),
        ({"corrupt": 2}, "clients"),
    ],
)
def test_plans_that_cannot_be(tmp_path: Path, change: dict, said: str) -> None:
    """Fields out of bounds, unknown ones, and plans whose sums would not be safe are refused by name."""
    document = Field(tmp_path).document | change
    with pytest.raises(InputError, match=said):
        read_plan(document)


def test_keys_are_everybodys_own(tmp_path: Path) -> None:
    """Two owners of one key, and a coordinator that is an owner, are refused."""
    document = Field(tmp_path).document
    first = document["owners"][0]
    with pytest.raises(InputError, match="give every owner a key of its own"):
        read_plan(document | {"owners": [*document["owners"], first | {"name": "again"}]})
    with pytest.raises(InputError, match="give the coordinator a key of its own"):
        read_plan(document | {"coordinator": first["key"]})


@pytest.mark.parametrize("text", [b"= [", b"\xff\xfe", b"a = " + b"[" * 5000, b""])
def test_files_that_are_none(tmp_path: Path, text: bytes) -> None:
    """Bytes that are no TOML, or no plan, are refused in one line."""
    path = tmp_path / "plan.toml"
    path.write_bytes(text)
    with pytest.raises(InputError) as error:
        load_plan(path)
    assert "\n" not in str(error.value)


def test_groups_are_drawn_anew(tmp_path: Path) -> None:
    """Each round and attempt draws its own pairs of all owners, the same for everyone who has the plan."""
    plan = Field(tmp_path, owners=6, group_size=2, minimum=4).plan
    drawn = [plan.groups(number, attempt) for number in range(4) for attempt in range(2)]
    assert all(sorted(one for group in groups for one in group) == list(range(6)) for groups in drawn)
    assert len({str(groups) for groups in drawn}) > 4
    assert plan.groups(1, 1) == msgspec.structs.replace(plan).groups(1, 1)
    assert (
        dataclasses.replace(plan.terms(0, 0, [0, 1]), attempt=1).context != plan.terms(0, 0, [0, 1]).context
    )
