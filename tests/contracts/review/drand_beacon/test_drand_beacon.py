"""Drand beacon: published rounds of quicknet are believed, everything else is refused."""

from __future__ import annotations

from typing import Any

import boa
import pytest

from sheaf.domain.errors import InputError
from sheaf.review import drand_beacon
from tests.contracts.conftest import load

# Published by the network: https://api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/public/<round>
ROUNDS = {
    657413: "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b",
    5928395: "a5d07c0071b4e386b3ae09206522253c68fefe8490ad59ecc44a7dd0d0745be91da5779e2247a82403fbc0cb9a34cb61",
}
PUBLISHED = bytes.fromhex("fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587")
KEY = bytes.fromhex(
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
)


def _point(number: int) -> bytes:
    return drand_beacon.uncompressed(bytes.fromhex(ROUNDS[number]))


@pytest.fixture(scope="module")
def _drand() -> Any:
    return load("review/DrandBeacon.vy").deploy()


@pytest.fixture
def drand(_drand: Any) -> Any:
    with boa.env.anchor():
        yield _drand


@pytest.mark.parametrize("number", ROUNDS)
def test_published_rounds_are_believed(drand: Any, number: int) -> None:
    """Two published rounds, one of either sign, give the value that the network published with them; posting again changes nothing."""
    value = drand_beacon.randomness(bytes.fromhex(ROUNDS[number]))
    assert drand.value_of(number) == bytes(32)
    assert drand.post(number, _point(number)) == drand.value_of(number) == value
    assert number != 657413 or value == PUBLISHED
    assert drand.post(number, bytes(128)) == value


def test_another_implementation_agrees() -> None:
    """py_ecc maps the message to the curve, decompresses key and signature, and finds the pairing equation to hold as the contract does."""
    import hashlib

    from py_ecc.bls.hash_to_curve import hash_to_G1
    from py_ecc.bls.point_compression import decompress_G1, decompress_G2
    from py_ecc.bls.typing import G1Compressed, G2Compressed
    from py_ecc.optimized_bls12_381 import G2, normalize, pairing

    number = 657413
    signature = decompress_G1(G1Compressed(int(ROUNDS[number], 16)))
    key = decompress_G2(G2Compressed((int.from_bytes(KEY[:48], "big"), int.from_bytes(KEY[48:], "big"))))
    domain = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
    point = hash_to_G1(drand_beacon.message(number), domain, hashlib.sha256)
    assert pairing(G2, signature) == pairing(key, point)
    assert b"".join(int(part).to_bytes(64, "big") for part in normalize(signature)) == _point(number)


def test_what_the_network_did_not_sign_is_refused(drand: Any) -> None:
    """Another round's signature, its negative, a point off the curve, infinity, a shifted or short point, no round."""
    right, other = _point(657413), _point(5928395)
    y = int.from_bytes(right[64:], "big")
    negative = right[:64] + (drand_beacon.MODULUS - y).to_bytes(64, "big")
    for signature in (other, negative, bytes(128)):
        with boa.reverts("drand_beacon: not the network's signature"):
            drand.post(657413, signature)
    for signature in (right[:-1] + b"\x00", right[:127], b"", b"\x01" + right[1:]):
        with boa.reverts("drand_beacon: not a point"):
            drand.post(657413, signature)
    for number in (0, 2**64):
        with boa.reverts("drand_beacon: no such round"):
            drand.post(number, right)
    with boa.reverts("drand_beacon: not the network's signature"):
        drand.post(657414, right)


def test_a_chain_without_the_precompiles_is_noticed(drand: Any) -> None:
    """Where calls upon the precompiles succeed and give nothing, nothing is believed."""
    precompiles = boa.env.evm.vm.state.computation_class._precompiles
    kept = dict(precompiles)
    try:
        for address in list(precompiles):
            if address[-1] >= 0x0B:
                del precompiles[address]
        with boa.reverts("drand_beacon: no BLS precompiles"):
            drand.post(657413, _point(657413))
    finally:
        precompiles.update(kept)


def test_rounds_come_every_three_seconds(drand: Any) -> None:
    """The slot ahead is counted from the network's first round, and lies at least half a minute ahead."""
    now = boa.env.evm.patch.timestamp = drand_beacon.GENESIS + 3 * 657402 + 2
    assert drand.slot_ahead(0) == drand_beacon.round_ahead(now, 0) == 657413
    assert drand.slot_ahead(5) == 657418 and not drand.is_of_blocks()


@pytest.mark.parametrize(
    "signature", [b"", bytes(48), b"\xff" * 48, b"\x80" + bytes(46) + b"\x01", bytes(49)]
)
def test_malformed_signatures_are_refused(signature: bytes) -> None:
    """What is not 48 bytes, carries other flags, or has an x that lies on no point of the curve is no compressed point."""
    with pytest.raises(InputError, match="signature"):
        drand_beacon.uncompressed(signature)
