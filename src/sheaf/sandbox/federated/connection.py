"""One connection between coordinator and owner: letters framed by length, signed, numbered, bound to this connection.

Whoever connects proves its key before it is listened to. A frame is four bytes of length, an Ed25519 signature, and a letter in
MessagePack; the signature covers the handshake, the direction and the letter's number, so nothing can be replayed, reordered,
dropped unseen, or carried over to another connection. Letters are not encrypted: what must be secret is sealed inside them.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import socket
import struct
import threading
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sheaf.domain.errors import IntegrityError, Refused, Unreachable

SIGNATURE_BYTES, KEY_BYTES, NONCE_BYTES = 64, 32, 32
HANDSHAKE_SECONDS = 10.0
SEND_SECONDS = 20
_GREETING = b"sheaf train 1\n"


class Letter(msgspec.Struct, frozen=True, array_like=True):
    """What is said: its kind, the round and attempt it belongs to, the phase, and its content; `reason` where something failed."""

    kind: str
    round_number: int = 0
    attempt: int = 0
    phase: str = ""
    body: bytes = b""
    reason: str = ""


class Connection:
    """Letters to and from one peer whose key is known. One thread may receive while others send."""

    def __init__(
        self, wire: socket.socket, identity: Ed25519PrivateKey, peer: bytes, transcript: bytes, limit: int
    ) -> None:
        self._wire, self._identity, self._limit = wire, identity, limit
        self._peer = Ed25519PublicKey.from_public_bytes(peer)
        own = identity.public_key().public_bytes_raw()
        self._outgoing = hashlib.sha256(b"frame" + transcript + own + peer).digest()
        self._incoming = hashlib.sha256(b"frame" + transcript + peer + own).digest()
        self._sent = self._received = 0
        self._sending = threading.Lock()

    def send(self, letter: Letter) -> None:
        """Send `letter`. Raises Refused for one beyond the limit, OSError where the peer is gone."""
        body = msgspec.msgpack.encode(letter)
        if len(body) > self._limit:
            raise Refused(f"letter: {len(body)} bytes: at most {self._limit} are agreed")
        with self._sending:
            signature = self._identity.sign(self._outgoing + struct.pack(">Q", self._sent) + body)
            self._sent += 1
            self._wire.sendall(struct.pack(">I", len(body)) + signature + body)

    def receive(self) -> Letter:
        """Wait for the next letter. Raises IntegrityError where it is too long, not signed, or no letter; EOFError at the end."""
        (length,) = struct.unpack(">I", _exactly(self._wire, 4))
        if length > self._limit:
            raise IntegrityError(f"letter: {length} bytes announced: at most {self._limit} are agreed")
        signature, body = _exactly(self._wire, SIGNATURE_BYTES), _exactly(self._wire, length)
        try:
            self._peer.verify(signature, self._incoming + struct.pack(">Q", self._received) + body)
            self._received += 1
            return msgspec.msgpack.decode(body, type=Letter)
        except InvalidSignature:
            raise IntegrityError("letter: not signed by the peer for this place in this connection") from None
        except (msgspec.DecodeError, msgspec.ValidationError):
            raise IntegrityError("letter: cannot be read") from None

    def close(self) -> None:
        """End the connection; a thread that waits in `receive` gets EOFError or OSError."""
        with contextlib.suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)
        self._wire.close()


def accept(
    wire: socket.socket, identity: Ed25519PrivateKey, roster: Sequence[bytes], session: bytes, limit: int
) -> tuple[Connection, int]:
    """Answer one who connected; return the connection and its index in the roster. Raises IntegrityError for strangers."""
    _quick(wire)
    own, nonce = identity.public_key().public_bytes_raw(), secrets.token_bytes(NONCE_BYTES)
    wire.sendall(_GREETING + nonce)
    hello = _exactly(wire, KEY_BYTES + NONCE_BYTES + SIGNATURE_BYTES)
    peer, answer, signature = hello[:KEY_BYTES], hello[KEY_BYTES:-SIGNATURE_BYTES], hello[-SIGNATURE_BYTES:]
    transcript = _transcript(session, own, peer, nonce, answer)
    if peer not in roster:
        raise IntegrityError(f"connection: key {peer.hex()[:16]}… is not in the roster")
    _verify(
        peer,
        signature,
        b"join" + transcript,
        "connection: who joins has not signed for this session and coordinator",
    )
    wire.sendall(identity.sign(b"welcome" + transcript))
    wire.settimeout(None)
    return Connection(wire, identity, peer, transcript, limit), list(roster).index(peer)


def connect(
    address: tuple[str, int], identity: Ed25519PrivateKey, coordinator: bytes, session: bytes, limit: int
) -> Connection:
    """Connect to the coordinator of that key. Raises Unreachable where nobody answers, IntegrityError where another one does."""
    try:
        wire = socket.create_connection(address, HANDSHAKE_SECONDS)
    except OSError as error:
        raise Unreachable(
            f"coordinator {address[0]}:{address[1]}: {error.strerror or error}: is it running?"
        ) from None
    try:
        if wire.getsockname() == wire.getpeername():
            # On loopback a port where nobody listens may be given to the caller itself, which then answers. Left at once, without
            # the minute for which a closed connection keeps its port.
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise Unreachable(f"coordinator {address[0]}:{address[1]}: nobody listens: is it running?")
        _quick(wire)
        greeting = _exactly(wire, len(_GREETING) + NONCE_BYTES)
        if not greeting.startswith(_GREETING):
            raise IntegrityError(f"coordinator {address[0]}:{address[1]}: speaks another protocol")
        own, nonce = identity.public_key().public_bytes_raw(), secrets.token_bytes(NONCE_BYTES)
        transcript = _transcript(session, coordinator, own, greeting[len(_GREETING) :], nonce)
        wire.sendall(own + nonce + identity.sign(b"join" + transcript))
        welcome = _exactly(wire, SIGNATURE_BYTES)
        _verify(
            coordinator,
            welcome,
            b"welcome" + transcript,
            "coordinator: not the key that the plan names, or of another plan",
        )
    except (EOFError, OSError):
        wire.close()
        raise Unreachable(
            f"coordinator {address[0]}:{address[1]}: it hung up: does its plan equal yours, and does its roster name your key?"
        ) from None
    except (IntegrityError, Unreachable):
        wire.close()
        raise
    wire.settimeout(None)
    return Connection(wire, identity, coordinator, transcript, limit)


def _quick(wire: socket.socket) -> None:
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):  # a peer whose machine is gone is noticed within a minute
            wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    # Who does not read holds up nobody for longer: a send that waits this long fails.
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
    wire.settimeout(HANDSHAKE_SECONDS)


def _transcript(session: bytes, coordinator: bytes, owner: bytes, asked: bytes, answered: bytes) -> bytes:
    return hashlib.sha256(b"".join((session, coordinator, owner, asked, answered))).digest()


def _verify(key: bytes, signature: bytes, data: bytes, otherwise: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError):
        raise IntegrityError(otherwise) from None


def _exactly(wire: socket.socket, size: int) -> bytes:
    """Return the next `size` bytes; the buffer grows with what arrives, not with what was announced."""
    parts = bytearray()
    while len(parts) < size:
        part = wire.recv(min(size - len(parts), 1 << 18))
        if not part:
            raise EOFError("connection: ended by the peer")
        parts += part
    return bytes(parts)
