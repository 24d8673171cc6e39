# pragma version ==0.4.3
# SPDX-License-Identifier: AGPL-3.0-only
"""
@title Drand beacon
@license AGPL-3.0-only
@notice Rounds of drand's quicknet (scheme bls-unchained-g1-rfc9380, a round every three seconds), verified on chain by the BLS12-381
        precompiles of EIP-2537. Anyone posts a round's signature; it is believed only if it is that of the network's key, and
        is the same whoever posts it. A slot is a round, its value SHA-256 of the compressed signature, as drand publishes it.
@dev A chain without the precompiles answers a call upon them with success and nothing: so what comes back is measured.
@custom:stop Nothing here can be stopped, and nobody governs it. A round that nobody posts has no value yet.
"""

from ..interfaces import IBeacon
from ..interfaces import IDrandBeacon

implements: IBeacon
implements: IDrandBeacon

# https://api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/info
GENESIS: constant(uint256) = 1692803367
PERIOD: constant(uint256) = 3
# Rounds by which the clock may be ahead of a block's time: half a minute.
MARGIN: constant(uint256) = 10
# The network's key in G2, and the negative of G2's generator: x0, x1, y0, y1 of 64 bytes (EIP-2537).
KEY: constant(
    Bytes[256]
) = x"000000000000000000000000000000000d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a0000000000000000000000000000000003cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451000000000000000000000000000000000e5db2b6bfbb01c867749cadffca88b36c24f3012ba09fc4d3022c5c37dce0f977d3adb5d183c7477c442b1f045152730000000000000000000000000000000001a714f2edb74119a2f2b0d5a7c75ba902d163700a61bc224ededd8e63aef7be1aaf8e93d7a9718b047ccddb3eb5d68b"
NEGATIVE_GENERATOR: constant(
    Bytes[256]
) = x"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb80000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e000000000000000000000000000000000d1b3cc2c7027888be51d9ef691d77bcb679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa0000000000000000000000000000000013fa4d4a0ad8b1ce186ed5061789213d993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed"
MODULUS: constant(
    Bytes[48]
) = x"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab"
# (p - 1) / 2 in two words: a y above it sets the sign bit of a compressed point.
HALF_HIGH: constant(uint256) = 17282741772707453034394598013407712875
HALF_LOW: constant(uint256) = 80617075055843030690312053732876818007934237714091801549733396136033114903893
# Domain separation of the scheme and its length (RFC 9380, 5.3.1).
DOMAIN: constant(Bytes[44]) = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_\x2b"

MODEXP: constant(address) = 0x0000000000000000000000000000000000000005
G1ADD: constant(address) = 0x000000000000000000000000000000000000000b
PAIRING: constant(address) = 0x000000000000000000000000000000000000000F
MAP_FP_TO_G1: constant(address) = 0x0000000000000000000000000000000000000010

_values: HashMap[uint256, bytes32]


@external
def post(round: uint256, signature: Bytes[128]) -> bytes32:
    """
    @notice Make a round's value known. Anyone may; a round that is known stays as it is.
    @param signature The round's signature, a point of G1 not compressed: x and y of 64 bytes each.
    @return SHA-256 of the compressed signature.
    """
    assert round != 0 and round < 2**64, "drand_beacon: no such round"
    assert len(signature) == 128, "drand_beacon: not a point"
    known: bytes32 = self._values[round]
    if known != empty(bytes32):
        return known
    digest: bytes32 = sha256(slice(convert(round, bytes32), 24, 8))
    point: Bytes[128] = self._hash_to_curve(digest)
    result: Bytes[32] = self._call_pairing(concat(signature, NEGATIVE_GENERATOR, point, KEY))
    assert convert(result, uint256) == 1, "drand_beacon: not the network's signature"
    value: bytes32 = self._compressed(signature)
    self._values[round] = value
    log IDrandBeacon.RoundPosted(round=round, randomness=value)
    return value


@view
@external
def is_of_blocks() -> bool:
    """
    @notice A slot is a round.
    """
    return False


@view
@external
def slot_ahead(delay: uint256) -> uint256:
    """
    @notice The round that lies `delay` rounds, and half a minute, ahead of the last one due.
    """
    return self._slot_after(block.timestamp, delay)


@view
@external
def value_after(block_number: uint256, time: uint256, delay: uint256) -> bytes32:
    """
    @notice The value of the round that lies `delay` rounds, and half a minute, ahead of the last one due at a time.
    """
    found: bytes32 = self._values[self._slot_after(time, delay)]
    assert found != empty(bytes32), "drand_beacon: round is not posted"
    return found


@view
@external
def value_of(slot: uint256) -> bytes32:
    """
    @notice The value of a round that was posted; zero of others.
    """
    return self._values[slot]


@pure
@internal
def _slot_after(time: uint256, delay: uint256) -> uint256:
    return (time - GENESIS) // PERIOD + 1 + MARGIN + delay


@pure
@internal
def _compressed(signature: Bytes[128]) -> bytes32:
    """
    @dev SHA-256 of the compressed point: 48 bytes of x, the highest bit set, the third where y is the larger root.
    """
    high: uint256 = extract32(signature, 64, output_type=uint256)
    low: uint256 = extract32(signature, 96, output_type=uint256)
    flags: uint256 = 1 << 127
    if high > HALF_HIGH or (high == HALF_HIGH and low > HALF_LOW):
        flags |= 1 << 125
    head: uint256 = extract32(signature, 0, output_type=uint256) | flags
    return sha256(concat(convert(convert(head, uint128), bytes16), slice(signature, 32, 32)))


@view
@internal
def _hash_to_curve(digest: bytes32) -> Bytes[128]:
    """
    @dev hash_to_curve of RFC 9380 for G1: two field elements from expand_message_xmd, mapped and added.
    """
    zeros: bytes32 = empty(bytes32)
    first: bytes32 = sha256(concat(zeros, zeros, digest, b"\x00\x80\x00", DOMAIN))
    blocks: DynArray[bytes32, 4] = [sha256(concat(first, b"\x01", DOMAIN))]
    for i: uint256 in range(1, 4):
        mixed: bytes32 = convert(convert(first, uint256) ^ convert(blocks[i - 1], uint256), bytes32)
        blocks.append(sha256(concat(mixed, convert(convert(i + 1, uint8), bytes1), DOMAIN)))
    a: Bytes[128] = self._map(blocks[0], blocks[1])
    b: Bytes[128] = self._map(blocks[2], blocks[3])
    sum: Bytes[128] = raw_call(G1ADD, concat(a, b), max_outsize=128, is_static_call=True)
    assert len(sum) == 128, "drand_beacon: no BLS precompiles"
    return sum


@view
@internal
def _map(high: bytes32, low: bytes32) -> Bytes[128]:
    """
    @dev The point of G1 for 64 bytes taken modulo p.
    """
    lengths: Bytes[96] = concat(convert(64, bytes32), convert(1, bytes32), convert(48, bytes32))
    element: Bytes[48] = raw_call(
        MODEXP, concat(lengths, high, low, b"\x01", MODULUS), max_outsize=48, is_static_call=True
    )
    assert len(element) == 48, "drand_beacon: no BLS precompiles"
    padding: bytes16 = empty(bytes16)
    point: Bytes[128] = raw_call(MAP_FP_TO_G1, concat(padding, element), max_outsize=128, is_static_call=True)
    assert len(point) == 128, "drand_beacon: no BLS precompiles"
    return point


@view
@internal
def _call_pairing(pairs: Bytes[768]) -> Bytes[32]:
    is_sound: bool = False
    result: Bytes[32] = b""
    is_sound, result = raw_call(PAIRING, pairs, max_outsize=32, is_static_call=True, revert_on_failure=False)
    assert is_sound, "drand_beacon: not a point"
    assert len(result) == 32, "drand_beacon: no BLS precompiles"
    return result
