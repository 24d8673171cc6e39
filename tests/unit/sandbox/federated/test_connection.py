"""Letters between machines: signed, numbered, bound to one connection, of limited size."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from functools import partial

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sheaf.domain.errors import IntegrityError, Refused, Unreachable
from sheaf.sandbox.federated.connection import Connection, Letter, accept, connect
from sheaf.sandbox.federated.hall import Hall

COORDINATOR, OWNER, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3))
SESSION, LIMIT = b"s" * 32, 10_000


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


@pytest.fixture
def wires() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, two = socket.socketpair()
    one.settimeout(5)
    two.settimeout(5)
    yield one, two
    one.close()
    two.close()


def pair(one: socket.socket, two: socket.socket) -> tuple[Connection, Connection]:
    return (
        Connection(one, COORDINATOR, public(OWNER), b"t", LIMIT),
        Connection(two, OWNER, public(COORDINATOR), b"t", LIMIT),
    )


def test_letters_arrive_in_order(wires) -> None:
    """What is sent is received, in both directions."""
    one, two = pair(*wires)
    for number in range(3):
        one.send(Letter("round", number, body=bytes(number)))
        two.send(Letter("phase", number))
    assert [two.receive() for _ in range(3)] == [
        Letter("round", number, body=bytes(number)) for number in range(3)
    ]
    assert one.receive() == Letter("phase", 0)


def frame(key: Ed25519PrivateKey, prefix: bytes, number: int, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + key.sign(prefix + struct.pack(">Q", number) + body) + body


def test_frames_that_are_refused(wires) -> None:
    """An altered letter, one of another key, one said twice, one too long to take and one that is no letter end the connection."""
    one, _ = pair(*wires)
    raw, good = wires[0], msgspec.msgpack.encode(Letter("round"))
    prefix = one._outgoing
    honest = frame(COORDINATOR, prefix, 0, good)
    for sent, said in (
        (honest[:-1] + b"?", "not signed by the peer"),
        (frame(STRANGER, prefix, 0, good), "not signed by the peer"),
        (frame(COORDINATOR, prefix, 1, good), "for this place in this connection"),
        (frame(COORDINATOR, b"another connection", 0, good), "in this connection"),
        (frame(COORDINATOR, prefix, 0, b"\xff no letter"), "cannot be read"),
    ):
        fresh = Connection(wires[1], OWNER, public(COORDINATOR), b"t", LIMIT)
        raw.sendall(sent)
        with pytest.raises(IntegrityError, match=said):
            fresh.receive()
    raw.sendall(struct.pack(">I", 2**31))
    with pytest.raises(IntegrityError, match="2147483648 bytes announced"):
        Connection(wires[1], OWNER, public(COORDINATOR), b"t", LIMIT).receive()
    replayed = Connection(wires[1], OWNER, public(COORDINATOR), b"t", LIMIT)
    raw.sendall(honest + honest)
    assert replayed.receive() == Letter("round")
    with pytest.raises(IntegrityError, match="for this place"):
        replayed.receive()


def test_letters_too_long_are_not_sent(wires) -> None:
    """A letter beyond the limit is refused before a byte of it goes out."""
    one, _ = pair(*wires)
    with pytest.raises(Refused, match="at most 10000 are agreed"):
        one.send(Letter("round", body=bytes(LIMIT)))


def test_an_end_is_an_end(wires) -> None:
    """A peer that hangs up in the middle of a letter ends the connection."""
    _, two = pair(*wires)
    wires[0].sendall(b"\x00\x00")
    wires[0].close()
    with pytest.raises(EOFError):
        two.receive()


def greet(identity: Ed25519PrivateKey, expected: bytes, session: bytes = SESSION) -> tuple[object, object]:
    """Let `identity` connect to the coordinator; return what each side has, or its error."""
    found: list[object] = [None]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def welcome() -> None:
            wire, _ = server.accept()
            try:
                found[0] = accept(wire, COORDINATOR, [public(OWNER)], SESSION, LIMIT)
            except (IntegrityError, EOFError) as error:
                found[0] = error
                wire.close()

        thread = threading.Thread(target=welcome)
        thread.start()
        try:
            joined: object = connect(server.getsockname(), identity, expected, session, LIMIT)
        except (IntegrityError, Unreachable) as error:
            joined = error
        thread.join()
    return found[0], joined


def test_handshake() -> None:
    """An owner of the roster and the coordinator of the plan know each other; letters pass."""
    (connection, index), joined = greet(OWNER, public(COORDINATOR))
    assert index == 0
    connection.send(Letter("round", 3))
    assert joined.receive() == Letter("round", 3)
    connection.close()
    joined.close()


@pytest.mark.parametrize(
    ("identity", "expected", "session", "said"),
    [
        (STRANGER, public(COORDINATOR), SESSION, "is not in the roster"),
        (OWNER, public(STRANGER), SESSION, "has not signed for this session"),
        (OWNER, public(COORDINATOR), b"x" * 32, "has not signed for this session"),
    ],
    ids=["stranger", "coordinator", "plan"],
)
def test_strangers_are_turned_away(identity, expected, session, said) -> None:
    """Who is not in the roster, means another coordinator, or holds another plan gets no connection."""
    welcomed, joined = greet(identity, expected, session)
    assert said in str(welcomed)
    assert isinstance(joined, Unreachable) and "does its plan equal yours" in str(joined)


def test_nobody_there() -> None:
    """A port where nobody listens, and a service of another kind, are named."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    with pytest.raises(Unreachable, match="is it running"):
        connect(address, OWNER, public(COORDINATOR), SESSION, LIMIT)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(
            target=lambda: server.accept()[0].sendall(b"HTTP/1.1 400 Bad Request\r\n" * 9), daemon=True
        ).start()
        with pytest.raises(IntegrityError, match="speaks another protocol"):
            connect(server.getsockname(), OWNER, public(COORDINATOR), SESSION, LIMIT)
    with pytest.raises(Unreachable, match="cannot listen"):
        Hall(("203.0.113.1", 1), COORDINATOR, [], SESSION, LIMIT)


def test_the_port_of_the_caller_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner whom the system connects to itself, as may happen where nobody listens, does not hold that for a coordinator."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    to_itself = partial(socket.create_connection, source_address=address)
    monkeypatch.setattr(socket, "create_connection", to_itself)
    with pytest.raises(Unreachable, match="nobody listens"):
        connect(address, OWNER, public(COORDINATOR), SESSION, LIMIT)


def test_who_comes_again_takes_its_place() -> None:
    """An owner that connects a second time replaces its first connection; who leaves is gone."""
    with Hall(("127.0.0.1", 0), COORDINATOR, [public(OWNER)], SESSION, LIMIT) as hall:
        first = connect(("127.0.0.1", hall.port), OWNER, public(COORDINATOR), SESSION, LIMIT)
        _, one, came = hall.next(5)
        second = connect(("127.0.0.1", hall.port), OWNER, public(COORDINATOR), SESSION, LIMIT)
        _, two, _ = hall.next(5)
        assert came.kind == "came" and one != two and hall.present() == {0: two}
        with pytest.raises((EOFError, OSError)):
            first.receive()
        second.send(Letter("phase", 7))
        assert hall.next(5) == (0, two, Letter("phase", 7))
        second.close()
        assert hall.next(5)[2].kind == "gone" and not hall.send(0, Letter("done"))
        assert hall.next(0.01) is None


def test_who_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that takes no letters holds the sender up for the agreed seconds at most, and is then gone."""
    monkeypatch.setattr("sheaf.sandbox.federated.connection.SEND_SECONDS", 1)
    with Hall(("127.0.0.1", 0), COORDINATOR, [public(OWNER)], SESSION, 1 << 26) as hall:
        held = connect(("127.0.0.1", hall.port), OWNER, public(COORDINATOR), SESSION, 1 << 26)
        hall.next(5)
        assert not hall.send(0, Letter("round", body=bytes(1 << 25)))
        assert not hall.present()
        held.close()
