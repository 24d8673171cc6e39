from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sheaf.actions.ask import described_by, spent, with_person
from sheaf.cli.main import app
from sheaf.domain.errors import InputError, Refused, SheafError

pytest.importorskip("opendp")

LIMITS = {"rows_per_person": 1, "least_rows": 0}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("id,age,sex\n" + "".join(f"{n},{n % 90},{'fm'[n % 2]}\n" for n in range(400)))
    return path


def sheaf(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["privacy", *map(str, words)])
    return done.exit_code, done.output


def test_a_question_is_answered_until_the_budget_is_spent(people: Path, tmp_path: Path) -> None:
    """The command answers with the loss, repeats the same question at no cost, and refuses the question that is too much."""
    ledger = tmp_path / "budget.sqlite"
    shared = (
        "--budget",
        0.5,
        "--bounds",
        "age=0:120",
        "--categories",
        "sex=f,m",
        "--ledger",
        ledger,
        "--total",
        0.6,
    )
    asked = (
        "query",
        people,
        "--sql",
        "SELECT count(*) FROM data GROUP BY sex",
        *shared,
        "--person",
        "id",
        "--person-total",
        2,
    )
    code, first = sheaf(*asked, "--json")
    assert code == 0 and sheaf(*asked, "--json") == (0, first)
    found = json.loads(first)
    assert [row[0] for row in found["answer"]["rows"]] == ["f", "m"] and 0.45 < found["epsilon"] <= 0.5
    assert "all answers so far: ε = 0.5" in sheaf(*asked)[1]
    code, refusal = sheaf("query", people, "--sql", "SELECT mean(age) FROM data", *shared)
    assert code == 1 and "ask with less budget" in refusal
    assert "people.csv: 1 answers" in sheaf("spent", ledger, "people.csv")[1]
    assert spent(ledger, "person 7").jobs == 1


@pytest.mark.parametrize(
    ("more", "refusal"),
    [
        ([], "schema: missing: give --schema, or --bounds"),
        (["--bounds", "age=0"], "bounds: age=0: write FIELD=LOW:HIGH"),
        (["--bounds", "age=0:e"], "write FIELD=LOW:HIGH"),
        (["--categories", "sex"], "write FIELD=A,B,C"),
        (["--bounds", "age=0:120", "--total", "1"], "ledger: missing: give --ledger FILE"),
        (["--bounds", "age=0:120", "--ledger", "b.sqlite"], "total: missing"),
        (
            ["--bounds", "age=0:120", "--ledger", "b.sqlite", "--total", "1", "--person-total", "1"],
            "person: missing",
        ),
        (["--bounds", "age=0:120", "--hide", "age"], "age: is hidden"),
        (["--bounds", "age=0:120", "--budget", "0"], "epsilon: 0.0: give a number above 0"),
        (["--bounds", "age=0:120", "--delta", "0.5"], "delta: 0.5"),
        (["--bounds", "height=0:3"], "age: is no column here: ask about height"),
        (["--schema", "people.csv"], "give a JSON Schema"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    people: Path, more: list[str], refusal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every refusal names the option, what was given and what to give."""
    monkeypatch.chdir(people.parent)
    code, said = sheaf("query", people, "--sql", "SELECT mean(age) FROM data", "--budget", "0.5", *more)
    assert code in (1, 2) and refusal in " ".join(said.split())


def test_a_schema_is_one_or_the_other() -> None:
    """A schema document and typed bounds exclude each other; a document that is no schema is refused; whole bounds make integers."""
    with pytest.raises(InputError, match="not both"):
        described_by({"type": "object"}, ["age=0:1"], [])
    with pytest.raises(SheafError, match="schema"):
        described_by({"type": "list"}, [], [])
    made = with_person(described_by(None, ["a=0:3", "b=0.5:1e1"], []), "id", LIMITS, [])
    assert (made.columns["a"].kind, made.columns["b"].kind, made.columns["b"].upper) == (
        "integer",
        "number",
        10.0,
    )
    assert "a" not in with_person(described_by(None, ["a=0:3", "b=0:1"], []), "a", LIMITS, []).columns


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Looking at a ledger makes none; an account that is not open is refused by name."""
    with pytest.raises(InputError, match="give a ledger that exists"):
        spent(tmp_path / "none.sqlite", "dataset")
    assert not (tmp_path / "none.sqlite").exists()
    from sheaf.privacy.ledger import Ledger

    Ledger(tmp_path / "one.sqlite")
    with pytest.raises(Refused, match="account dataset is not open"):
        spent(tmp_path / "one.sqlite", "dataset")
