"""drand's quicknet as a beacon: rounds, messages, points and values (twin of DrandBeacon.vy, and the calls upon it)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer

CONTRACT = "DrandBeacon"
GENESIS, PERIOD, MARGIN = 1_692_803_367, 3, 10
MODULUS = int(
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab", 16
)
SIGNATURE_BYTES = 48


def round_ahead(now: int, delay: int) -> int:
    """Return the round that lies `delay` rounds, and half a minute, ahead of the last one due at `now`, in Unix seconds.

    Half a minute, because the clock may be that far ahead of a block's time: a round that draws must not be published yet.
    """
    return (now - GENESIS) // PERIOD + 1 + MARGIN + delay


def message(number: int) -> bytes:
    """Return what the network signs in a round: SHA-256 of its number, 8 bytes, big-endian."""
    return hashlib.sha256(number.to_bytes(8, "big")).digest()


def randomness(signature: bytes) -> bytes:
    """Return a round's value: SHA-256 of its compressed signature."""
    return hashlib.sha256(signature).digest()


def uncompressed(signature: bytes) -> bytes:
    """Return a compressed point of G1 (48 bytes) as the precompiles take it (EIP-2537): x and y of 64 bytes.

    Raises InputError if it is not the compressed form of a point on the curve y² = x³ + 4, other than infinity.
    """
    flags = signature[0] >> 5 if len(signature) == SIGNATURE_BYTES else 0
    x = int.from_bytes(signature, "big") & (1 << 381) - 1
    square = (pow(x, 3, MODULUS) + 4) % MODULUS
    y = pow(square, (MODULUS + 1) // 4, MODULUS)
    if flags not in (0b100, 0b101) or x >= MODULUS or y * y % MODULUS != square:
        raise InputError("signature", signature.hex(), "give 48 bytes: a compressed point of BLS12-381's G1")
    if (y > MODULUS // 2) != bool(flags & 1):
        y = MODULUS - y
    return x.to_bytes(64, "big") + y.to_bytes(64, "big")


def post(chain: Chain, signer: Signer, number: int, signature: bytes) -> Receipt:
    """Make a round's value known on chain, given its compressed signature as drand publishes it."""
    return chain.send(signer, CONTRACT, "post", number, uncompressed(signature))


def value_of(chain: Chain, number: int) -> bytes:
    """Return the value of a round, zero if nobody posted it."""
    return bytes(chain.call(CONTRACT, "value_of", number))
