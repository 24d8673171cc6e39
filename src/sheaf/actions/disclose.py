"""Sign a listing of a dataset, open parts of it, and check what others open."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sheaf.domain.errors import InputError
from sheaf.privacy import listings

MOST_DAYS = 3_650


def issue(document: Path, closed: Sequence[str], key_file: Path, days: int, at: int) -> str:
    """Sign the listing in the JSON file `document`, with `closed` fields and all samples closed, for `days` from `at`.

    `key_file` is made where there is none, and its public part beside it as `.public`. Raises InputError for what cannot be listed.
    """
    if not 1 <= days <= MOST_DAYS:
        raise InputError("days", days, f"give 1 to {MOST_DAYS}")
    listing = _read(document)
    if not key_file.exists():
        with os.fdopen(os.open(key_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(listings.new_key())
    key = key_file.read_text()
    token = listings.issue(listing, closed, key, (at, at + days * 86_400))
    key_file.with_name(key_file.name + ".public").write_text(listings.public_key(key))
    return token


def disclose(token: Path, fields: Sequence[str], samples: Sequence[int]) -> str:
    """Return the listing in file `token` with only `fields` and numbered `samples` opened."""
    return listings.disclose(token.read_text().strip(), fields, samples)


def check(token: Path, owner: Path, at: int) -> dict[str, Any]:
    """Return what the listing in file `token` shows, held against the public key in file `owner`. Raises IntegrityError."""
    return listings.check(token.read_text().strip(), owner.read_text(), at)


def _read(document: Path) -> dict[str, Any]:
    try:
        found = json.loads(document.read_bytes())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError("listing", document, "give a JSON object: title, licence, samples and so on")
    return found
