"""Endpoints: where JSON-RPC requests go, and how a dropped connection is taken up again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from sheaf.domain.errors import ChainError, InputError, Unreachable, shorten

RETRY_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
"""Pauses between tries, together long enough for a local network to come back."""
FIRST_TRIES = 4
"""How many of them are for a URL that has never answered: it is more likely wrong than busy."""
TIMEOUT_SECONDS = 30.0


class RpcError(ChainError):
    """The node answered with an error: JSON-RPC `code`, its `message`, and `data` (revert data as 0x…, or None)."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.code, self.message = code, message
        self.data = data.get("data") if isinstance(data, dict) else data
        super().__init__(f"the node refused: {shorten(message, 200)}")


class Endpoint(Protocol):
    """Anything that answers JSON-RPC: a URL, or an engine in this process."""

    def request(self, method: str, params: list[Any]) -> Any:
        """Return the result. Raises RpcError for the node's refusals, Unreachable when there is no answer."""
        ...


class Url:
    """A node behind a URL (http, https, or a path to an IPC socket), spoken to through web3.py's providers.

    Every request is repeated with growing pauses while the connection fails: all of our requests may be repeated without harm,
    `eth_sendRawTransaction` too, because the same signed bytes have the same hash and one nonce.
    """

    def __init__(
        self,
        url: str,
        *,
        retries: tuple[float, ...] = RETRY_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url, self._retries, self._sleep = url, retries, sleep
        self._provider: Any = None
        self._lock = threading.Lock()
        self._has_answered = False

    def request(self, method: str, params: list[Any]) -> Any:
        """Send one request; see Endpoint."""
        for pause in (*(self._retries if self._has_answered else self._retries[:FIRST_TRIES]), None):
            try:
                answer = self._connected().make_request(method, params)
                self._has_answered = True
                return _result(answer)
            except (RpcError, InputError):
                raise
            except Exception as fault:
                if pause is None:
                    raise Unreachable(
                        f"rpc: {public(self.url)}: {_reason(fault)}: start the network (`sheaf up`) or give another URL with --rpc"
                    ) from None
                # Jitter, so that many clients of one node that restarts do not come back in step.
                self._sleep(pause * (0.5 + random.random()))
        raise AssertionError("unreachable")

    def _connected(self) -> Any:
        with self._lock:
            if self._provider is None:
                self._provider = _provider(self.url)
            return self._provider


def public(url: str) -> str:
    """Return `url` without user, password, path and query, where services put their keys."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if not parts.hostname:
        return url
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def _provider(url: str) -> Any:
    from urllib.parse import urlsplit

    from web3 import HTTPProvider, IPCProvider

    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise InputError("rpc", public_or_nothing(url), "give a URL such as http://127.0.0.1:8545") from None
    if scheme in ("http", "https") and host:
        # web3's own retries are off: ours above are the only ones.
        return HTTPProvider(
            url, request_kwargs={"timeout": TIMEOUT_SECONDS}, exception_retry_configuration=None
        )
    if not scheme and url.endswith(".ipc"):
        return IPCProvider(url, timeout=int(TIMEOUT_SECONDS))
    raise InputError(
        "rpc",
        public_or_nothing(url),
        "give a URL such as http://127.0.0.1:8545 (http, https, or a path that ends in .ipc)",
    )


def public_or_nothing(url: str) -> str:
    """Return `public(url)`, or a placeholder where the URL cannot even be taken apart."""
    try:
        return public(url)
    except ValueError:
        return "(not a URL)"


def _result(answer: Any) -> Any:
    error = answer.get("error")
    if error is None:
        return answer.get("result")
    if isinstance(error, str):
        raise RpcError(-32000, error)
    raise RpcError(int(error.get("code", -32000)), str(error.get("message", "")), error.get("data"))


def _reason(fault: Exception) -> str:
    # The text of transport errors may hold the whole URL with its key: the kind of error has to do.
    return {
        "ConnectionError": "no answer",
        "ReadTimeout": "no answer in time",
        "ConnectTimeout": "no answer in time",
    }.get(type(fault).__name__, type(fault).__name__)
