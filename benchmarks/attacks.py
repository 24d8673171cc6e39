"""Whether attacks pay, on the true contracts: returns and gains over many worlds, with 95 % intervals."""

from __future__ import annotations

from benchmarks.report import Figure, Options, main
from sheaf.simulation.agents import habits
from sheaf.simulation.run import Scenario, play_all


def measure(options: Options) -> list[Figure]:
    """Play every habit that is not honest among honest people; `options.seeds` worlds each."""
    figures = []
    for name in [name for name in habits() if not name.startswith("honest")]:
        found = play_all(Scenario([name]), range(options.seeds))
        (gain,) = found.gains.values()
        (earned,) = found.attackers.values()
        figures += [
            Figure(f"{name}: return, upper end", earned.high, "tokens"),
            Figure(
                f"{name}: gain over honesty, upper end",
                gain.high,
                "tokens",
                limit=1.0,
                target=0.0,
                against="loses",
            ),
            Figure(f"{name}: right of what was bought", found.precision.mean, "share"),
        ]
        figures += [
            Figure(
                f"{name}: {habit}, lower end", one.low, "tokens", limit=1.0, target=0.0, better="higher",
                against="earns",
            )
            for habit, one in found.honest.items()
        ]  # fmt: skip
    return figures


if __name__ == "__main__":
    main("attacks", measure, seeds=20)
