"""Specifications: documents that a market can work by, and every way in which one can be mistaken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sheaf.domain.errors import SpecificationError
from sheaf.domain.request import CheckUse, Sample, Specification
from sheaf.formats import specification

SCHEMA = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string"}, "label": {"type": "integer"}},
}
DOCUMENT: dict[str, Any] = {
    "title": "Labelled sentences",
    "schema": SCHEMA,
    "licence": "CC-BY-4.0",
    "label": "label",
}
TOML = """
title = "Labelled sentences"
licence = "cc-by-4.0"
label = "label"

[schema]
type = "object"
required = ["text"]
properties.text = {type = "string"}
properties.label = {type = "integer"}

[[checks]]
name = "schema"
version = 1
"""
CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"


def encoded(**changes: Any) -> bytes:
    return json.dumps(
        {name: value for name, value in (DOCUMENT | changes).items() if value is not ...}
    ).encode()


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    """A specification reads alike from TOML and JSON, with the licence in SPDX's own spelling."""
    (tmp_path / "a.toml").write_text("\ufeff" + TOML)
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + encoded(checks=[{"name": "schema"}]))
    one, other = specification.load(tmp_path / "a.toml"), specification.load(str(tmp_path / "a.json"))
    assert one == other
    assert one.licence == "CC-BY-4.0"
    assert one.checks == (CheckUse("schema"),)


def test_the_stored_form_is_canonical() -> None:
    """What is dumped reads back as the same specification and gives the same bytes, whatever the order of the document."""
    one = specification.parse(encoded(sample={"cid": CID, "records": 3}))
    shuffled = json.dumps(
        dict(reversed(json.loads(encoded(sample={"records": 3, "cid": CID})).items()))
    ).encode()
    assert specification.dump(one) == specification.dump(specification.parse(shuffled))
    assert specification.parse(specification.dump(one)) == one
    assert [use.name for use in one.checks] == ["commitment", "schema", "duplicates"]


def test_licences_are_those_of_spdx() -> None:
    """Identifiers and expressions of SPDX are taken in their canonical spelling, private ones as LicenseRef."""
    for text, canonical in (
        ("mit", "MIT"), ("cc0-1.0", "CC0-1.0"), ("ODC-By-1.0", "ODC-By-1.0"), ("CDLA-Permissive-2.0", "CDLA-Permissive-2.0"),
        ("mit or apache-2.0", "MIT OR Apache-2.0"), ("LicenseRef-mine", "LicenseRef-mine"),
    ):  # fmt: skip
        assert specification.licence_id(text) == canonical


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"title": ...}, "document", "missing required field `title`"),
        ({"title": 7}, "title", "Expected `str`"),
        ({"title": " "}, "title", ""),
        ({"title": "x" * 201}, "title", ""),
        ({"terms": "x" * 70_000}, "terms", "70000"),
        ({"more": 1}, "document", "unknown field `more`"),
        ({"format": "sheaf-request-2"}, "format", "sheaf-request-2"),
        ({"licence": "CC-BY"}, "licence", "CC-BY"),
        ({"licence": ""}, "licence", "empty"),
        ({"licence": "free for all"}, "licence", "free for all"),
        ({"label": "lable"}, "label", "lable"),
        ({"schema": {"type": "object"}}, "schema.properties", ""),
        ({"schema": {"type": "object", "properties": {"x": {"type": "string", "minimum": 1}}}},
         "schema.properties.x.minimum", "1"),
        ({"checks": [{"name": "schema", "version": "1"}]}, "checks[0].version", "Expected `int`"),
        ({"checks": [{"nane": "schema"}]}, "checks[0]", ""),
        ({"checks": [{"name": "Schema!"}]}, "checks[0].name", "Schema!"),
        ({"checks": [{"name": "schema", "version": 0}]}, "checks[0].version", "0"),
        ({"checks": [{"name": "a"}, {"name": "a", "version": 2}]}, "checks[1].name", "a"),
        ({"checks": [{"name": "a", "parameters": {"k": 2**60}}]}, "document", str(2**60)),
        ({"sample": {"cid": "Qm123", "records": 3}}, "sample.cid", "Qm123"),
        ({"sample": {"cid": CID, "records": 0}}, "sample.records", "0"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_its_place(changes: dict[str, Any], place: str, words: str) -> None:
    """A mistaken document is refused in one line that names the place, what is there, and what to write."""
    with pytest.raises(SpecificationError) as refusal:
        specification.parse(encoded(**changes))
    assert refusal.value.field == place
    assert words in refusal.value.value
    assert refusal.value.fix
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Expecting value"), (b"[]", "object"), (b"{", "Expecting"), (b'{"title": "a", "title": "b"}', "twice"),
        (b'{"title": NaN}', "NaN"), (b"\xff\xfe{\0}\0", "UTF-8"), (b" " * (1 << 20) + b"{}", "bytes"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested"), (b'{"title": "\\ud800"}', "Unicode"), (b"null", "object"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(data: bytes, words: str) -> None:
    """Broken, doubled, oversized, foreign and bottomless JSON is refused in one line."""
    with pytest.raises(SpecificationError) as refusal:
        specification.parse(data)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.toml", "title = ", "TOML"), ("a.toml", "title = 1979-05-27", "document"), ("a.toml", "x = nan", "finite"),
        ("a.toml", "a = 1\na = 2", "TOML"), ("a.yaml", "title: x", ".toml or .json"), ("a.toml", "x = " + "[" * 5000, ""),
        ("a.toml", "#" * (1 << 20) + "##", "bytes"),
    ],
)  # fmt: skip
def test_broken_toml_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    """TOML that is broken, doubled, not JSON at heart, or of another name is refused in one line."""
    (tmp_path / name).write_text(text)
    with pytest.raises(SpecificationError) as refusal:
        specification.load(tmp_path / name)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """A missing file, a folder, and bytes that are no text are refused by name."""
    (tmp_path / "latin.toml").write_bytes("title = 'Grüße'".encode("latin-1"))
    (tmp_path / "folder.toml").mkdir()
    for name in ("none.toml", "folder.toml", "latin.toml"):
        with pytest.raises(SpecificationError):
            specification.load(tmp_path / name)


def test_a_specification_made_in_python_is_checked_alike() -> None:
    """`check` takes a struct in canonical spelling and refuses one that a document could not be."""
    good = Specification(title="t", schema=SCHEMA, licence="MIT")
    assert specification.check(good) is good
    for bad in (
        msgspec.structs.replace(good, licence="mit"), msgspec.structs.replace(good, label="none"),
        msgspec.structs.replace(good, sample=Sample(CID, -1)), msgspec.structs.replace(good, title="\ud800"),  # type: ignore[arg-type]
        msgspec.structs.replace(good, checks=(CheckUse("a", parameters={"x": float("nan")}),)),
    ):  # fmt: skip
        with pytest.raises(SpecificationError):
            specification.check(bad)
