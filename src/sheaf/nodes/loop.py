"""The loop that keeps roles going: a tick for each in turn, health for people and programs, and a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from sheaf.domain.errors import shorten

if TYPE_CHECKING:
    from sheaf.actions.context import Context
    from sheaf.nodes.caseload import Caseload

MAX_PAUSE_SECONDS = 60.0
log = structlog.get_logger()


class Role(Protocol):
    """What a node does. One that plays in the market for an account has its `ctx` and `caseload`, which health tells of."""

    name: str

    def tick(self) -> int:
        """Do what is due now and return how much that was; must be safe to repeat and to kill at any point."""
        ...

    def health(self) -> dict[str, Any]:
        """Return the role's part of the health report."""
        ...


class Loop:
    """Runs roles until told to stop. An error ends a tick, never the loop; pauses then double, up to a minute."""

    def __init__(
        self, roles: Sequence[Role], tick_seconds: float = 1.0, health_path: Path | None = None
    ) -> None:
        self.roles = list(roles)
        self.tick_seconds = tick_seconds
        self.health_path = health_path
        self.ticks = 0
        self.done = 0
        self.last_error = ""
        self._failures = 0
        self._stop = asyncio.Event()

    def step(self) -> int:
        """Let every role have one tick, and return how much was done."""
        done, error = 0, ""
        for role in self.roles:
            try:
                done += role.tick()
            except Exception as problem:  # the next tick, or a person who reads its health, puts it right
                error = f"{role.name}: {type(problem).__name__}: {shorten(problem, 200)}"
                log.warning("tick failed", role=role.name, error=error)
        self.ticks += 1
        self.done += done
        self._failures = self._failures + 1 if error else 0
        if error:
            self.last_error = error
        self._report()
        return done

    async def run(self) -> None:
        """Tick until `stop`, SIGTERM or SIGINT; the tick under way is finished first."""
        loop = asyncio.get_running_loop()
        handled = []
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(
                ValueError, NotImplementedError, RuntimeError
            ):  # only the main thread hears signals
                loop.add_signal_handler(number, self.stop)
                handled.append(number)
        try:
            while not self._stop.is_set():
                await asyncio.to_thread(self.step)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), self.pause_seconds)
        finally:
            for number in handled:
                loop.remove_signal_handler(number)
            self._report(is_running=False)

    def stop(self) -> None:
        """Let `run` end after the tick under way."""
        self._stop.set()

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next tick."""
        return min(MAX_PAUSE_SECONDS, self.tick_seconds * 2.0 ** min(self._failures, 10))

    def health(self, *, is_running: bool = True) -> dict[str, Any]:
        """Return how the node is: block, ticks, last error, and for each role its queue, its failing cases, what it ignores."""
        roles = []
        for role in self.roles:
            roles.append({**role.health(), **_in_the_market(role)})
        return {
            "is_running": is_running,
            "is_healthy": self._failures == 0,
            "ticks": self.ticks,
            "done": self.done,
            "last_error": self.last_error,
            "roles": roles,
        }

    def _report(self, *, is_running: bool = True) -> None:
        if self.health_path is None:
            return
        try:
            self.health_path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self.health_path.with_name(f".{self.health_path.name}.{os.getpid()}")
            temporary.write_text(json.dumps(self.health(is_running=is_running), indent=1))
            temporary.replace(self.health_path)
        except OSError as error:
            log.warning("health not written", error=shorten(error))


def _in_the_market(role: Role) -> dict[str, Any]:
    """Return block, queue, failing cases and what is ignored, for a role that plays in the market."""
    ctx: Context | None = getattr(role, "ctx", None)
    load: Caseload | None = getattr(role, "caseload", None)
    if ctx is None or load is None:
        return {}
    head = ctx.docket.head
    return {
        "block": head.number if head else None,
        "waiting": {str(number): why for number, why in load.waiting.items()},
        "failing": {str(number): why for number, why in load.failing.items()},
        "ignored": {reason: len(seen) for reason, seen in ctx.ignored.items()},
    }


async def run(roles: Sequence[Role], tick_seconds: float = 1.0, health_path: Path | None = None) -> None:
    """Run roles in this process until SIGTERM or SIGINT."""
    await Loop(roles, tick_seconds, health_path).run()
