"""A small federated training: keys, a plan and each owner's records in a folder, and all of it run in threads or processes."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np

from sheaf.actions.train import JoinReport, Plan, Protected, TrainingReport, coordinate, join, show_identity
from sheaf.actions.train.plan import read_plan

NAMES = ("north", "east", "south", "west", "centre", "coast")


class Field:
    """A folder with a coordinator and owners of two-class records that one line tells apart."""

    def __init__(self, folder: Path, owners: int = 4, records: int = 40, **changes: Any) -> None:
        self.folder, self.names = folder, NAMES[:owners]
        keys = {name: show_identity(folder / name) for name in ("coordinator", *self.names)}
        self.document: dict[str, Any] = {
            "name": "lines", "coordinator": keys["coordinator"], "label": "side", "features": 3, "classes": 2, "rounds": 4,
            "minimum": owners - 1, "rate": 2.0, "phase_seconds": 10.0,
            "owners": [{"name": name, "key": keys[name]} for name in self.names],
        } | changes  # fmt: skip
        self.plan: Plan = read_plan(self.document)
        for place, name in enumerate((*self.names, "held_out")):
            self.write(folder / f"{name}.csv", place, records if name != "held_out" else 200)

    @staticmethod
    def write(path: Path, seed: int, records: int) -> None:
        """Write records whose side is that of a plane."""
        rows = np.random.default_rng(seed).uniform(-1, 1, (records, 3))
        side = (rows @ [2.0, -1.0, 0.5] > 0).astype(int)
        lines = [
            ",".join([*(f"{value:.6f}" for value in row), str(one)])
            for row, one in zip(rows, side, strict=True)
        ]
        path.write_text("\n".join(["a,b,c,side", *lines]) + "\n")

    def protect(self, name: str, **changes: Any) -> Protected:
        """Return an owner's records under a protection with its ledger in its folder."""
        terms: dict[str, Any] = {
            "records": str(self.folder / f"{name}.csv"), "ledger": str(self.folder / name / "budgets.sqlite"), "account": name,
            "epsilon": 3.0, "delta": 1e-5,
        } | changes  # fmt: skip
        return Protected(**terms)

    def write_plan(self) -> Path:
        """Write the plan as TOML and return where."""
        fields = {name: value for name, value in self.document.items() if name != "owners"}
        lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
        for owner in self.document["owners"]:
            lines += ["[[owners]]", f'name = "{owner["name"]}"', f'key = "{owner["key"]}"']
        path = self.folder / "plan.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def run(
        self, absent: tuple[str, ...] = (), protected: dict[str, Protected] | None = None, **options: Any
    ) -> tuple[TrainingReport, dict[str, JoinReport | Exception]]:
        """Run coordinator and owners, each in a thread, some under protection, and return what they report."""
        joined: dict[str, JoinReport | Exception] = {}
        threads: list[threading.Thread] = []

        def owner(name: str, port: int) -> None:
            try:
                address = ("127.0.0.1", port)
                joined[name] = join(
                    self.plan,
                    (protected or {}).get(name, self.folder / f"{name}.csv"),
                    self.folder / name,
                    address=address,
                    patience_seconds=5,
                )
            except Exception as error:
                joined[name] = error

        def heard(event: str, told: dict[str, Any]) -> None:
            if event == "listening":
                for name in self.names:
                    if name not in absent:
                        threads.append(threading.Thread(target=owner, args=(name, told["port"]), daemon=True))
                        threads[-1].start()

        report = coordinate(
            self.plan,
            self.folder / "coordinator",
            held_out=self.folder / "held_out.csv",
            on_event=heard,
            wait_seconds=10,
            **options,
        )
        for thread in threads:
            thread.join(10)
        return report, joined
