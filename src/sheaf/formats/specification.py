"""A request's specification as a document: TOML or JSON for people, canonical JSON (RFC 8785) for the store."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from sheaf.domain.canonical import json_bytes
from sheaf.domain.errors import InputError, SpecificationError
from sheaf.domain.request import Specification
from sheaf.formats.schema import compile  # noqa: A004
from sheaf.formats.text import parse_json

MAX_BYTES = 1 << 20
MAX_TEXT = 1 << 16
CHECK_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
CID = re.compile(r"b[a-z2-7]{50,110}")
FORMAT = "sheaf-request-1"
AT_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$?\.?(?P<path>.*)`)?$", re.DOTALL)


def load(path: Path | str) -> Specification:
    """Read a specification from a `.toml` or `.json` file. Raises SpecificationError naming the place in the document."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecificationError(
            "file", path.name, f"give a file that can be read: {error.strerror}"
        ) from None
    if path.suffix.lower() == ".json":
        return parse(data)
    if path.suffix.lower() == ".toml":
        return _build(_toml(data))
    raise SpecificationError("file", path.name, "give a file named .toml or .json")


def parse(data: bytes) -> Specification:
    """Read a specification from JSON bytes, canonical or not. Raises SpecificationError naming the place in the document."""
    _check_size(data)
    try:
        document = parse_json(data.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError:
        raise SpecificationError("document", "not UTF-8", "save it as UTF-8") from None
    except ValueError as error:
        raise SpecificationError("document", error, "give one JSON object, each member once") from None
    return _build(document)


def dump(specification: Specification) -> bytes:
    """Return the canonical JSON of a specification: the bytes whose CID goes on chain."""
    return json_bytes(msgspec.to_builtins(specification))


def check(specification: Specification) -> Specification:
    """Return `specification` if a market can work by it: schema, label, licence, checks and sample are all in order.

    Raises SpecificationError naming the place in the document.
    """
    if specification.format != FORMAT:
        _refuse("format", specification.format, f"use {FORMAT}")
    if not specification.title.strip() or len(specification.title) > 200:
        _refuse("title", specification.title, "give a title of 1 to 200 characters")
    for name in ("description", "instructions", "terms"):
        if len(getattr(specification, name)) > MAX_TEXT:
            _refuse(name, f"{len(getattr(specification, name))} characters", f"give at most {MAX_TEXT}")
    schema = compile(specification.schema)
    names = [field.name for field in schema.fields]
    if specification.label is not None and specification.label not in names:
        _refuse("label", specification.label, f"name a property of the schema: {', '.join(names)}")
    if (licence := licence_id(specification.licence)) != specification.licence:
        _refuse("licence", specification.licence, f"write it as {licence}")
    _check_checks(specification)
    if specification.sample is not None:
        if not CID.fullmatch(specification.sample.cid):
            _refuse("sample.cid", specification.sample.cid, "give a CIDv1 in base32, such as bafybei…")
        if specification.sample.records < 1:
            _refuse("sample.records", specification.sample.records, "give the number of records, at least 1")
    try:
        dump(specification)
    except InputError as error:
        _refuse("document", error.value, error.fix)
    return specification


def licence_id(text: str) -> str:
    """Return an SPDX licence expression in its canonical spelling. Raises SpecificationError if SPDX does not list it."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        fix = "give an SPDX identifier such as CC-BY-4.0 or CC0-1.0, or LicenseRef-… with its text in terms"
        raise SpecificationError("licence", text or "empty", fix) from None


def _check_checks(specification: Specification) -> None:
    seen = set()
    for place, use in enumerate(specification.checks):
        if not CHECK_NAME.fullmatch(use.name) or len(use.name) > 64:
            _refuse(f"checks[{place}].name", use.name, "give a name of small letters, digits, - and _")
        if not 1 <= use.version < 2**31:
            _refuse(f"checks[{place}].version", use.version, "give a version from 1")
        if use.name in seen:
            _refuse(f"checks[{place}].name", use.name, "name each check once")
        seen.add(use.name)


def _toml(data: bytes) -> dict[str, Any]:
    _check_size(data)
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SpecificationError("document", "not UTF-8", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecificationError("document", error, "give valid TOML (https://toml.io)") from None
    except (RecursionError, ValueError):
        raise SpecificationError("document", "nested too deep", "nest fewer levels") from None


def _check_size(data: bytes) -> None:
    if len(data) > MAX_BYTES:
        raise SpecificationError(
            "document", f"more than {MAX_BYTES} bytes", f"give at most {MAX_BYTES} bytes"
        )


def _build(document: Any) -> Specification:
    if not isinstance(document, dict):
        _refuse("document", document, "give an object with title, schema and licence")
    try:
        # Dates, NaN and the like have no place in the stored form.
        document = msgspec.json.decode(json_bytes(document))
        specification = msgspec.convert(document, Specification)
    except InputError as error:
        _refuse("document", error.value, error.fix)
    except msgspec.ValidationError as error:
        found = AT_PATH.match(str(error))
        path, what = (found["path"], found["what"]) if found else (None, str(error))
        _refuse(path or "document", what, "see docs/formats.md for the fields of a specification")
    return check(msgspec.structs.replace(specification, licence=licence_id(specification.licence)))


def _refuse(place: str, value: object, fix: str) -> NoReturn:
    raise SpecificationError(place, value, fix)
