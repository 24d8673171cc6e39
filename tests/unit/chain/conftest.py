"""An embedded chain with a funded account, and an endpoint that fails when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sheaf.chain.devchain import Devchain
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer
from sheaf.chain.transactions import Policy
from sheaf.domain.errors import Unreachable


class Patient:
    """A clock that moves only when someone sleeps."""

    def __init__(self) -> None:
        self.now, self.naps = 0.0, 0
        self.on_nap: Callable[[], Any] = lambda: None

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.naps += 1
        if self.naps > 5_000:
            raise AssertionError("it would sleep for ever")
        self.on_nap()


class Faulty:
    """An endpoint in front of another: `before[method]` runs instead of it and may call on, `seen` are the methods asked for."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.seen: list[tuple[str, list[Any]]] = []
        self.instead: dict[str, Callable[[list[Any]], Any]] = {}

    def request(self, method: str, params: list[Any]) -> Any:
        self.seen.append((method, params))
        if method in self.instead:
            return self.instead[method](params)
        return self.inner.request(method, params)

    def count(self, method: str) -> int:
        return sum(1 for name, _ in self.seen if name == method)

    def lose_answer(self, method: str, times: int = 1) -> None:
        """Let the request through, and the answer be lost."""

        def through(params: list[Any]) -> Any:
            nonlocal times
            answer = self.inner.request(method, params)
            if times:
                times -= 1
                raise Unreachable("rpc: the connection broke")
            return answer

        self.instead[method] = through


@pytest.fixture
def engine() -> Devchain:
    return Devchain(seed=7)


@pytest.fixture
def patient() -> Patient:
    return Patient()


@pytest.fixture
def sender(engine: Devchain) -> Signer:
    signer = Signer(b"\x05" * 32)
    engine.fund(signer.address, 10**21)
    return signer


@pytest.fixture
def faulty(engine: Devchain) -> Faulty:
    return Faulty(engine)


@pytest.fixture
def open_chain(faulty: Faulty, patient: Patient) -> Callable[..., Chain]:
    """A chain over the faulty endpoint, whose waiting costs no time."""

    def build(**policy: Any) -> Chain:
        return Chain(faulty, policy=Policy(**policy), sleep=patient.sleep, clock=patient.clock)

    return build
