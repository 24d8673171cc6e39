"""JSON-RPC over HTTP for a local network, on loopback only."""

from __future__ import annotations

import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sheaf.chain.endpoint import Endpoint, RpcError
from sheaf.domain.errors import InputError, SheafError

MAX_BODY = 4 * 2**20
MAX_BATCH = 100
MAX_NESTING = 4_000
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Server:
    """Serves `network` at `http://127.0.0.1:port` (0: any free port) from threads of its own. Raises InputError if the port is taken."""

    def __init__(self, network: Endpoint, port: int = 8545) -> None:
        handler = type("Handler", (_Handler,), {"network": network})
        try:
            self._server = _Http(("127.0.0.1", port), handler)
        except (OSError, OverflowError):
            raise InputError("port", port, "it is taken: give another, or stop what listens there") from None
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="rpc", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers who went away in the middle; anything else is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    network: Endpoint

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_POST(self) -> None:
        """Answer one request or a batch of them."""
        length = self.headers.get("Content-Length", "")
        # A page in a browser could reach loopback under a name of its own (DNS rebinding): only loopback's names are served.
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        if host not in _LOOPBACK or not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            self._answer(403 if host not in _LOOPBACK else 413, b"")
            return
        self._answer(200, json.dumps(self._reply(self.rfile.read(int(length)))).encode())

    def _reply(self, body: bytes) -> Any:
        # py-evm raises Python's recursion limit so far that deep nesting would exhaust this thread's stack, and end the process.
        if body.count(b"[") + body.count(b"{") > MAX_NESTING:
            return _error(None, RpcError(-32600, "nested too deeply"))
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            return _error(None, RpcError(-32700, "not JSON"))
        if isinstance(asked, list):
            if not 0 < len(asked) <= MAX_BATCH:
                return _error(None, RpcError(-32600, f"a batch has 1 to {MAX_BATCH} requests"))
            return [self._one(each) for each in asked]
        return self._one(asked)

    def _one(self, asked: Any) -> dict[str, Any]:
        if (
            not isinstance(asked, dict)
            or not isinstance(asked.get("method"), str)
            or not isinstance(asked.get("params", []), list)
        ):
            return _error(None, RpcError(-32600, "not a JSON-RPC request"))
        name = asked.get("id")
        try:
            return {
                "jsonrpc": "2.0",
                "id": name,
                "result": self.network.request(asked["method"], asked.get("params", [])),
            }
        except RpcError as refusal:
            return _error(name, refusal)
        except SheafError as fault:
            return _error(name, RpcError(-32603, str(fault)))
        except (TypeError, ValueError, IndexError, KeyError):
            return _error(name, RpcError(-32602, "invalid params"))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: requests are no news."""


def _error(name: Any, refusal: RpcError) -> dict[str, Any]:
    error = {
        "code": refusal.code,
        "message": refusal.message,
        **({"data": refusal.data} if refusal.data else {}),
    }
    return {"jsonrpc": "2.0", "id": name, "error": error}
