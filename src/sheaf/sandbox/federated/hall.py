"""The coordinator's side of all connections: who is there, what they say, and one queue for all of it."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Sequence

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sheaf.domain.errors import SheafError, Unreachable, shorten
from sheaf.sandbox.federated.connection import Connection, Letter, accept

log = structlog.get_logger()
GONE = Letter("gone")
QUEUED = 1024
"""Letters that wait at most; a sender beyond that is read no faster than the coordinator works."""


class Hall:
    """Listens for owners of the roster until closed. Used with `with`; `port` is where it listens (0 asks for any)."""

    def __init__(
        self,
        address: tuple[str, int],
        identity: Ed25519PrivateKey,
        roster: Sequence[bytes],
        session: bytes,
        limit: int,
    ) -> None:
        self._identity, self._roster, self._session, self._limit = identity, roster, session, limit
        self._letters: queue.Queue[tuple[int, int, Letter]] = queue.Queue(QUEUED)
        self._there: dict[int, tuple[int, Connection]] = {}
        self._lock = threading.Lock()
        self._generation = 0
        self._greeting = threading.BoundedSemaphore(4 + 2 * len(roster))
        try:
            self._server = socket.create_server(address, backlog=128)
        except (OSError, OverflowError) as error:
            raise Unreachable(
                f"{address[0]}:{address[1]}: cannot listen: {error}: choose another --host or --port"
            ) from None
        self.port = int(self._server.getsockname()[1])

    def __enter__(self) -> Hall:
        threading.Thread(target=self._welcome, daemon=True, name="hall").start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(
                socket.SHUT_RDWR
            )  # else the port stays taken while a thread waits in accept
        self._server.close()
        with self._lock:
            there = list(self._there.values())
        for _generation, connection in there:
            connection.close()

    def present(self) -> dict[int, int]:
        """Return who is there: for each index the number of its connection, which changes when it comes back."""
        with self._lock:
            return {index: generation for index, (generation, _) in self._there.items()}

    def send(self, index: int, letter: Letter) -> bool:
        """Send `letter`; return whether the peer was there to take it."""
        with self._lock:
            held = self._there.get(index)
        if held is None:
            return False
        try:
            held[1].send(letter)
        except OSError:
            self._leave(index, held[0])
            return False
        return True

    def next(self, seconds: float) -> tuple[int, int, Letter] | None:
        """Return who said what, with the number of its connection; None where nobody says anything for so long."""
        try:
            return self._letters.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            return None

    def _welcome(self) -> None:
        while True:
            try:
                wire, _ = self._server.accept()
            except OSError:
                return  # closed
            if not self._greeting.acquire(blocking=False):
                wire.close()  # too many strangers at the door at once
                continue
            threading.Thread(target=self._greet, args=(wire,), daemon=True).start()

    def _greet(self, wire: socket.socket) -> None:
        try:
            connection, index = accept(wire, self._identity, self._roster, self._session, self._limit)
        except (SheafError, OSError, EOFError) as error:
            log.warning("turned away", reason=shorten(error))
            wire.close()
            return
        finally:
            self._greeting.release()
        with self._lock:
            self._generation += 1
            generation, before = self._generation, self._there.get(index)
            self._there[index] = (generation, connection)
        if before:
            before[1].close()
        self._letters.put((index, generation, Letter("came")))
        self._listen(index, generation, connection)

    def _listen(self, index: int, generation: int, connection: Connection) -> None:
        try:
            while True:
                self._letters.put((index, generation, connection.receive()))
        except (SheafError, OSError, EOFError) as error:
            log.info("left", owner=index, reason=shorten(error) or type(error).__name__)
        self._leave(index, generation)

    def _leave(self, index: int, generation: int) -> None:
        with self._lock:
            held = self._there.get(index)
            if held is None or held[0] != generation:
                return
            del self._there[index]
        held[1].close()
        with contextlib.suppress(queue.Full):
            self._letters.put((index, generation, GONE), timeout=1)


def pause(seconds: float) -> None:
    """Wait before something is tried again."""
    time.sleep(seconds)
