"""Parts of a budget: whatever versions say, and whoever serves which of them, all providers together have the whole at most."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.actions.compute import parts
from sheaf.domain.errors import Missing, Refused
from sheaf.domain.ids import Address
from sheaf.domain.policy import FieldRule, Policy, Release, Showing

NAMES = tuple(f"0x{letter * 40}" for letter in "abc")


def policy(providers: dict[str, int], total: float | None = 2.0, **more: Any) -> Policy:
    fields = {"x": FieldRule(Showing.DISCLOSED)}
    said = {"epsilon": 1.0, "delta": 1e-6, "total": total, "methods": ("query",), **more}
    return Policy(Release.STATISTICS, True, fields, ("research",), providers=providers, **said)


def parted(versions: list[Policy | None], version: int) -> dict[str, int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "_budgeted", lambda _ctx, _dataset, number: versions[number - 1])
        patch.setattr(parts, "_first_seated", lambda _ctx, _dataset: NAMES[0])
        return parts.parts_of(None, 1, version)  # type: ignore[arg-type]


shares = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 60), max_size=3).filter(
    lambda one: sum(one.values()) <= 100
)
policies = st.one_of(st.none(), st.builds(policy, shares))


@given(st.lists(policies, min_size=1, max_size=6))
def test_together_at_most_the_whole(versions: list[Policy | None]) -> None:
    """Every provider opens its account by whichever served version gives it most: the sum is the whole at most, in every history."""
    most = dict.fromkeys(NAMES, 0)
    is_refused = False
    for version in range(1, len(versions) + 1):
        try:
            here = parted(versions, version)
        except Refused:
            is_refused = True
            continue
        assert not is_refused, "what is refused once stays refused"
        for name, percent in here.items():
            most[name] = max(most[name], percent)
    assert sum(most.values()) <= 100


def test_first_seat_without_names() -> None:
    """Without names the first seat has all, and a version that names others later is refused, as is one with another promise."""
    assert parted([policy({})], 1) == {NAMES[0]: 100}
    assert parted([policy({}), None], 2) == {}
    for later in (
        policy({NAMES[1]: 1}),
        policy({}, 3.0),
        policy({}, delta=1e-5),
        policy({}, person_total=1.0),
    ):
        with pytest.raises(Refused, match=r"policy\.budget"):
            parted([policy({}), None, later], 3)


def test_a_version_that_would_come_is_looked_at_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be refused as the next version is refused beforehand, also where nobody had a seat yet; it is not read from the chain."""
    known = {1: policy({}), 2: None}
    monkeypatch.setattr(parts, "_budgeted", lambda _ctx, _dataset, number: known[number])

    def nobody(*_: Any) -> str:
        raise Refused("nobody had a seat yet")

    monkeypatch.setattr(parts, "_first_seated", nobody)
    ctx: Any = None
    assert parts.parts_of(ctx, 1, 2, policy({})) == {"the first seat": 100}
    for then in (policy({}, 3.0), policy({NAMES[0]: 1})):
        with pytest.raises(Refused, match=r"policy\.budget"):
            parts.parts_of(ctx, 1, 2, then)
    with pytest.raises(Refused, match="nobody had a seat yet"):
        parts.parts_of(ctx, 1, 1)


def chain(*events: tuple[str, dict[str, int]]) -> Any:
    def found(_contract: str, name: str, _from: int, **_: Any) -> list[Any]:
        return [SimpleNamespace(args=args) for one, args in events if one == name]

    return SimpleNamespace(chain=SimpleNamespace(events=found, call=lambda _c, _n, number: NAMES[number - 1]))


def test_who_was_first_is_read_from_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first seat is the first that was given to somebody; where the chain's past is cut off nobody guesses."""
    published: tuple[str, dict[str, int]] = ("DatasetPublished", {})
    seats = [("ProviderAdmitted", {"provider": number}) for number in (0, 3, 1)]
    monkeypatch.setattr(parts, "_budgeted", lambda *_: policy({}))
    assert parts.parts_of(chain(published, *seats), 1, 1) == {NAMES[2]: 100}
    with pytest.raises(Missing, match="use one that keeps all"):
        parts.parts_of(chain(*seats), 1, 1)
    with pytest.raises(Refused, match="nobody had a seat yet"):
        parts.parts_of(chain(published, seats[0]), 1, 1)
    assert parts.part_of(chain(published, *seats), 1, 1, Address(NAMES[2].upper().replace("X", "x"))) == 100
    with pytest.raises(Refused, match=r"policy\.budget\.providers: 0xa.*: the budget is spent by 0xc"):
        parts.part_of(chain(published, *seats), 1, 1, Address(NAMES[0]))
