"""Quotes of Intel's SGX and TDX, by dcap-qvl, with the collateral that is given: certificates, revocation lists, patch levels."""

from __future__ import annotations

import json
from typing import Any

from sheaf.domain.errors import InputError, IntegrityError
from sheaf.privacy.attestation.claims import Claims, Expected, demand
from sheaf.privacy.extras import need

MOST_QUOTE_BYTES = 1 << 16
MOST_COLLATERAL = 1 << 20
SGX_DEBUG = 0x02
TDX_DEBUG = 0x01


def check(quote: bytes, collateral: str, at: int, expected: Expected) -> Claims:
    """Return what an SGX or TDX quote proves at time `at`, seconds since 1970, if it is what was `expected`.

    Raises IntegrityError for a quote that is altered, expired, revoked, of a debug machine, or about something else.
    """
    if not 0 < len(quote) <= MOST_QUOTE_BYTES:
        raise InputError("quote", f"{len(quote)} bytes", f"give a quote of at most {MOST_QUOTE_BYTES} bytes")
    if len(collateral) > MOST_COLLATERAL:
        raise InputError("collateral", f"{len(collateral)} characters", f"give at most {MOST_COLLATERAL}")
    library = need("dcap_qvl")
    try:
        given = library.QuoteCollateralV3.from_json(collateral)
    except (ValueError, TypeError):
        raise InputError("collateral", "malformed", "give the JSON of a collateral, version 3") from None
    try:
        report = json.loads(library.verify(quote, given, at).to_json())
    except (ValueError, OverflowError) as error:
        raise IntegrityError(
            f"attestation: {error}: get a fresh quote and collateral from the provider"
        ) from None
    return demand(_claims(report), expected)


def _claims(report: dict[str, Any]) -> Claims:
    (form, body), *_ = report["report"].items()
    if form == "SgxEnclave":
        if bytes.fromhex(body["attributes"])[0] & SGX_DEBUG:
            raise _debug()
        kind, measurement = "sgx", body["mr_enclave"]
    else:
        body = body.get("base", body)
        if bytes.fromhex(body["td_attributes"])[0] & TDX_DEBUG:
            raise _debug()
        # A machine is its first image and what that measured before it let anyone in: all five registers.
        kind, measurement = (
            "tdx",
            "".join(body[name] for name in ("mr_td", "rt_mr0", "rt_mr1", "rt_mr2", "rt_mr3")),
        )
    advisories = tuple(report["advisory_ids"])
    return Claims(kind, measurement, bytes.fromhex(body["report_data"]), report["status"], advisories)  # type: ignore[arg-type]


def _debug() -> IntegrityError:
    return IntegrityError(
        "attestation: is of a debug machine, whose memory its owner reads: start it without debugging"
    )
