"""Signers sign as the standards say, derive secrets, and keep their key."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from sheaf.chain.signer import SECP256K1_ORDER, Signer, checksum, recover_message, recover_typed
from sheaf.domain.errors import CredentialError, InputError, IntegrityError

DOMAIN = {"name": "Sheaf Reviews", "version": "1", "chainId": 31_337, "verifyingContract": "0x" + "11" * 20}
TYPES = {"Review": [{"name": "submission", "type": "uint256"}, {"name": "commitment", "type": "bytes32"}]}
MESSAGE = {"submission": 4, "commitment": b"\x09" * 32}


def test_address_of_a_known_key() -> None:
    """The key 1 has the address that everyone computes for it."""
    assert Signer((1).to_bytes(32, "big")).address == "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


@pytest.mark.parametrize("key", [b"", b"\x00" * 32, b"\x01" * 31, SECP256K1_ORDER.to_bytes(32, "big")])
def test_keys_outside_the_curve_are_refused(key: bytes) -> None:
    """A key is 32 bytes of a number from 1 to the order; the refusal does not show it."""
    with pytest.raises(CredentialError) as caught:
        Signer(key)
    assert "not shown" in str(caught.value)


def test_key_stays_inside() -> None:
    """Neither repr nor pickle give the key away."""
    signer = Signer(b"\xab" * 32)
    assert "ab" * 8 not in repr(signer) + str(signer)
    for leak in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            leak(signer)


def test_derived_secrets_are_separate() -> None:
    """A secret depends on label and key, and is the same every time."""
    one, two = Signer(b"\x01" * 32), Signer(b"\x02" * 32)
    secrets = [one.derive_secret(b"a"), one.derive_secret(b"b"), two.derive_secret(b"a")]
    assert len(set(secrets)) == 3
    assert secrets[0] == Signer(b"\x01" * 32).derive_secret(b"a")
    assert all(len(secret) == 32 for secret in secrets)


def test_typed_signature_is_recovered() -> None:
    """Who signed typed data is found again; one changed field gives somebody else."""
    signer = Signer(b"\x03" * 32)
    signature = signer.sign_typed(DOMAIN, TYPES, MESSAGE)
    assert recover_typed(DOMAIN, TYPES, MESSAGE, signature) == signer.address
    assert recover_message(b"hello", signer.sign_message(b"hello")) == signer.address
    foreign: list[tuple[Any, Any]] = [
        ({**DOMAIN, "chainId": 1}, MESSAGE),
        ({**DOMAIN, "verifyingContract": "0x" + "22" * 20}, MESSAGE),
        (DOMAIN, {**MESSAGE, "submission": 5}),
    ]
    for domain, message in foreign:
        assert recover_typed(domain, TYPES, message, signature) != signer.address


def test_malleable_and_malformed_signatures_are_refused() -> None:
    """Of each signature there is one form: low s, v of 27 or 28, 65 bytes."""
    signature = Signer(b"\x03" * 32).sign_message(b"hello")
    high = SECP256K1_ORDER - int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + high.to_bytes(32, "big") + bytes([55 - signature[64]])
    for bad in (
        b"",
        signature[:64],
        signature + b"\x00",
        twin,
        signature[:64] + b"\x00",
        b"\x00" * 64 + b"\x1b",
    ):
        with pytest.raises(IntegrityError, match="signature"):
            recover_message(b"hello", bad)


def test_addresses_are_checked() -> None:
    """Lower case is accepted and gets a checksum; mistyped characters, other lengths and other things are refused."""
    good = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    assert checksum("to", good.lower()) == checksum("to", good) == good
    for bad in ("", "7E5F4552091A69125d5DfCb7b8C2659029395Bdf", good[:-1], good + "0", "0x" + "zz" * 20):
        with pytest.raises(InputError, match="40 hexadecimal"):
            checksum("to", bad)
    with pytest.raises(InputError, match="mistyped"):
        checksum("to", good.replace("7E5F", "7e5F"))
