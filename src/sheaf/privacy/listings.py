"""Listings that show in parts: a signed document of which the owner opens some fields and some sample records, and others not.

An SD-JWT (RFC 9901), signed with ES256. What is not opened is there as a salted hash: nobody can guess it, and the owner cannot open it
as something else later. A listing may be bound to a buyer's key; then only that buyer can show it to others.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from sheaf.domain.errors import CredentialError, InputError, IntegrityError
from sheaf.privacy.extras import need

TYPE = "dc+sd-jwt"
MOST_BYTES = 1 << 22
MOST_PARTS = 20_000
RESERVED = frozenset({"iss", "iat", "exp", "cnf", "_sd", "_sd_alg", "...", "samples"})

Key = Any
"""A key of elliptic curve P-256, a `jwcrypto.jwk.JWK`."""


def new_key() -> str:
    """Make a private key for listings, as a JSON Web Key. Raises InputError where the extra `disclosure` is missing."""
    return str(need("jwcrypto.jwk").JWK.generate(kty="EC", crv="P-256").export())


def public_key(private: str) -> str:
    """Return the public part of a key. Raises CredentialError if it is none of P-256."""
    return str(_key(private, is_private=True).export_public())


def issue(
    listing: Mapping[str, Any],
    closed: Collection[str],
    key: str,
    period: tuple[int, int],
    holder: str | None = None,
) -> str:
    """Sign a listing whose fields `closed`, and each record of its `samples`, can be opened one by one; all others are open.

    `period` is from when to when it holds, in seconds since 1970; `holder` the public key of the buyer it is bound to.
    Raises InputError for a field that is not there or reserved.
    """
    issuer, common = need("sd_jwt.issuer"), need("sd_jwt.common")
    _check_listing(listing, closed, period)
    claims: dict[Any, Any] = {
        (common.SDObj(name) if name in closed else name): value
        for name, value in listing.items()
        if name != "samples"
    }
    if "samples" in listing:
        claims["samples"] = [common.SDObj(_frozen(sample)) for sample in listing["samples"]]
    signing = _key(key, is_private=True)
    claims |= {"iss": signing.thumbprint(), "iat": period[0], "exp": period[1]}
    bound = None if holder is None else _key(holder, is_private=False)
    made = issuer.SDJWTIssuer(
        claims, signing, bound, sign_alg="ES256", add_decoy_claims=True, extra_header_parameters={"typ": TYPE}
    )
    return str(made.sd_jwt_issuance)


def disclose(
    token: str,
    fields: Collection[str],
    samples: Collection[int] = (),
    binding: tuple[str, str, str] | None = None,
) -> str:
    """Return the listing with only `fields` and the sample records numbered `samples` opened, of what `token` can open.

    `binding` is (holder's private key, audience, nonce): it shows that the holder shows it, to this audience now.
    Raises InputError for what the token cannot open.
    """
    holders = need("sd_jwt.holder")
    held = _held(token, lambda: holders.SDJWTHolder(token))
    opens = {part[1] for part in held._hash_to_decoded_disclosure.values() if len(part) == 3}
    for name in fields:
        if name not in opens:
            raise InputError(
                "fields", name, f"cannot be opened here: open {', '.join(sorted(opens)) or 'nothing'}"
            )
    count = len(held.sd_jwt_payload.get("samples", ()))
    for number in samples:
        if not 0 <= number < count:
            raise InputError(
                "samples", number, f"open records from 0 to {count - 1}" if count else "there are no samples"
            )
    chosen: dict[str, Any] = dict.fromkeys(fields, True)
    if count:
        chosen["samples"] = [number in set(samples) for number in range(count)]
    key, audience, nonce = binding or (None, None, None)
    private = None if key is None else _key(key, is_private=True)
    held.create_presentation(chosen, nonce, audience, private, "ES256" if private else None)
    return str(held.sd_jwt_presentation)


def check(token: str, owner: str, at: int, asked: tuple[str, str] | None = None) -> dict[str, Any]:
    """Return what a listing says, after holding it against the `owner`'s public key at time `at`, seconds since 1970.

    `asked` is the (audience, nonce) that a holder must have answered to. Samples that were not opened are left out.
    Raises IntegrityError for another signer, what was altered or added, what has expired or does not hold yet, or another holder.
    """
    verifiers = need("sd_jwt.verifier")
    key = _key(owner, is_private=False)
    audience, nonce = asked or (None, None)
    checked = _held(token, lambda: verifiers.SDJWTVerifier(token, lambda *_: key, audience, nonce))
    payload = _held(token, checked.get_verified_payload)
    header = json.loads(checked._base64url_decode(token.partition(".")[0]))
    if (header.get("alg"), header.get("typ")) != ("ES256", TYPE) or payload.get("iss") != key.thumbprint():
        raise IntegrityError(
            "listing: is signed as something else, or by somebody else: ask its owner for a listing"
        )
    known = _digests(checked._sd_jwt_payload) | _digests(list(checked._hash_to_decoded_disclosure.values()))
    if not set(checked._hash_to_decoded_disclosure) <= known:
        raise IntegrityError(
            "listing: something is opened that was not signed: ask for the listing as it was given"
        )
    for name, is_good in (("iat", payload.get("iat", at + 1) <= at), ("exp", at < payload.get("exp", at))):
        if not is_good:
            raise IntegrityError(
                f"listing: {name} is {payload.get(name)}, now is {at}: ask its owner for one that holds now"
            )
    return {name: value for name, value in payload.items() if name != "cnf"}


def _held(token: str, read: Any) -> Any:
    """Return what `read` reads of a token. Raises IntegrityError for whatever the library finds wrong with it."""
    if not isinstance(token, str) or len(token) > MOST_BYTES or token.count("~") > MOST_PARTS:
        raise InputError("listing", f"{len(str(token))} characters", f"give a token of at most {MOST_BYTES}")
    try:
        return read()
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise IntegrityError("listing: is no listing, or was altered: ask for it as it was given") from None
    except Exception as error:
        if type(error).__module__.startswith(("jwcrypto", "cryptography", "sd_jwt")):
            raise IntegrityError("listing: its signature does not fit: ask for it as it was given") from None
        raise


def _check_listing(listing: Mapping[str, Any], closed: Collection[str], period: tuple[int, int]) -> None:
    for name in closed:
        if name not in listing or name == "samples":
            raise InputError("closed", name, "name a field of the listing; samples are closed one by one")
    for name in listing:
        if not isinstance(name, str) or (name in RESERVED and name != "samples"):
            raise InputError("listing", name, "is reserved: name the field otherwise")
    samples = listing.get("samples", [])
    if not isinstance(samples, list) or not all(isinstance(sample, dict) for sample in samples):
        raise InputError("samples", type(samples).__name__, "give a list of records")
    if not 0 <= period[0] < period[1] < 2**40:
        raise InputError("period", period, "give (from, to) in seconds since 1970, from before to")


class _Sample(dict[str, Any]):
    """A record as one thing that is opened whole; the library hashes what it hides by identity."""

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)


def _frozen(sample: dict[str, Any]) -> _Sample:
    return _Sample(sample)


def _digests(value: Any) -> set[str]:
    """Return all digests that `value` refers to, at any depth."""
    if isinstance(value, dict):
        own = {text for text in (*value.get("_sd", ()), value.get("...")) if isinstance(text, str)}
        return own.union(*(_digests(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(_digests(inner) for inner in value))
    return set()


def _key(text: str, *, is_private: bool) -> Key:
    try:
        key = need("jwcrypto.jwk").JWK.from_json(text)
        parts = key.export(private_key=False, as_dict=True)
    except InputError:
        raise
    except Exception:
        parts = {}
    if (parts.get("kty"), parts.get("crv")) != ("EC", "P-256") or (is_private and not key.has_private):
        raise CredentialError(
            "key",
            "malformed",
            "give a JSON Web Key of curve P-256" + (", the private one" if is_private else ""),
        )
    return key
