"""Keys of one round: what is signed, what two clients have in common, and the tags by which each knows the other's view."""

from __future__ import annotations

import hashlib
import hmac
import struct

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from sheaf.domain.errors import IntegrityError
from sheaf.privacy.secure_aggregation.masks import derive
from sheaf.privacy.secure_aggregation.messages import Advertisement

TAG_BYTES = 16
_NONCE = bytes(12)  # every channel key seals one message


def advertised(
    context: bytes, index: int, keys: tuple[bytes, bytes, bytes], holders: tuple[int, ...]
) -> bytes:
    """Return the bytes of an advertisement that are signed: channel key, mask key and seed hash of 32 bytes, then the holders."""
    return b"".join(
        (
            b"advertisement",
            context,
            struct.pack(">I", index),
            *keys,
            struct.pack(f">{len(holders)}I", *holders),
        )
    )


def signed_part(context: bytes, one: Advertisement) -> bytes:
    """Return what the signature of `one` is over. Raises IntegrityError for keys of another length and holders out of order."""
    keys = (one.channel_key, one.mask_key, one.seed_hash)
    sorted_holders = all(a < b for a, b in zip(one.holders, one.holders[1:], strict=False))
    if (
        any(len(key) != 32 for key in keys)
        or not sorted_holders
        or (one.holders and not 0 <= one.holders[0] <= one.holders[-1] < 2**32)
    ):
        raise IntegrityError(f"advertisement of client {one.index}: malformed keys or holders")
    return advertised(context, one.index, keys, one.holders)


def verify(identity: bytes, signature: bytes, data: bytes, what: str) -> None:
    """Raise IntegrityError unless `signature` is that of `identity` (Ed25519) over `data`."""
    try:
        Ed25519PublicKey.from_public_bytes(identity).verify(signature, data)
    except (InvalidSignature, ValueError):
        raise IntegrityError(
            f"{what}: not signed by its key in the roster for this round: keys were swapped or replayed"
        ) from None


def agree(private: X25519PrivateKey, public: bytes, what: str) -> bytes:
    """Return the secret of two X25519 keys. Raises IntegrityError for a public key of low order."""
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise IntegrityError(f"{what}: no X25519 key that two can agree by") from None


def mask_seed(private: X25519PrivateKey, public: bytes, context: bytes, pair: tuple[int, int]) -> bytes:
    """Return the seed of the mask that two clients have in common; `pair` is their indices in any order."""
    return derive(
        agree(private, public, "mask key"), context, b"mask", struct.pack(">II", min(pair), max(pair))
    )


def survivors_digest(context: bytes, bitmap: bytes) -> bytes:
    """Return the 32 bytes that stand for a survivor set in this round."""
    return hashlib.sha256(b"survivors" + context + bitmap).digest()


def survivors_signed(context: bytes, digest: bytes) -> bytes:
    """Return the bytes by which a survivor signs the set: its signature shows everyone which one it was shown."""
    return b"endorsement" + context + digest


class Pair:
    """What client `own` has in common with client `other`, whose keys it read in an advertisement.

    Every tag covers both advertisements as this client knows them: where the coordinator showed either to anyone
    in another form, no tag fits.
    """

    def __init__(
        self,
        private: X25519PrivateKey,
        context: bytes,
        own: tuple[int, bytes],
        other: tuple[int, bytes, bytes],
    ) -> None:
        self.own, own_hash = own
        self.other, public, other_hash = other
        self._secret = agree(private, public, f"channel key of client {self.other}")
        self._context = context
        hashes = (own_hash, other_hash) if self.own < self.other else (other_hash, own_hash)
        self._tag_key = derive(self._secret, context, b"tag", *hashes)

    def seal(self, shares: bytes) -> bytes:
        """Return `shares` as only the other can open them; to be called once."""
        return ChaCha20Poly1305(self._channel(self.own, self.other)).encrypt(_NONCE, shares, None)

    def open(self, sealed: bytes) -> bytes:
        """Return the shares that the other sealed. Raises IntegrityError where it was not the other, or not for this round."""
        try:
            return ChaCha20Poly1305(self._channel(self.other, self.own)).decrypt(_NONCE, sealed, None)
        except InvalidTag:
            raise IntegrityError(
                f"shares of client {self.other}: they do not open: altered, replayed, or its keys were swapped"
            ) from None

    def tag(self, data: bytes) -> bytes:
        """Return this client's tag over `data`, for the other."""
        return self._tagged(self.own, data)

    def is_tag(self, tag: bytes, data: bytes) -> bool:
        """Tell whether `tag` is the other's over `data`."""
        return hmac.compare_digest(tag, self._tagged(self.other, data))

    def _channel(self, sender: int, receiver: int) -> bytes:
        return derive(self._secret, self._context, b"shares", struct.pack(">II", sender, receiver))

    def _tagged(self, sender: int, data: bytes) -> bytes:
        return hmac.digest(self._tag_key, struct.pack(">I", sender) + data, "sha256")[:TAG_BYTES]
