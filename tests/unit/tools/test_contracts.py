"""Artifacts are what the sources compile to, and the tool says so when they are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import contracts

SOURCE = """# SPDX-License-Identifier: AGPL-3.0-only
# pragma version ==0.4.3
word: public(uint256)

@external
def put(word: uint256):
    self.word = word
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(contracts, "ROOT", tmp_path)
    monkeypatch.setattr(contracts, "CONTRACTS", tmp_path / "contracts")
    monkeypatch.setattr(contracts, "SNAPSHOT", tmp_path / "bytecode.json")
    monkeypatch.setattr(contracts, "CACHE", tmp_path / "compiled.json")
    (tmp_path / "contracts" / "room").mkdir(parents=True)
    (tmp_path / "contracts" / "room" / "Word.vy").write_text(SOURCE)
    return tmp_path


def test_artifacts_follow_their_sources(folder: Path) -> None:
    """After writing nothing differs; after a change of the source the artifact and the sizes differ; a comment is no change."""
    assert contracts.faults()
    contracts.write()
    assert contracts.faults() == []
    source = folder / "contracts" / "room" / "Word.vy"
    source.write_text(SOURCE + "# a comment\n")
    assert contracts.faults() == []
    source.write_text(SOURCE.replace("= word", "= word + 1"))
    assert any("Word.json: not what" in fault for fault in contracts.faults())


def test_artifact_without_its_contract_is_told(folder: Path) -> None:
    """An artifact that outlived its contract is a fault, and writing removes it."""
    contracts.write()
    orphan = folder / "contracts" / "room" / "artifacts" / "Gone.json"
    orphan.write_text("{}")
    assert any("Gone.json: its contract is gone" in fault for fault in contracts.faults())
    contracts.write()
    assert not orphan.exists()


def test_size_limit_is_held(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A contract over the limit of deployed code is a fault even where its artifact is right."""
    contracts.write()
    size = json.loads(contracts.SNAPSHOT.read_text())["Word"]
    monkeypatch.setattr(contracts, "SIZE_LIMIT", size - 1)
    assert contracts.faults() == [f"Word.vy: {size} bytes deployed, the limit is {size - 1}"]


def test_source_that_does_not_compile_is_told(folder: Path) -> None:
    """The compiler's words come out, and no artifact is touched."""
    (folder / "contracts" / "room" / "Word.vy").write_text(
        SOURCE + "@external\ndef bad():\n    self.nowhere = 1\n"
    )
    with pytest.raises(contracts.CompilationFailed, match="nowhere"):
        contracts.write()
    assert not list(folder.rglob("artifacts"))
