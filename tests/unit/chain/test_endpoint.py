"""A URL is taken up again when the connection drops, refused when it is none, and keeps its secrets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from sheaf.chain.endpoint import RpcError, Url, public
from sheaf.chain.rpc import Chain
from sheaf.domain.errors import InputError, Unreachable


class _Script(BaseHTTPRequestHandler):
    answers: ClassVar[list[Any]] = []
    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked.append(json.loads(body)["method"])
        answer = type(self).answers.pop(0)
        if answer is None:  # the connection breaks instead of an answer
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        data = json.dumps({"jsonrpc": "2.0", "id": 0, **answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def script() -> Iterator[tuple[str, type[_Script]]]:
    handler = type("Handler", (_Script,), {"answers": [], "asked": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", handler
        server.shutdown()
        thread.join()


def test_dropped_connections_are_taken_up(script: tuple[str, type[_Script]]) -> None:
    """After two broken connections the third try gives the answer, with pauses that grow."""
    url, handler = script
    handler.answers = [None, None, {"result": "0x7"}]
    pauses: list[float] = []
    assert Url(url, retries=(1.0, 10.0, 100.0), sleep=pauses.append).request("eth_chainId", []) == "0x7"
    assert len(pauses) == 2
    assert 0.5 <= pauses[0] < 1.5 <= 5.0 <= pauses[1] < 15.0


def test_patience_is_for_those_who_have_answered(script: tuple[str, type[_Script]]) -> None:
    """A URL that has answered before gets more tries than one that never did, which is more likely wrong."""
    url, handler = script
    handler.answers = [{"result": "0x7"}, *[None] * 6, {"result": "0x8"}, *[None] * 9]
    one = Url(url, sleep=lambda _: None)
    assert [one.request("eth_chainId", []) for _ in range(2)] == ["0x7", "0x8"]
    stranger = Url(url, sleep=lambda _: None)
    with pytest.raises(Unreachable):
        stranger.request("eth_chainId", [])
    assert len(handler.answers) == 4


def test_refusals_are_not_repeated(script: tuple[str, type[_Script]]) -> None:
    """What the node refuses it would refuse again: one request, with code, message and revert data."""
    url, handler = script
    handler.answers = [{"error": {"code": 3, "message": "execution reverted", "data": {"data": "0x01"}}}]
    with pytest.raises(RpcError) as caught:
        Url(url).request("eth_call", [])
    assert (caught.value.code, caught.value.message, caught.value.data) == (3, "execution reverted", "0x01")
    assert handler.asked == ["eth_call"]


def test_nobody_there() -> None:
    """If nobody answers after all tries, one line says so without the URL's secrets."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        url = f"http://user:secret@127.0.0.1:{port}/v2/apikey?token=hidden"
        with pytest.raises(Unreachable) as caught:
            Url(url, retries=(0.0, 0.0), sleep=lambda _: None).request("eth_chainId", [])
    text = str(caught.value)
    assert text.startswith(f"rpc: http://127.0.0.1:{port}: no answer: ")
    assert "\n" not in text
    assert not any(word in text for word in ("secret", "apikey", "hidden"))


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8545", "ftp://x", "file:///etc/passwd", "http://", "http://a:b", "http://[::1", "8545"],
)
def test_what_is_no_url(url: str) -> None:
    """Other schemes and malformed URLs are refused at once."""
    with pytest.raises(InputError, match="rpc"):
        Chain(url)


def test_public_part() -> None:
    """Of a URL only scheme, host and port are shown."""
    assert public("https://key@node.example:9/abc?d=e#f") == "https://node.example:9"
    assert public("/run/node.ipc") == "/run/node.ipc"


def test_absent_socket(tmp_path: Any) -> None:
    """A path that ends in .ipc is tried as a socket."""
    with pytest.raises(Unreachable):
        Url(str(tmp_path / "node.ipc"), retries=(), sleep=lambda _: None).request("eth_chainId", [])
