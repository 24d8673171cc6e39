"""What a quote has to say before a key is released, and what it proves when it does."""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal

import msgspec

from sheaf.domain.errors import InputError, IntegrityError

Kind = Literal["sgx", "tdx", "sev-snp"]

PROVES = (
    "a processor of this maker, with certificates that held at the time given, signed this",
    "the measured program was loaded when the machine or enclave started",
    "that program itself put the reported data into the quote",
)
PROVES_NOT = (
    "that the program is right or harmless: read it, and measure it yourself",
    "that nobody opened the machine: signing keys have been taken by physical attacks, and then forge quotes",
    "that data do not leak by timing, traffic or memory access",
    "what was loaded after the start, unless the program measures that too",
    "where the machine stands, and whose it is",
)


UNKNOWN_REVOCATION = "that the maker has not revoked a certificate since: no revocation list was given"


class Expected(msgspec.Struct, frozen=True):
    """What a policy demands: one of `measurements` (hex), the reported data of `binding`, and a patch level among `levels`.

    `levels` are Intel's names (UpToDate, SWHardeningNeeded …); for SEV-SNP `least_tcb` holds the least (boot loader, TEE, SNP, microcode).
    """

    measurements: frozenset[str]
    report_data: bytes
    levels: frozenset[str] = frozenset({"UpToDate"})
    least_tcb: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        if not self.measurements:
            raise InputError(
                "measurements", "none", "name the measurement of the program that may have the key"
            )
        if len(self.report_data) != 64:
            raise InputError(
                "report_data", f"{len(self.report_data)} bytes", "give the 64 bytes of `binding`"
            )


class Claims(msgspec.Struct, frozen=True):
    """What a quote that was accepted says. `measurement` is MRENCLAVE, the TD's measurements or the SNP launch digest, in hex."""

    kind: Kind
    measurement: str
    report_data: bytes
    level: str
    advisories: tuple[str, ...] = ()
    proves: tuple[str, ...] = PROVES
    proves_not: tuple[str, ...] = PROVES_NOT


def binding(job: str, nonce: bytes, public_key: bytes) -> bytes:
    """Return the 64 bytes that a program puts into its quote, so that it is for this job, fresh, and for the holder of this key."""
    if len(nonce) < 16:
        raise InputError("nonce", f"{len(nonce)} bytes", "give at least 16 random bytes that were never used")
    parts = (b"sheaf attestation", job.encode(), nonce, public_key)
    return hashlib.sha512(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


def demand(found: Claims, expected: Expected) -> Claims:
    """Return `found` if it is what was `expected`. Raises IntegrityError naming what differs."""
    if found.measurement not in expected.measurements:
        raise IntegrityError(
            f"attestation: measures {found.measurement[:24]}…, which the policy does not name: run the program that it names"
        )
    if not hmac.compare_digest(found.report_data, expected.report_data):
        raise IntegrityError("attestation: is for another job, nonce or key: quote again with what was asked")
    if found.level not in expected.levels and found.kind != "sev-snp":
        listed = ", ".join(found.advisories) or "none"
        raise IntegrityError(
            f"attestation: the platform is {found.level} (advisories: {listed}): update it, or allow that level"
        )
    return found
