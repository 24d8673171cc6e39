"""A request's specification as a document: TOML or JSON for people, canonical JSON (RFC 8785) for the store."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

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
ACCOUNT = re.compile(r"0x[0-9a-fA-F]{40}")
MAX_GOLD_BPS = 5000
"""At most every second record of a batch may be gold."""
FORMAT = "sheaf-request-1"
SEE = "see docs/formats.md for the fields of a specification"
STAND_IN: dict[str, Any] = {
    "title": "untitled",
    "schema": {"type": "object", "properties": {"field": {"type": "integer"}}},
    "licence": "CC0-1.0",
}
"""Good values for the fields that every specification has, so that the rest of one that lacks them can be checked."""
AT_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$?\.?(?P<path>.*)`)?$", re.DOTALL)


def load(path: Path | str) -> Specification:
    """Read a specification from a `.toml` or `.json` file. Raises SpecificationError naming the place in the document."""
    return _build(_document(Path(path)))


def mistakes(path: Path | str) -> list[SpecificationError]:
    """Return what is wrong with the specification in a file, one mistake for each part of it that has any; none: `load` takes it.

    Where the document itself cannot be read, that is the only one.
    """
    try:
        document = _plain(_document(Path(path)))
    except SpecificationError as error:
        return [error]
    kinds, given, found = get_type_hints(Specification), dict(STAND_IN), []
    for name in document.keys() - kinds.keys():
        found.append(SpecificationError(name, "unknown", f"use {', '.join(kinds)}"))
    for name in STAND_IN.keys() - document.keys():
        found.append(SpecificationError(name, "missing", SEE))
    for name in [name for name in kinds if name in document]:
        try:
            given[name] = msgspec.convert(document[name], kinds[name])
        except msgspec.ValidationError as error:
            found.append(_misfit(error, name))
    broken = {re.split(r"[.[]", error.field)[0] for error in found}
    specification = Specification(**{**given, "licence": _spelt(given["licence"])})
    for names, part in PARTS:
        if not broken & set(names):
            try:
                part(specification)
            except SpecificationError as error:
                found.append(error)
                broken.update(names[:1])
    return sorted(found, key=lambda error: error.field)


def parse(data: bytes) -> Specification:
    """Read a specification from JSON bytes, canonical or not. Raises SpecificationError naming the place in the document."""
    return _build(_json(data))


def dump(specification: Specification) -> bytes:
    """Return the canonical JSON of a specification: the bytes whose CID goes on chain."""
    return json_bytes(msgspec.to_builtins(specification))


def check(specification: Specification) -> Specification:
    """Return `specification` if a market can work by it: schema, label, licence, checks and sample are all in order.

    Raises SpecificationError naming the place in the document.
    """
    for _, part in PARTS:
        part(specification)
    return specification


def _spelt(licence: str) -> str:
    try:
        return licence_id(licence)
    except SpecificationError:
        return licence


def licence_id(text: str) -> str:
    """Return an SPDX licence expression in its canonical spelling. Raises SpecificationError if SPDX does not list it."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        fix = "give an SPDX identifier such as CC-BY-4.0 or CC0-1.0, or LicenseRef-… with its text in terms"
        raise SpecificationError("licence", text or "empty", fix) from None


def _check_title(specification: Specification) -> None:
    if not specification.title.strip() or len(specification.title) > 200:
        _refuse("title", specification.title, "give a title of 1 to 200 characters")


def _check_format(specification: Specification) -> None:
    if specification.format != FORMAT:
        _refuse("format", specification.format, f"use {FORMAT}")


def _check_texts(specification: Specification) -> None:
    for name in ("description", "instructions", "terms"):
        if len(getattr(specification, name)) > MAX_TEXT:
            _refuse(name, f"{len(getattr(specification, name))} characters", f"give at most {MAX_TEXT}")


def _check_schema(specification: Specification) -> None:
    compile(specification.schema)


def _check_label(specification: Specification) -> None:
    names = [field.name for field in compile(specification.schema).fields]
    if specification.label is not None and specification.label not in names:
        _refuse("label", specification.label, f"name a property of the schema: {', '.join(names)}")


def _check_licence(specification: Specification) -> None:
    if (licence := licence_id(specification.licence)) != specification.licence:
        _refuse("licence", specification.licence, f"write it as {licence}")


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


def _check_sample(specification: Specification) -> None:
    if specification.sample is None:
        return
    if not CID.fullmatch(specification.sample.cid):
        _refuse("sample.cid", specification.sample.cid, "give a CIDv1 in base32, such as bafybei…")
    if specification.sample.records < 1:
        _refuse("sample.records", specification.sample.records, "give the number of records, at least 1")


def _check_gold(specification: Specification) -> None:
    gold = specification.gold
    if gold is None:
        return
    if not ACCOUNT.fullmatch(gold.keeper):
        _refuse("gold.keeper", gold.keeper, "give an account, 0x and 40 hexadecimal digits")
    if not CID.fullmatch(gold.stock):
        _refuse("gold.stock", gold.stock, "let `request open --gold` fill it in")
    if not 1 <= gold.share_bps <= MAX_GOLD_BPS:
        _refuse("gold.share_bps", gold.share_bps, f"give 1 to {MAX_GOLD_BPS}, hundredths of a per cent")


def _check_stored_form(specification: Specification) -> None:
    try:
        dump(specification)
    except InputError as error:
        _refuse("document", error.value, error.fix)


PARTS: tuple[tuple[tuple[str, ...], Callable[[Specification], None]], ...] = (
    (("format",), _check_format),
    (("title",), _check_title),
    (("description", "instructions", "terms"), _check_texts),
    (("schema",), _check_schema),
    (("label", "schema"), _check_label),
    (("licence",), _check_licence),
    (("checks",), _check_checks),
    (("sample",), _check_sample),
    (("gold",), _check_gold),
    (("document",), _check_stored_form),
)
"""What is checked of a specification, with the fields that each part is about."""


def _document(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecificationError(
            "file", path.name, f"give a file that can be read: {error.strerror}"
        ) from None
    if path.suffix.lower() == ".json":
        return _json(data)
    if path.suffix.lower() == ".toml":
        return _toml(data)
    raise SpecificationError("file", path.name, "give a file named .toml or .json")


def _json(data: bytes) -> Any:
    _check_size(data)
    try:
        return parse_json(data.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError:
        raise SpecificationError("document", "not UTF-8", "save it as UTF-8") from None
    except ValueError as error:
        raise SpecificationError("document", error, "give one JSON object, each member once") from None


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
    try:
        specification = msgspec.convert(_plain(document), Specification)
    except msgspec.ValidationError as error:
        raise _misfit(error) from None
    return check(msgspec.structs.replace(specification, licence=licence_id(specification.licence)))


def _plain(document: Any) -> dict[str, Any]:
    """Return a document as JSON has it: dates, NaN and the like have no place in the stored form."""
    if not isinstance(document, dict):
        _refuse("document", document, "give an object with title, schema and licence")
    try:
        return dict(msgspec.json.decode(json_bytes(document)))
    except InputError as error:
        _refuse("document", error.value, error.fix)


def _misfit(error: msgspec.ValidationError, name: str = "") -> SpecificationError:
    found = AT_PATH.match(str(error))
    path, what = (found["path"] or "", found["what"]) if found else ("", str(error))
    place = name + (path if path.startswith("[") or not name or not path else f".{path}")
    return SpecificationError(place or "document", what, SEE)


def _refuse(place: str, value: object, fix: str) -> NoReturn:
    raise SpecificationError(place, value, fix)
