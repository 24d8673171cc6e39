"""Erasure: every data subject's records are encrypted under a key of its own, and destroying that key erases every copy of them.

Keys lie in one SQLite file, wrapped under the owner's key. An erased key is overwritten (secure_delete) and the write-ahead log is cut
to nothing before a receipt is given, so no file of the ring has it any more. What an erased subject was called stays as a keyed digest,
so that its records do not come back in silence.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sheaf.domain.canonical import json_bytes
from sheaf.domain.errors import CredentialError, InputError, IntegrityError, Missing, Refused, StoreError

KEY_BYTES = 32
NONCE_BYTES = 12
MOST_SUBJECT = 1_024
MOST_AT_ONCE = 100_000
WAIT_SECONDS = 60

_TABLES = """
CREATE TABLE IF NOT EXISTS rings (dataset TEXT PRIMARY KEY, proof BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS keys (tag BLOB PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erased (tag BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""


class Receipt(msgspec.Struct, frozen=True):
    """What an owner says it has erased: `number` counts erasures of the dataset, `subject` is SHA-256(salt ‖ name), in hex.

    Who knows the name and holds the salt sees that the receipt is about it; to others it says nothing. `owner` is the Ed25519 key
    that signed. A signature proves who said it, not that no copy of a key was made before.
    """

    dataset: str
    number: int
    subject: str
    salt: str
    owner: str
    signature: str

    def check(self, subject: str) -> None:
        """Raise IntegrityError unless the receipt is about `subject` and signed by its owner."""
        digest = hashlib.sha256(bytes.fromhex(self.salt) + subject.encode()).hexdigest()
        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.owner))
            key.verify(bytes.fromhex(self.signature), _signed(self))
        except (InvalidSignature, ValueError):
            raise IntegrityError(
                "receipt: its signature does not fit: ask the owner for the receipt as it was given"
            ) from None
        if not hmac.compare_digest(digest, self.subject):
            raise IntegrityError("receipt: it is about another subject: ask the owner for your own")


class KeyRing:
    """The keys of one dataset's subjects, in the file at `path`, made where there is none; `owner_key` has 32 bytes.

    Raises CredentialError if the ring was made under another key, StoreError if the file is no ring.
    """

    def __init__(self, path: Path, dataset: str, owner_key: bytes) -> None:
        if len(owner_key) != KEY_BYTES:
            raise CredentialError("owner key", f"{len(owner_key)} bytes", "give 32 bytes")
        if not path.parent.is_dir():
            raise InputError("keys", path, "give a file in a folder that exists")
        self._path, self._dataset = path, dataset
        self._wrapping = ChaCha20Poly1305(_derive(owner_key, b"wrap", dataset))
        self._tagging = _derive(owner_key, b"tag", dataset)
        self._signing = Ed25519PrivateKey.from_private_bytes(_derive(owner_key, b"sign", dataset))
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._transaction() as database:
            for statement in _TABLES.split(";")[:-1]:
                database.execute(statement)
            proof = hmac.digest(self._tagging, b"ring", "sha256")
            database.execute(
                "INSERT OR IGNORE INTO rings SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM rings)",
                (dataset, proof),
            )
            found = database.execute("SELECT dataset, proof FROM rings").fetchone()
        if found != (dataset, proof):
            raise CredentialError(
                "owner key",
                dataset,
                f"opens no ring of {found[0]}: give the key and the dataset it was made with",
            )

    def tag(self, subject: str) -> bytes:
        """Return what stands for a subject in files: a keyed digest of 32 bytes."""
        if not isinstance(subject, str) or not 0 < len(subject) <= MOST_SUBJECT:
            raise InputError("subject", subject, f"give a name of 1 to {MOST_SUBJECT} characters")
        try:
            return hmac.digest(self._tagging, b"subject" + subject.encode(), "sha256")
        except UnicodeEncodeError:
            raise InputError("subject", repr(subject), "give well-formed text") from None

    def seal(self, records: Iterable[tuple[str, bytes]]) -> list[tuple[bytes, bytes]]:
        """Encrypt each (subject, record) under the subject's key, making keys for those who are new; return (tag, ciphertext).

        Raises Refused, making no key, if one of the subjects was erased.
        """
        given = list(records)
        tags = {subject: self.tag(subject) for subject, _ in given}
        with self._transaction() as database:
            for subject, tag in tags.items():
                if database.execute("SELECT 1 FROM erased WHERE tag = ?", (tag,)).fetchone():
                    raise Refused(
                        f"erasure: {subject} was erased from {self._dataset}: leave its records out"
                    )
            fresh = ((tag, self._wrap(tag, secrets.token_bytes(KEY_BYTES))) for tag in tags.values())
            database.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", fresh)
            keys = {tag: self._unwrap(database, tag) for tag in tags.values()}
        sealed = []
        for subject, record in given:
            tag, nonce = tags[subject], secrets.token_bytes(NONCE_BYTES)
            sealed.append((tag, nonce + ChaCha20Poly1305(keys[tag]).encrypt(nonce, record, tag)))
        return sealed

    def open(self, sealed: Iterable[tuple[bytes, bytes]]) -> list[bytes | None]:
        """Decrypt each (tag, ciphertext); None where the subject was erased. Raises IntegrityError for what was altered."""
        with self._transaction("BEGIN") as database:
            return [self._open(database, tag, data) for tag, data in sealed]

    def erase(self, subjects: Iterable[str]) -> list[Receipt]:
        """Destroy the keys of `subjects` on the disk, then give a receipt for each; who was erased before gets another receipt.

        Raises Missing, erasing none, for a subject that never had a key; StoreError if the keys are deleted but may lie in the log
        since someone holds the file: do it again then.
        """
        named = list(dict.fromkeys(subjects))
        if not 0 < len(named) <= MOST_AT_ONCE:
            raise InputError("subjects", f"{len(named)} names", f"give 1 to {MOST_AT_ONCE}")
        numbers = {}
        with self._transaction() as database:
            for subject in named:
                tag = self.tag(subject)
                if database.execute("DELETE FROM keys WHERE tag = ?", (tag,)).rowcount:
                    database.execute("INSERT INTO erased SELECT ?, count(*) + 1 FROM erased", (tag,))
                found = database.execute("SELECT number FROM erased WHERE tag = ?", (tag,)).fetchone()
                if found is None:
                    raise Missing(
                        f"erasure: {subject} has no key in {self._dataset}: name a subject of this dataset"
                    )
                numbers[subject] = found[0]
        self.scrub()
        return [self._receipt(subject, number) for subject, number in numbers.items()]

    def scrub(self) -> None:
        """Bring everything from the write-ahead log into the file and cut the log to nothing. Raises StoreError if it is held open."""
        with self._connected() as database:
            is_busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise StoreError(f"erasure: {self._path} is being read by somebody: end that, and erase again")

    def count(self) -> tuple[int, int]:
        """Return how many subjects have keys, and how many were erased."""
        with self._transaction("BEGIN") as database:
            kept = database.execute("SELECT count(*) FROM keys").fetchone()[0]
            return kept, database.execute("SELECT count(*) FROM erased").fetchone()[0]

    def _receipt(self, subject: str, number: int) -> Receipt:
        salt = secrets.token_bytes(16)
        digest = hashlib.sha256(salt + subject.encode()).hexdigest()
        owner = self._signing.public_key().public_bytes_raw().hex()
        bare = Receipt(self._dataset, number, digest, salt.hex(), owner, "")
        return msgspec.structs.replace(bare, signature=self._signing.sign(_signed(bare)).hex())

    def _wrap(self, tag: bytes, key: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, key, tag)

    def _unwrap(self, database: sqlite3.Connection, tag: bytes) -> bytes:
        row = database.execute("SELECT wrapped FROM keys WHERE tag = ?", (tag,)).fetchone()
        if row is None:
            raise Missing(
                f"erasure: no key {tag.hex()[:16]}… in {self._dataset}: it was erased, or is of another ring"
            )
        try:
            return self._wrapping.decrypt(row[0][:NONCE_BYTES], row[0][NONCE_BYTES:], tag)
        except InvalidTag:
            raise IntegrityError(
                f"erasure: {self._path}: a wrapped key was altered: restore the ring"
            ) from None

    def _open(self, database: sqlite3.Connection, tag: bytes, data: bytes) -> bytes | None:
        try:
            key = self._unwrap(database, tag)
        except Missing:
            return None
        try:
            return ChaCha20Poly1305(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], tag)
        except (InvalidTag, ValueError):
            raise IntegrityError(
                "erasure: a sealed record was altered: fetch the sealed dataset again"
            ) from None

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=WAIT_SECONDS, isolation_level=None)) as database:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = FULL")
                database.execute("PRAGMA secure_delete = ON")
                database.execute("PRAGMA temp_store = MEMORY")
                yield database
        except sqlite3.Error as error:
            raise StoreError(f"erasure: {self._path}: {error}: free the disk or restore the ring") from None

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        with self._connected() as database:
            database.execute(begin)
            with database:  # commits, or rolls back whatever ends it
                yield database


def _signed(receipt: Receipt) -> bytes:
    document = msgspec.to_builtins(receipt)
    del document["signature"]
    return json_bytes({"sheaf erasure": document})


def _derive(key: bytes, purpose: bytes, dataset: str) -> bytes:
    info = b"sheaf/erasure/" + purpose + b"/" + dataset.encode()
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=info).derive(key)
