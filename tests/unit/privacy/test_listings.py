from __future__ import annotations

import base64
import json

import pytest

from sheaf.domain.errors import CredentialError, InputError, IntegrityError, SheafError

pytest.importorskip("sd_jwt")
from sheaf.privacy import listings

OWNER, OTHER, BUYER = listings.new_key(), listings.new_key(), listings.new_key()
LISTING = {
    "title": "Wards",
    "licence": "CC-BY-4.0",
    "records": 569,
    "mean_age": 51.2,
    "samples": [{"age": 30, "sex": "f"}, {"age": 41, "sex": "m"}, {"age": 52, "sex": "f"}],
}
PERIOD = (1_000, 2_000)
TOKEN = listings.issue(LISTING, ["records", "mean_age"], OWNER, PERIOD)
PUBLIC = listings.public_key(OWNER)


def test_the_owner_opens_what_it_likes() -> None:
    """Of a listing only open fields are seen, and those fields and samples that are opened; all of it when all are."""
    bare = listings.check(listings.disclose(TOKEN, []), PUBLIC, 1_500)
    assert bare == {
        "title": "Wards",
        "licence": "CC-BY-4.0",
        "samples": [],
        "iss": bare["iss"],
        "iat": 1_000,
        "exp": 2_000,
    }
    some = listings.check(listings.disclose(TOKEN, ["records"], [1]), PUBLIC, 1_500)
    assert some["records"] == 569 and some["samples"] == [{"age": 41, "sex": "m"}] and "mean_age" not in some
    whole = listings.check(TOKEN, PUBLIC, 1_500)
    assert {name: whole[name] for name in LISTING} == LISTING


def test_what_is_closed_is_not_in_the_token() -> None:
    """A closed value is not found in the presentation in any part of it, and equal values have unequal hashes."""
    shown = listings.disclose(TOKEN, [])
    parts = [part for piece in shown.split("~") for part in piece.split(".") if part]
    decoded = b"".join(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts[:-1])
    for closed in (b'"records"', b'"mean_age"', b"51.2", b'"sex"'):  # none that base64 could write by chance
        assert closed not in decoded
    again = listings.issue(LISTING, ["records", "mean_age"], OWNER, PERIOD)
    assert not set(TOKEN.split("~")[1:-1]) & set(again.split("~")[1:-1])


def _altered(token: str, place: int) -> str:
    return token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]


def test_what_is_altered_expired_or_foreign_is_refused() -> None:
    """Another signer, a changed letter in any part, a foreign disclosure, a time outside the period: each is refused."""
    bodies = [part for part in TOKEN.split("~") if part]
    places = [TOKEN.index(part) + offset for part in bodies for offset in (3, len(part) // 2)]
    for place in places:
        with pytest.raises(IntegrityError, match="listing:"):
            listings.check(_altered(TOKEN, place), PUBLIC, 1_500)
    with pytest.raises(IntegrityError, match="signature does not fit"):
        listings.check(TOKEN, listings.public_key(OTHER), 1_500)
    foreign = listings.issue({"title": "x", "price": 1}, ["price"], OWNER, PERIOD).split("~")[1]
    with pytest.raises(IntegrityError, match="opened that was not signed"):
        listings.check(TOKEN + foreign + "~", PUBLIC, 1_500)
    for at in (999, 2_000):
        with pytest.raises(IntegrityError, match="ask its owner for one that holds now"):
            listings.check(TOKEN, PUBLIC, at)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_does_not_choose_its_own_test(algorithm: str) -> None:
    """A token that asks to be checked in another way, or not at all, is refused."""
    header = (
        base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "dc+sd-jwt"}).encode())
        .decode()
        .strip("=")
    )
    rest = TOKEN.partition(".")[2]
    with pytest.raises(IntegrityError):
        listings.check(f"{header}.{rest}", PUBLIC, 1_500)


def test_a_bound_listing_is_shown_by_its_buyer_alone() -> None:
    """Bound to a buyer's key, a listing convinces only with that key's answer to the audience and nonce that were asked."""
    bound = listings.issue(LISTING, ["records"], OWNER, PERIOD, listings.public_key(BUYER))
    shown = listings.disclose(bound, ["records"], (), (BUYER, "auditor", "n-1"))
    assert listings.check(shown, PUBLIC, 1_500, ("auditor", "n-1"))["records"] == 569
    stolen = listings.disclose(bound, ["records"], (), (OTHER, "auditor", "n-1"))
    for token, asked in (
        (shown, ("auditor", "n-2")),
        (shown, ("court", "n-1")),
        (stolen, ("auditor", "n-1")),
        (bound, ("auditor", "n-1")),
    ):
        with pytest.raises(IntegrityError):
            listings.check(token, PUBLIC, 1_500, asked)


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda: listings.issue(LISTING, ["price"], OWNER, PERIOD), "closed: price: name a field"),
        (lambda: listings.issue(LISTING, ["samples"], OWNER, PERIOD), "samples are closed one by one"),
        (lambda: listings.issue({"iss": 1}, [], OWNER, PERIOD), "listing: iss: is reserved"),
        (lambda: listings.issue({"samples": "x"}, [], OWNER, PERIOD), "samples: str: give a list of records"),
        (lambda: listings.issue(LISTING, [], OWNER, (2, 1)), "period"),
        (lambda: listings.disclose(TOKEN, ["title"]), "fields: title: cannot be opened here: open mean_age, records"),
        (lambda: listings.disclose(TOKEN, [], [3]), "samples: 3: open records from 0 to 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_listed_or_opened_is_refused(make: object, refusal: str) -> None:
    """Every refusal names the field, what was given and what to give."""
    with pytest.raises(InputError, match=refusal):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    "token", ["", "~", "a.b.c~", "x" * (1 << 23), TOKEN.replace("~", "", 1), None, "\ud800.a.b~"]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    """Whatever is no listing is refused in one line, when it is opened and when it is checked."""
    for read in (lambda: listings.check(token, PUBLIC, 1_500), lambda: listings.disclose(token, ["records"])):
        with pytest.raises(SheafError):
            read()


@pytest.mark.parametrize("key", ["", "{}", '{"kty":"oct","k":"AAAA"}', PUBLIC])
def test_what_is_no_key_is_refused(key: str) -> None:
    """A key that cannot sign is refused, and is not repeated in the message."""
    with pytest.raises(CredentialError, match="the private one"):
        listings.issue(LISTING, [], key, PERIOD)
