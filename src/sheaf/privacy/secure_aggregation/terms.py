"""The terms of one round, to which every key, share and signature is bound, and the graph that a round needs."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sheaf.domain.canonical import json_bytes
from sheaf.domain.errors import InputError

KEY_BYTES = 32
MAX_CLIENTS = 1 << 16
MAX_LENGTH = 1 << 28
UNSAFE_LOG2, FAILED_LOG2 = -40.0, -10.0


@dataclass(frozen=True)
class Graph:
    """Who holds whose shares: each client gives `degree` holders one share each, and `threshold` of them can put a secret together."""

    degree: int
    threshold: int


@dataclass(frozen=True)
class Terms:
    """What is agreed before a round.

    `roster`: Ed25519 public keys (32 bytes) of all who may take part, in the order of their indices. `session` and `round_number`
    name the round, never twice. `length`: numbers in an update. `bound`: no number of an update is larger in size. `bits`: sums are
    taken modulo 2^bits, 32 or 64. `minimum`: fewest survivors whose sum a client agrees to open. `attempt` counts repetitions of
    a round. Raises InputError for terms under which the protocol would not be safe.
    """

    session: str
    round_number: int
    roster: tuple[bytes, ...]
    length: int
    graph: Graph
    minimum: int
    bound: float = 1.0
    bits: int = 32
    attempt: int = 0

    def __post_init__(self) -> None:
        n, degree, threshold = len(self.roster), self.graph.degree, self.graph.threshold
        if not 2 <= n <= MAX_CLIENTS:
            raise InputError("roster", f"{n} clients", f"give 2 to {MAX_CLIENTS}")
        if any(type(key) is not bytes or len(key) != KEY_BYTES for key in self.roster):
            raise InputError("roster", "a key that is not 32 bytes", "give Ed25519 public keys")
        if len(set(self.roster)) != n:
            raise InputError("roster", "the same key twice", "give every client a key of its own")
        if not 1 <= degree < n:
            raise InputError("degree", degree, f"give 1 to {n - 1} holders of shares")
        if not degree // 2 < threshold <= degree:
            raise InputError(
                "threshold", threshold, f"give more than half of the {degree} holders, at most all"
            )
        if not threshold < self.minimum <= n:
            raise InputError(
                "minimum", self.minimum, f"give more survivors than the threshold {threshold}, at most {n}"
            )
        if not 1 <= self.length <= MAX_LENGTH:
            raise InputError("length", self.length, f"give 1 to {MAX_LENGTH} numbers")
        if self.bits not in (32, 64):
            raise InputError("bits", self.bits, "give 32 or 64")
        if not (math.isfinite(self.bound) and self.bound > 0):
            raise InputError("bound", self.bound, "give a positive finite number")
        if self.round_number < 0 or self.attempt < 0:
            raise InputError("round", (self.round_number, self.attempt), "count from 0")
        if self.error_bound > 1e-3 * self.bound:
            raise InputError("bits", self.bits, f"take 64: with {n} clients, sums of 32 bits are too coarse")

    @property
    def size(self) -> int:
        """How many clients the roster has."""
        return len(self.roster)

    @cached_property
    def context(self) -> bytes:
        """32 bytes that stand for these terms: everything that is signed, sealed or derived in the round begins with them."""
        document = {
            "protocol": "sheaf secure aggregation 1",
            "session": self.session,
            "round": self.round_number,
            "attempt": self.attempt,
            "roster": [key.hex() for key in self.roster],
            "degree": self.graph.degree,
            "threshold": self.graph.threshold,
            "minimum": self.minimum,
            "length": self.length,
            "bits": self.bits,
            "bound": float(self.bound),
        }
        return hashlib.sha256(json_bytes(document)).digest()

    @property
    def word(self) -> np.dtype[np.unsignedinteger]:
        """The type of a masked number."""
        return np.dtype("<u4" if self.bits == 32 else "<u8")

    @property
    def scale(self) -> float:
        """Steps to the unit of the fixed-point form, a power of two: the sum of all updates just fits into `bits` with its sign."""
        room = (2.0 ** (self.bits - 1) - 1) / (self.size * self.bound)
        return 2.0 ** min(math.floor(math.log2(room)), 52 - math.ceil(math.log2(self.bound)))

    @property
    def error_bound(self) -> float:
        """By how much a number of the sum can be off, all clients rounding the same way."""
        return self.size / (2 * self.scale)

    def encode(self, update: NDArray[np.floating]) -> NDArray[np.unsignedinteger]:
        """Return `update` in fixed point, shape (length,). Raises InputError for another shape, NaN and numbers beyond the bound."""
        values = np.asarray(update)
        if values.shape != (self.length,) or values.dtype.kind not in "fiu":
            raise InputError(
                "update", f"{values.dtype} of shape {values.shape}", f"give {self.length} numbers"
            )
        largest = float(np.max(np.abs(values.astype(np.float64, copy=False))))
        if not largest <= self.bound:
            raise InputError("update", f"a number of size {largest}", f"clip numbers to ±{self.bound}")
        steps = np.rint(values.astype(np.float64) * self.scale).astype(np.int64)
        return steps.astype(self.word)

    def decode(self, total: NDArray[np.unsignedinteger]) -> NDArray[np.float64]:
        """Return a sum in fixed point as numbers, shape (length,); each is off by at most `error_bound`."""
        signed = np.asarray(total).view(np.int32 if self.bits == 32 else np.int64)
        return signed.astype(np.float64) / self.scale


def choose_graph(
    clients: int, corrupt: float = 0.1, dropped: float = 0.1, failed_log2: float = FAILED_LOG2
) -> Graph:
    """Return the smallest graph for so many clients of which a share `corrupt` works with the coordinator and `dropped` drop out.

    Holders are drawn by each client itself. With probability 1 − 2^−40 no honest client has so many corrupt holders that both of its
    secrets could be put together, and with 1 − 2^failed_log2 every client keeps enough holders (tails of the hypergeometric
    distribution, a union bound over clients). Where no sparse graph does that, everyone holds everyone's shares: then the numbers are
    certain. Raises InputError where even so it cannot be had: corrupt + 2 · dropped + 2 clients are needed at least.
    """
    if not (0 <= corrupt < 1 and 0 <= dropped < 1):
        raise InputError(
            "corrupt, dropped", (corrupt, dropped), "give shares of the clients from 0 to below 1"
        )
    bad, gone, others = math.floor(corrupt * clients), math.floor(dropped * clients), clients - 1
    for degree in range(8, others if clients > 32 else 0):
        thresholds = np.arange(degree // 2 + 1, degree + 1)
        unsafe = _tail(others, bad, degree)[2 * thresholds - degree]
        failed = _tail(others, gone, degree)[degree - thresholds + 1]
        fits = (clients * unsafe <= 2**UNSAFE_LOG2) & (clients * failed <= 2**failed_log2)
        if fits.any():
            return Graph(degree, int(thresholds[np.argmax(fits)]))
    return complete_graph(clients, bad, gone)


def _tail(population: int, marked: int, drawn: int) -> NDArray[np.float64]:
    """Return P(at least i of `drawn` are marked) for i from 0 to drawn + 1: the tails of the hypergeometric distribution."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, population + 1)))])

    def choose(n: int, k: NDArray[np.int_]) -> NDArray[np.float64]:
        inside = (k >= 0) & (k <= n)
        k = np.where(inside, k, 0)
        return np.where(inside, logs[n] - logs[k] - logs[n - k], -np.inf)

    found = np.arange(drawn + 2)
    chances = choose(marked, found) + choose(population - marked, drawn - found)
    return np.cumsum(np.exp(chances - choose(population, np.array([drawn])))[::-1])[::-1]


def complete_graph(clients: int, corrupt: int, dropped: int) -> Graph:
    """Return the graph in which everyone holds everyone's shares, safe with `corrupt` clients and whole with `dropped` of them gone.

    Raises InputError unless clients ≥ corrupt + 2 · dropped + 2.
    """
    degree = clients - 1
    threshold = degree - dropped
    if clients < 2 or 2 * threshold - degree <= corrupt:
        needed = max(2, corrupt + 2 * dropped + 2)
        raise InputError(
            "clients", clients, f"give {needed} at least, or tolerate fewer corrupt or dropped ones"
        )
    return Graph(degree, threshold)
