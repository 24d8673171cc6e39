"""The keystore: private keys on disk, each encrypted under a password (Web3 Secret Storage, scrypt).

Passwords come as values from whoever may ask for them (a prompt, a file, a descriptor), never from the command line.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Any

from sheaf.chain.abi import checksum_of
from sheaf.chain.contracts import sync_folder
from sheaf.chain.signer import Signer
from sheaf.domain.errors import CredentialError
from sheaf.domain.ids import Address

SCRYPT_WORK = 2**17
"""Scrypt's N (r = 8, p = 1): about 128 MiB and a third of a second for each guess."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_LARGEST_WORK = 2**20


def create(directory: Path, name: str, password: str, *, work: int = SCRYPT_WORK) -> Address:
    """Make a new account and return its address. Raises CredentialError if `name` is taken or malformed, or the password empty."""
    return _keep(directory, name, Signer(secrets.token_bytes(32)), password, work)


def import_key(
    directory: Path, name: str, private_key: str, password: str, *, work: int = SCRYPT_WORK
) -> Address:
    """Keep an existing key (0x and 64 hexadecimal digits) and return its address. Raises CredentialError."""
    digits = private_key.strip().removeprefix("0x")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
        raise CredentialError("private key", "(not shown)", "give 0x and 64 hexadecimal digits")
    return _keep(directory, name, Signer(bytes.fromhex(digits)), password, work)


def load(directory: Path, name: str, password: str) -> Signer:
    """Return the account `name`, unlocked. Raises CredentialError if it is absent, broken, readable by others, or locked otherwise."""
    from eth_account import Account

    document = _read(_path(directory, name), name)
    try:
        signer = Signer(bytes(Account.decrypt(document, password)))
    except CredentialError:
        raise
    except ValueError as fault:
        if "MAC mismatch" in str(fault):
            raise CredentialError(
                "password", "(not shown)", f"it does not open account {name}: try again"
            ) from None
        raise _broken(name) from None
    except Exception:
        raise _broken(name) from None
    if signer.address.lower() != "0x" + str(document.get("address", "")).lower().removeprefix("0x"):
        raise _broken(name)
    return signer


def accounts(directory: Path) -> dict[str, Address]:
    """Return the addresses by name, sorted by name; files that are no accounts are passed over."""
    found = {}
    for path in sorted(directory.glob("*.json")):
        if _NAME.fullmatch(path.stem):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                address = json.loads(path.read_text())["address"].removeprefix("0x")
                if re.fullmatch(r"[0-9a-fA-F]{40}", address):
                    found[path.stem] = checksum_of("0x" + address.lower())
    return found


def _path(directory: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise CredentialError(
            "account name", name, "give 1 to 32 letters, digits, - or _, with a letter or digit first"
        )
    return directory / f"{name}.json"


def _keep(directory: Path, name: str, signer: Signer, password: str, work: int) -> Address:
    from eth_account import Account

    path = _path(directory, name)
    if not password:
        raise CredentialError("password", "(empty)", "give at least one character; a long sentence is best")
    if path.exists():
        raise _taken(name)
    document = Account.encrypt(signer._key, password, kdf="scrypt", iterations=work)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
    try:
        # mkstemp has made it 0600; a link, unlike a rename, does not take the place of an account made a moment ago.
        with os.fdopen(handle, "w") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        raise _taken(name) from None
    finally:
        Path(temporary).unlink(missing_ok=True)
    sync_folder(directory)
    return signer.address


def _read(path: Path, name: str) -> dict[str, Any]:
    try:
        if path.stat().st_mode & 0o077:
            raise CredentialError("keystore", path.name, f"others may read it: chmod 600 {path}")
        found = json.loads(path.read_text())
        settings = found["crypto"]["kdfparams"]
        # The file says how much work a guess is; a foreign one must not be able to ask for all memory.
        if settings.get("n", settings.get("c", 0)) > _LARGEST_WORK:
            raise _broken(name)
    except FileNotFoundError:
        raise CredentialError(
            "account", name, "there is none of this name: see `sheaf account list`"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise _broken(name) from None
    return dict(found)


def _taken(name: str) -> CredentialError:
    return CredentialError("account name", name, "it is taken: choose another")


def _broken(name: str) -> CredentialError:
    return CredentialError("account", name, "its keystore file is broken: restore it from a backup")
