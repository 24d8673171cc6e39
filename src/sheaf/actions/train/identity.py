"""The key by which an owner or coordinator is known in federated training: Ed25519, in a file of its own."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sheaf.domain.errors import CredentialError
from sheaf.store.files import flush_directory, make_directory, refusing

FILE = "identity.key"


def show_identity(folder: Path) -> str:
    """Return the public key of `folder` in 64 hexadecimal digits, for a plan; the key is made if there is none."""
    return open_identity(folder).public_key().public_bytes_raw().hex()


def open_identity(folder: Path) -> Ed25519PrivateKey:
    """Return the key of `folder`, made if there is none, readable by this account alone. Raises CredentialError, StoreError."""
    path = Path(folder) / FILE
    make_directory(path.parent)
    try:
        secret = path.read_bytes()
    except FileNotFoundError:
        secret = _make(path)
    if len(secret) != 32:
        raise CredentialError(
            "identity",
            path,
            "not a key: restore it, or move it away and send your new key to the coordinator",
        )
    return Ed25519PrivateKey.from_private_bytes(secret)


def _make(path: Path) -> bytes:
    secret = Ed25519PrivateKey.generate().private_bytes_raw()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with refusing(path):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # fails where another process was faster: its key stays
        except FileExistsError:
            secret = path.read_bytes()
        finally:
            temporary.unlink()
        flush_directory(path.parent)
    return secret
