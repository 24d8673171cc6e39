from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sheaf.cli.main import app

pytest.importorskip("sd_jwt")


def sheaf(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["dataset", *words])
    return done.exit_code, done.output


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("wards.json").write_text(
        json.dumps({"title": "Wards", "mean_age": 51.2, "samples": [{"age": 1}, {"age": 2}]})
    )
    return tmp_path


def test_a_listing_is_signed_opened_in_part_and_checked() -> None:
    """What is closed is seen only where it was opened, and the check shows it; a listing that was altered is refused."""
    code, _ = sheaf(
        "issue", "wards.json", "wards.listing", "--key-file", "listing.key", "--close", "mean_age"
    )
    assert code == 0 and Path("listing.key").stat().st_mode & 0o077 == 0
    assert sheaf("disclose", "wards.listing", "shown.listing", "--sample", "1")[0] == 0
    code, said = sheaf("check", "shown.listing", "--owner", "listing.key.public", "--json")
    found = json.loads(said)
    assert (
        code == 0
        and found["samples"] == [{"age": 2}]
        and found["title"] == "Wards"
        and "mean_age" not in found
    )
    assert (
        sheaf("disclose", "wards.listing", "shown.listing", "--field", "mean_age")[0] == 2
    )  # is there already
    assert sheaf("disclose", "wards.listing", "more.listing", "--field", "mean_age")[0] == 0
    assert '"mean_age": 51.2' in sheaf("check", "more.listing", "--owner", "listing.key.public")[1]
    Path("shown.listing").write_text(Path("shown.listing").read_text().replace("~", "A~", 1))
    assert sheaf("check", "shown.listing", "--owner", "listing.key.public")[0] == 6


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("issue", "wards.json", "w.listing", "--key-file", "k", "--days", "0"), "days: 0: give 1 to 3650"),
        (
            ("issue", "wards.json", "w.listing", "--key-file", "k", "--close", "price"),
            "closed: price: name a field",
        ),
        (("issue", "list.json", "w.listing", "--key-file", "k"), "listing: list.json: give a JSON object"),
        (
            ("issue", "wards.json", "w.listing", "--key-file", "wards.json"),
            "give a JSON Web Key of curve P-256",
        ),
    ],
)
def test_what_cannot_be_listed_is_refused(words: tuple[str, ...], refusal: str) -> None:
    """Every refusal names what was given and what to give; nothing is written."""
    Path("list.json").write_text("[1]")
    code, said = sheaf(*words)
    assert code == 2 and refusal in " ".join(said.split()) and not Path("w.listing").exists()
