"""Reports of AMD's SEV-SNP: signature, chain to AMD's root, chip and patch level (AMD 56860, SNP firmware ABI, tables 22 and 23)."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec.structs import replace

from sheaf.domain.errors import InputError, IntegrityError
from sheaf.privacy.attestation.claims import UNKNOWN_REVOCATION, Claims, Expected, demand

REPORT_BYTES = 0x4A0
SIGNED_BYTES = 0x2A0
DEBUG_BIT = 1 << 19
VERSIONS = (2, 3)
ROOTS = {
    "Milan": "9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9",
    "Genoa": "429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831",
}
"""SHA-256 of the public keys of AMD's roots, by family: nothing else is believed, whatever chain is given."""

_OID = "1.3.6.1.4.1.3704.1"
_LEVELS = {f"{_OID}.3.1": 0, f"{_OID}.3.2": 1, f"{_OID}.3.3": 6, f"{_OID}.3.8": 7}
_CHIP = f"{_OID}.4"


def check(
    report: bytes, chip: bytes, chain: bytes, at: int, expected: Expected, revoked: bytes = b""
) -> Claims:
    """Return what an SNP report proves at time `at`, seconds since 1970, if it is what was `expected`.

    `chip` is the chip's certificate (VCEK, DER), `chain` AMD's signing and root certificates (PEM), `revoked` AMD's revocation list (DER),
    else revocation is unknown. Raises IntegrityError for what is altered, expired, revoked, foreign, of a debug guest or old patches.
    """
    if len(report) != REPORT_BYTES:
        raise InputError("report", f"{len(report)} bytes", f"give a report of {REPORT_BYTES} bytes")
    certificate, signer, root = _certificates(chip, chain)
    _check_chain((certificate, signer, root), at)
    if revoked:
        _check_revoked(revoked, signer, root, at)
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise IntegrityError(
            "attestation: the chip's key is none of P-384: give the certificate of this chip"
        )
    r, s = (
        int.from_bytes(report[start : start + 72], "little") for start in (SIGNED_BYTES, SIGNED_BYTES + 72)
    )
    try:
        key.verify(encode_dss_signature(r, s), report[:SIGNED_BYTES], ec.ECDSA(hashes.SHA384()))
    except (InvalidSignature, ValueError):
        raise IntegrityError(
            "attestation: the report was altered or is of another chip: get it again"
        ) from None
    found = demand(_claims(report, certificate, expected), expected)
    return found if revoked else replace(found, proves_not=(*found.proves_not, UNKNOWN_REVOCATION))


def _claims(report: bytes, certificate: x509.Certificate, expected: Expected) -> Claims:
    """Read a report whose signature holds: what it says has to fit the certificate too."""
    version, algorithm = (int.from_bytes(report[start : start + 4], "little") for start in (0, 0x34))
    if version not in VERSIONS or algorithm != 1:
        raise IntegrityError(
            f"attestation: report version {version} is not known: give one of version 2 or 3"
        )
    if int.from_bytes(report[0x08:0x10], "little") & DEBUG_BIT:
        raise IntegrityError(
            "attestation: is of a debug guest, whose memory its host reads: start it without debugging"
        )
    if int.from_bytes(report[0x48:0x4C], "little") >> 2 & 7:
        raise IntegrityError(
            "attestation: is signed by a cloud's key, not by the chip's: ask for a report signed with VCEK"
        )
    level = report[0x180:0x188]
    values = {one.oid.dotted_string: getattr(one.value, "value", b"") for one in certificate.extensions}
    for name, place in _LEVELS.items():
        if values.get(name, b"")[:1] != b"\x02" or int.from_bytes(values[name][2:], "big") != level[place]:
            raise IntegrityError(
                "attestation: the patch level is not that of the chip's certificate: get the certificate again"
            )
    if values.get(_CHIP, b"")[-64:] != report[0x1A0:0x1E0]:
        raise IntegrityError(
            "attestation: the report is of another chip than the certificate: give the certificate of this chip"
        )
    held = (level[0], level[1], level[6], level[7])
    if any(have < least for have, least in zip(held, expected.least_tcb, strict=True)):
        raise IntegrityError(
            f"attestation: the patch level is {held}, asked for is {expected.least_tcb}: update the firmware"
        )
    return Claims("sev-snp", report[0x90:0xC0].hex(), report[0x50:0x90], ".".join(map(str, held)))


def _certificates(chip: bytes, chain: bytes) -> tuple[x509.Certificate, x509.Certificate, x509.Certificate]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # AMD numbers all chips' certificates 0
        try:
            found = x509.load_pem_x509_certificates(chain)
            certificate = x509.load_der_x509_certificate(chip)
            _ = certificate.extensions
        except ValueError:
            raise InputError(
                "certificates", "malformed", "give the chip's as DER, AMD's signer and root as PEM"
            ) from None
    if len(found) != 2:
        raise InputError(
            "chain", f"{len(found)} certificates", "give AMD's signing certificate and root, in this order"
        )
    return certificate, found[0], found[1]


def _check_chain(chain: Sequence[x509.Certificate], at: int) -> None:
    """Raise IntegrityError unless each is signed by the next, the last by itself and by AMD, and all hold at `at`."""
    root = (
        chain[-1]
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    if hashlib.sha256(root).hexdigest() not in ROOTS.values():
        raise IntegrityError(f"attestation: the root is not AMD's: give the chain of {' or '.join(ROOTS)}")
    now = _time(at)
    for certificate, issuer in zip(chain, (*chain[1:], chain[-1]), strict=True):
        key = issuer.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or certificate.issuer != issuer.subject:
            raise IntegrityError(
                "attestation: the certificates are no chain: give those of this chip's family"
            )
        try:
            pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
            key.verify(certificate.signature, certificate.tbs_certificate_bytes, pss, hashes.SHA384())
        except InvalidSignature:
            raise IntegrityError(
                "attestation: a certificate was altered or is of another family: get it again"
            ) from None
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise IntegrityError(
                f"attestation: a certificate holds only to {certificate.not_valid_after_utc:%Y-%m-%d}: get the one that holds"
            )


def _check_revoked(revoked: bytes, signer: x509.Certificate, root: x509.Certificate, at: int) -> None:
    try:
        listed = x509.load_der_x509_crl(revoked)
    except ValueError:
        raise InputError("revoked", "malformed", "give AMD's revocation list as DER") from None
    key = root.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        key.verify(
            listed.signature,
            listed.tbs_certlist_bytes,
            padding.PSS(padding.MGF1(hashes.SHA384()), 48),
            hashes.SHA384(),
        )
    except InvalidSignature:
        raise IntegrityError("attestation: the revocation list is not AMD's: get it again") from None
    if listed.next_update_utc is None or _time(at) > listed.next_update_utc:
        raise IntegrityError("attestation: the revocation list has expired: get the one that holds")
    if listed.get_revoked_certificate_by_serial_number(signer.serial_number) is not None:
        raise IntegrityError(
            "attestation: AMD has revoked the signing certificate: nothing it signed is believed"
        )


def _time(at: int) -> datetime:
    try:
        return datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        raise InputError("at", at, "give seconds since 1970") from None
