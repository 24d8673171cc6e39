"""Sweeps: the same attack under other prices, fees, bonds, audits, quorums, skill or shares of attackers, all else equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

from sheaf.domain.errors import InputError
from sheaf.governance.parameters import IDS
from sheaf.simulation.run import Outcome, Scenario, Summary, play_all, summarise
from sheaf.simulation.world import Economy

STRENGTH = "attackers"
"""How many of the validators the habits bring, each."""
_COUNTS = ("records", "validators", "stake", "fee_bps")
_BOUNDS = {
    "price": (0.001, 10_000.0), "make_cost": (0.0, 10_000.0), "look_cost": (0.0, 10_000.0), "worth": (0.0, 10_000.0),
    "records": (1, 256), "validators": (5, 100), "stake": (1, 9_000), "skill": (0.0, 1.0), "fee_bps": (1, 5_000),
    "gold_share": (0.0, 0.5), STRENGTH: (1, 100),
}  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """One number of the economy, a parameter of the market, or `attackers`, and the values it takes."""

    name: str
    values: tuple[float, ...]


def names() -> list[str]:
    """Return everything that can be varied."""
    own = [field.name for field in fields(Economy) if field.name in _BOUNDS]
    return [*own, STRENGTH, *IDS]


def parse(text: str) -> Sweep:
    """Return the sweep in `NAME=VALUE,VALUE…`. Raises InputError for unknown names and values that are none or out of bounds."""
    name, _, listed = text.partition("=")
    name = name.strip().replace("-", "_")
    if name not in names():
        raise InputError("sweep", name, f"vary one of {', '.join(names())}")
    values = tuple(_number(name, value) for value in listed.split(","))
    if len(values) > 50:
        raise InputError("sweep", f"{len(values)} values", "give at most 50")
    return Sweep(name, values)


def varied(scenario: Scenario, name: str, value: float) -> Scenario:
    """Return a scenario with one number changed."""
    if name == STRENGTH:
        return replace(scenario, strength=round(value))
    economy = scenario.economy
    if name in IDS:
        kept = tuple(one for one in economy.parameters if one[0] != name)
        economy = replace(economy, parameters=(*kept, (name, round(value))))
    else:
        changed = round(value) if name in _COUNTS else value
        economy = replace(economy, **{name: changed})  # type: ignore[arg-type]
    return replace(scenario, economy=economy)


def sweep(
    scenario: Scenario,
    what: Sweep,
    seeds: Sequence[int],
    *,
    processes: int = 1,
    follow: Callable[[Iterator[Outcome]], Iterator[Outcome]] = iter,
) -> list[tuple[float, Summary]]:
    """Play a scenario for every value of a sweep; `follow` is shown the outcomes as they come."""
    found = []
    for value in what.values:
        outcomes = follow(play_all(varied(scenario, what.name, value), seeds, processes=processes))
        found.append((value, summarise(list(outcomes))))
    return found


def _number(name: str, text: str) -> float:
    low, high = _BOUNDS.get(name, (0, 2**32 - 1))
    fix = f"give numbers from {low:g} to {high:g}, with commas between"
    try:
        value = float(text)
    except ValueError:
        raise InputError(name, text, fix) from None
    is_whole = name in _COUNTS or name == STRENGTH or name in IDS
    if not low <= value <= high or (is_whole and value != int(value)):
        raise InputError(name, text, fix)
    return value
