"""Ports: what the market needs from the world, each with at least one in-memory implementation and one conformance suite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from sheaf.domain.ids import Cid

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from sheaf.domain.job import Job, Outcome
    from sheaf.domain.order import Order, Receipt
    from sheaf.domain.policy import Policy
    from sheaf.domain.request import Specification


class Store(Protocol):
    """Content-addressed bytes. What was put is never altered; a put is there whole or not at all."""

    def put(self, data: bytes | Iterable[bytes]) -> Cid:
        """Keep `data` (whole, or in pieces of any size) and return its CID, equal to that of `ipfs add --cid-version=1`."""
        ...

    def get(self, cid: Cid) -> bytes:
        """Return the bytes of `cid`. Raises Missing, or IntegrityError if what is stored does not hash to `cid`."""
        ...

    def stream(self, cid: Cid) -> Iterator[bytes]:
        """Yield the bytes of `cid` in order, each piece checked against its hash before it is given out."""
        ...

    def has(self, cid: Cid) -> bool:
        """Tell whether all of `cid` is here."""
        ...

    def size(self, cid: Cid) -> int:
        """Return how many bytes `cid` has, without reading them: ask before taking a stranger's content whole. Raises Missing."""
        ...

    def delete(self, cid: Cid) -> None:
        """Remove `cid` and what only it refers to; absent content is no error."""
        ...


class Mailbox(Protocol):
    """Append-only topics of letters. It needs no trust: letters are sealed or signed, and readers ignore what does not verify."""

    def post(self, topic: str, letter: bytes) -> None:
        """Add `letter` (at most 64 KiB) to `topic` (letters, digits, `-`, `_`, `/`); the same letter twice is kept once."""
        ...

    def read(self, topic: str) -> list[bytes]:
        """Return all letters of `topic`, in an order that does not change as letters are added; empty if there are none."""
        ...


class Judge(Protocol):
    """One validator's own judgement of records: a person, a model, any program."""

    def judge(self, records: pa.Table, specification: Specification) -> NDArray[np.bool_]:
        """Return shape (n,): True where the record is to be approved. Called with records in the reviewer's own order."""
        ...


class Sandbox(Protocol):
    """Runs code that is not ours. What the job does is seen by the caller in its outcome, and by nothing and nobody else."""

    name: str

    def check(self) -> None:
        """Try in a job what a job may never do. Raises SandboxError if anything succeeds, or if no job can be run at all."""
        ...

    def run(self, job: Job) -> Outcome:
        """Run `job` within its limits and return how it ended; what it does wrong is an outcome, not an error.

        Raises SandboxError if the job could not be kept apart, InputError if its folder or program cannot be used.
        """
        ...


class Orders(Protocol):
    """The orders of one provider, wherever they are kept; what was done is not done twice, whoever asks again after a crash."""

    def placed(self) -> list[Order]:
        """Return the orders that wait for this provider, oldest first."""
        ...

    def state(self, number: int) -> str:
        """Return `placed`, `accepted`, `delivered`, `refunded`, or `closed` for anything else."""
        ...

    def accept(self, number: int) -> None:
        """Take the order on. Raises Refused if it does not wait any more, or cannot be taken on now."""
        ...

    def decline(self, number: int, reason: str) -> None:
        """Tell the buyer why the order is not taken on, once: whoever knows takes the money back."""
        ...

    def hand_over(self, number: int, output: bytes, receipt: Receipt) -> None:
        """Give output and receipt to the buyer, and to nobody else; the same again is no error."""
        ...

    def deliver(self, number: int, result: bytes) -> None:
        """State the SHA-256 of the output, upon which the order is paid. Raises Refused if it is not accepted."""
        ...

    def refund(self, number: int) -> None:
        """Give the buyer everything back. Raises Refused if it is not accepted."""
        ...


class Methods(Protocol):
    """Mechanisms of ours that a buyer may ask for by name: statistics and models with noise.

    What an order will take is set aside before it is accepted, and is spent or given back, whoever dies in between.
    """

    def reserve(self, order: Order) -> None:
        """Set aside what `order` will take, once however often it is asked. Raises Refused where that much is not left."""
        ...

    def reserved(self) -> list[int]:
        """Return the orders for which budget is set aside and not spent."""
        ...

    def release(self, number: int) -> None:
        """Give back what is set aside for an order that ended; none is no error."""
        ...

    def run(self, order: Order, table: pa.Table, policy: Policy) -> tuple[bytes, int]:
        """Return the answer to `order` over `table` and the nanonats it took from the budget.

        The budget is spent before anything is computed, once for an order however often it is run, and the first answer that was
        kept is the answer. Raises Refused where the budget does not suffice, InputError where the question cannot be answered.
        """
        ...
