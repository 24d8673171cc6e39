"""`sheaf specification`: the template is right, and every mistake is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sheaf.cli.main import app
from sheaf.formats.specification import load, mistakes


def run(*words: object, code: int = 0) -> str:
    found = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "80"})
    assert found.exit_code == code, found.stdout + found.stderr
    return found.stdout or found.stderr


def test_the_template_is_a_specification(tmp_path: Path) -> None:
    """What `new` writes, to a file or to standard output, is taken by `check`; a file that exists is not written over."""
    path = tmp_path / "new.toml"
    run("specification", "new", path)
    told = run("specification", "check", path)
    assert "Labelled sentences" in told and "CC-BY-4.0" in told and "commitment, schema, duplicates" in told
    assert run("specification", "new") == path.read_text()
    assert json.loads(run("specification", "new", "--json"))["specification"] == path.read_text()
    path.write_text("mine")
    assert "it exists" in run("specification", "new", path, code=2) and path.read_text() == "mine"
    assert ".toml" in run("specification", "new", tmp_path / "new.json", code=2)
    assert run("specification", "new", tmp_path / "none" / "new.toml", code=5).startswith("refused file")


def test_every_mistake_is_named(tmp_path: Path) -> None:
    """One look names all that is wrong: unknown, missing and misshapen fields, licence, label, checks and sample."""
    path = tmp_path / "wrong.json"
    path.write_text(
        json.dumps(
            {
                "titel": "x",
                "title": " ",
                "schema": {"type": "object", "properties": {"a": {"type": "integer"}}},
                "label": "b",
                "licence": "free for all",
                "description": 7,
                "checks": [{"name": "schema"}, {"name": "schema"}],
                "sample": {"cid": "x", "records": 1},
            }
        )
    )
    answer = json.loads(run("specification", "check", path, "--json", code=2))
    assert answer["is_valid"] is False and answer["specification"] is None
    fields = [each["field"] for each in answer["mistakes"]]
    assert fields == ["checks[1].name", "description", "label", "licence", "sample.cid", "titel", "title"]
    told = run("specification", "check", path, code=2)
    assert told.count("mistake ") == len(fields)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"schema": {"type": "object"}}, ["schema"]),
        ({"schema": 7, "label": "x"}, ["schema"]),
        ({"licence": None}, ["licence"]),
        ({"checks": [{"name": "X"}]}, ["checks[0].name"]),
        ({"checks": [{"name": "schema", "version": "1"}]}, ["checks[0].version"]),
        ({"format": "sheaf-request-9"}, ["format"]),
        ({"terms": "x" * 70_000}, ["terms"]),
    ],
)
def test_mistakes_and_load_agree(change: dict[str, Any], fields: list[str], tmp_path: Path) -> None:
    """Whatever `mistakes` names, `load` refuses; without mistakes it takes the document."""
    good = {
        "title": "x",
        "licence": "CC0-1.0",
        "schema": {"type": "object", "properties": {"a": {"type": "integer"}}},
    }
    path = tmp_path / "x.json"
    path.write_text(json.dumps(good))
    assert mistakes(path) == [] and load(path).title == "x"
    path.write_text(json.dumps({**good, **change}))
    assert [error.field.partition(":")[0].split(".properties")[0] for error in mistakes(path)] == fields
    with pytest.raises(type(mistakes(path)[0])):
        load(path)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"title": "x", "title": "y"}', b"{" * 5_000])
def test_documents_that_are_none(data: bytes, tmp_path: Path) -> None:
    """What is no document is one mistake, and an unknown check is named by its own."""
    path = tmp_path / "x.json"
    path.write_bytes(data)
    assert len(mistakes(path)) >= 1
    assert run("specification", "check", path, code=2).startswith("mistake ")
    assert run("specification", "check", tmp_path / "none.toml", code=2).startswith("mistake file")


def test_a_check_nobody_knows(tmp_path: Path) -> None:
    """A check that is well named but unknown is a mistake too: nobody could review by it."""
    path = tmp_path / "x.toml"
    run("specification", "new", path)
    path.write_text(path.read_text().replace('name = "commitment"', 'name = "telepathy"'))
    assert "telepathy" in run("specification", "check", path, code=2)
