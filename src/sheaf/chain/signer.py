"""Signers: one account's private key, and what is signed with it."""

from __future__ import annotations

from typing import Any

from sheaf.chain.abi import checksum_of
from sheaf.domain.errors import CredentialError, InputError, IntegrityError
from sheaf.domain.ids import Address

SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Signer:
    """An account that can sign. The key never appears in text, errors or `repr`."""

    def __init__(self, key: bytes) -> None:
        from eth_account import Account

        if len(key) != 32 or not 0 < int.from_bytes(key, "big") < SECP256K1_ORDER:
            raise CredentialError(
                "private key", "(not shown)", "give 32 bytes of a number from 1 to the order of secp256k1"
            )
        self._account: Any = Account.from_key(key)
        self._key = bytes(key)
        self.address = Address(self._account.address)

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def __reduce__(self) -> Any:
        raise TypeError("a signer cannot be pickled: its key would leave the process")

    def sign_transaction(self, fields: dict[str, Any]) -> bytes:
        """Return the raw signed transaction (EIP-2718) of `fields` as JSON-RPC names them, with integers and bytes."""
        return bytes(self._account.sign_transaction(fields).raw_transaction)

    def sign_typed(self, domain: dict[str, Any], types: dict[str, Any], message: dict[str, Any]) -> bytes:
        """Return r ‖ s ‖ v, 65 bytes, over typed data (EIP-712). The domain has to bind chain and contract."""
        return bytes(self._account.sign_typed_data(domain, types, message).signature)

    def sign_message(self, message: bytes) -> bytes:
        """Return r ‖ s ‖ v, 65 bytes, over a personal message (EIP-191)."""
        from eth_account.messages import encode_defunct

        return bytes(self._account.sign_message(encode_defunct(message)).signature)

    def derive_secret(self, label: bytes) -> bytes:
        """Return 32 secret bytes for one purpose, by HKDF-SHA256 (RFC 5869) of the private key; different labels, unrelated secrets."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(algorithm=SHA256(), length=32, salt=b"sheaf derived secret", info=label).derive(self._key)


def recover_typed(
    domain: dict[str, Any], types: dict[str, Any], message: dict[str, Any], signature: bytes
) -> Address:
    """Return who signed this typed data (EIP-712). Raises IntegrityError if the signature is malformed or malleable."""
    from eth_account.messages import encode_typed_data

    return _recover(encode_typed_data(domain, types, message), signature)


def recover_message(message: bytes, signature: bytes) -> Address:
    """Return who signed this personal message (EIP-191). Raises IntegrityError if the signature is malformed or malleable."""
    from eth_account.messages import encode_defunct

    return _recover(encode_defunct(message), signature)


def checksum(field: str, address: str) -> Address:
    """Return `address` with its checksum (EIP-55). Raises InputError if it is malformed, or mixed in case and mistyped."""
    from eth_utils.address import is_hex_address

    fix = "give 0x and 40 hexadecimal digits"
    if not isinstance(address, str) or not address.startswith(("0x", "0X")) or not is_hex_address(address):
        raise InputError(field, address, fix)
    digits, found = address[2:], checksum_of(address.lower())
    if digits not in (digits.lower(), digits.upper()) and address[2:] != found[2:]:
        raise InputError(field, address, "a character is mistyped (its checksum is wrong): copy it again")
    return found


def _recover(signable: Any, signature: bytes) -> Address:
    from eth_account import Account

    if (
        len(signature) != 65
        or int.from_bytes(signature[32:64], "big") > SECP256K1_ORDER // 2
        or signature[64] not in (27, 28)
    ):
        raise IntegrityError(
            "signature: not 65 bytes r ‖ s ‖ v with a low s and v of 27 or 28: ask for it again"
        )
    try:
        return Address(Account.recover_message(signable, signature=signature))
    except Exception:
        raise IntegrityError("signature: no account made it: ask for it again") from None
