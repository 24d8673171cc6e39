"""Rounds of secure aggregation in one process, in which a test stands between the server and its clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from sheaf.domain.errors import SheafError
from sheaf.privacy.secure_aggregation import Client, Graph, Server, Terms
from sheaf.privacy.secure_aggregation.client import PHASES
from sheaf.privacy.secure_aggregation.terms import complete_graph

Letters = dict[int, bytes]
Interference = Callable[[Letters], Letters]
LENGTH = 40


class Round:
    """One round among clients of known keys; letter by letter, or `play`ed to its end."""

    def __init__(
        self,
        size: int = 5,
        *,
        dropped: int = 1,
        graph: Graph | None = None,
        number: int = 0,
        seed: int = 0,
        bits: int = 32,
    ) -> None:
        self.identities = [
            Ed25519PrivateKey.from_private_bytes(bytes([place + 1]) * 32) for place in range(size)
        ]
        roster = tuple(one.public_key().public_bytes_raw() for one in self.identities)
        graph = graph or complete_graph(size, 0, dropped)
        self.terms = Terms(
            "test", number, roster, LENGTH, graph, max(graph.threshold + 1, size - dropped), bits=bits
        )
        self.clients = [Client(self.terms, one) for one in self.identities]
        self.server = Server(self.terms)
        self.updates = np.random.default_rng(seed).uniform(-1, 1, (size, LENGTH))
        self.letters: Letters = dict.fromkeys(range(size), b"")
        self.reasons: dict[int, str] = {}

    def answer(self, index: int, letter: bytes) -> bytes:
        """Let client `index` answer a letter in the phase that it is in."""
        client = self.clients[index]
        if client.phase == "advertise":
            return client.advertise()
        if client.phase == "mask":
            return client.mask(letter, self.updates[index])
        return {"share": client.share, "endorse": client.endorse, "reveal": client.reveal}[client.phase](
            letter
        )

    def step(self, absent: Mapping[int, str] | None = None) -> Letters:
        """Run the phase that is open: all clients but those `absent` from this phase on answer; whoever aborts says why."""
        at = PHASES.index(self.server.phase)
        messages = {}
        for index, letter in self.letters.items():
            if PHASES.index((absent or {}).get(index, "done")) <= at:
                continue
            try:
                messages[index] = self.answer(index, letter)
            except SheafError as error:
                self.reasons[index] = str(error)
        for index, message in messages.items():
            self.server.receive(index, message)
        self.letters = self.server.close()
        return messages

    def until(self, phase: str) -> Round:
        """Run honestly until `phase` is open."""
        while self.server.phase != phase:
            self.step()
        return self

    def play(
        self, absent: Mapping[int, str] | None = None, interfere: Mapping[str, Interference] | None = None
    ) -> NDArray[np.float64]:
        """Run to the end, letters before a phase changed as `interfere` says, and return the sum."""
        while self.server.phase != "done":
            change = (interfere or {}).get(self.server.phase)
            if change:
                self.letters = change(self.letters)
            self.step(absent)
        assert self.server.result is not None
        return self.server.result
