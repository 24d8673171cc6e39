"""Policies explained, twins written and programs tried, by the verbs that people use."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sheaf import bootstrap
from sheaf.cli.main import app
from sheaf.domain.errors import InputError

POLICY = """
release = "approved-code"
purposes = ["research"]
minimum_rows = 10
expires = 2090-01-01
algorithms = ["{approved}"]
fields = {{ x = "disclosed", age = {{ show = "generalised", step = 10 }} }}
[output.mean]
kind = "number"
minimum = 0
maximum = 100
step = 0.5
[limits]
wall_seconds = 60
memory_mib = 4096
"""
PROGRAM = """
import pyarrow.parquet as pq
def compute(folder, parameters):
    table = pq.read_table(folder + "/data.parquet")
    print("columns", table.column_names)
    return {"mean": sum(table["x"].to_pylist()) / table.num_rows + parameters.get("more", 0)}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    table = pa.table(
        {
            "x": [float(i) for i in range(20)],
            "age": list(range(20, 40)),
            "name": [f"person {i}" for i in range(20)],
        }
    )
    pq.write_table(table, tmp_path / "data.parquet")
    (tmp_path / "policy.toml").write_text(POLICY.format(approved="ab" * 32))
    (tmp_path / "train.py").write_text(PROGRAM)
    return tmp_path


def ask(place: Path, *words: object) -> tuple[int, Any]:
    """Run `sheaf compute` and return its exit code and its answer."""
    given = [
        str(place / word) if isinstance(word, str) and (place / word).is_file() else str(word)
        for word in words
    ]
    done = CliRunner().invoke(app, ["compute", *given, "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_policy_is_explained(place: Path) -> None:
    """The answer has the bits and what is shown; with data, their number of records is known."""
    code, found = ask(place, "explain", "policy.toml", "--data", "data.parquet")
    assert code == 0
    assert found["bits"]["output"] == pytest.approx(7.651, abs=1e-3)
    assert found["shown"] == ["x", "age"]
    text = CliRunner().invoke(app, ["compute", "explain", str(place / "policy.toml")]).stdout
    assert "one answer carries at most 8.7 bits" in text


def test_policy_that_does_not_fit_is_refused(place: Path) -> None:
    """A policy that names a field which the data have not is refused with its place."""
    (place / "policy.toml").write_text(POLICY.format(approved="ab" * 32).replace("x =", "height ="))
    code, found = ask(place, "explain", "policy.toml", "--data", "data.parquet")
    assert code == 2
    assert "fields.height" in json.dumps(found)


def test_twin_is_written_once(place: Path) -> None:
    """The twin has the columns of a job and the number of records asked for; a file that is there is not overwritten."""
    command = ("twin", "data.parquet", str(place / "twin.parquet"), "--policy", "policy.toml", "--rows", 15)
    code, found = ask(place, *command)
    assert (code, found["records"], found["fields"]) == (0, 15, {"x": "double", "age": "int64"})
    assert pq.read_table(place / "twin.parquet").column_names == ["x", "age"]
    assert ask(place, *command)[0] == 2


@pytest.mark.usefixtures("bubblewrap")
@pytest.mark.parametrize("more", [[], ["--unconfined"]])
def test_program_is_tried(place: Path, more: list[str]) -> None:
    """A program sees what the policy shows, its output is put into form, its log is shown apart, and the receipt names it."""
    code, found = ask(
        place,
        "try",
        "train.py",
        "data.parquet",
        "--policy",
        "policy.toml",
        "--parameters",
        '{"more": 0.2}',
        *more,
    )
    assert code == 0
    assert (found["ending"], found["output"], found["is_failed"]) == ("finished", '{"mean":9.5}', False)
    assert "columns ['x', 'age']" in found["log"]
    receipt = found["receipt"]
    assert receipt["algorithm"] == hashlib.sha256(PROGRAM.encode()).hexdigest()
    assert receipt["output"] == hashlib.sha256(b'{"mean":9.5}').hexdigest()


@pytest.mark.parametrize("is_listed", [True, False])
def test_who_tries_learns_whether_the_owner_approved(place: Path, is_listed: bool) -> None:
    """At home a program runs before it is approved; that a provider would not run it yet is said."""
    digest = hashlib.sha256(PROGRAM.encode()).hexdigest() if is_listed else "ab" * 32
    (place / "policy.toml").write_text(POLICY.format(approved=digest))
    words = ("try", "train.py", "data.parquet", "--policy", "policy.toml", "--unconfined")
    assert ask(place, *words)[1]["is_approved"] is is_listed
    told = CliRunner().invoke(
        app, ["compute", *(str(place / word) if (place / word).is_file() else word for word in words)]
    )
    assert ("not approved" in told.stdout) is not is_listed


def test_output_of_another_form_is_kept_back(place: Path) -> None:
    """What does not keep the form would not leave; at home one is told why."""
    (place / "train.py").write_text("def compute(f, p): return {'mean': 1, 'names': ['person 1']}")
    code, found = ask(place, "try", "train.py", "data.parquet", "--policy", "policy.toml", "--unconfined")
    assert (code, found["output"], found["is_failed"]) == (0, '{"failed":true}', True)
    assert "not of the fixed form" in found["kept_back"]


@pytest.mark.parametrize(
    ("more", "code", "reason"),
    [
        (["--purpose", "marketing"], 1, "purpose 'marketing' is not allowed"),
        (["--parameters", "{"], 2, "parameters"),
    ],
)
def test_what_the_policy_forbids_is_refused(place: Path, more: list[str], code: int, reason: str) -> None:
    """A purpose that is not listed, and parameters that are no JSON, are refused before anything runs."""
    found = ask(place, "try", "train.py", "data.parquet", "--policy", "policy.toml", "--unconfined", *more)
    assert found[0] == code
    assert reason in json.dumps(found[1])


def test_no_program_runs_under_statistics(place: Path) -> None:
    """Under a class in which only our mechanisms run there is nothing to try."""
    (place / "policy.toml").write_text(
        'release = "statistics"\npurposes = ["research"]\nmethods = ["count"]\nbudget = { epsilon = 1 }\nfields = { x = "disclosed" }'
    )
    code, found = ask(place, "try", "train.py", "data.parquet", "--policy", "policy.toml")
    assert code == 2
    assert "nothing to rehearse" in json.dumps(found)


@pytest.mark.usefixtures("bubblewrap")
def test_machine_is_checked(place: Path) -> None:
    """The self-test can be run by itself."""
    code, found = ask(place, "check")
    assert (code, found["sandbox"]) == (0, "bubblewrap")


@pytest.mark.usefixtures("gvisor")
def test_harder_tier_is_checked_and_tried(place: Path) -> None:
    """The second tier is asked for by its name; a receipt tells it from the first."""
    code, found = ask(place, "check", "--tier", "gvisor")
    assert (code, found["sandbox"]) == (0, "gvisor")
    (place / "train.py").write_text("def compute(folder, parameters): return {'mean': 1}")
    words = ("try", "train.py", "data.parquet", "--policy", "policy.toml")
    tried = ask(place, *words, "--tier", "gvisor")[1]
    assert (tried["ending"], tried["receipt"]["environment"]) == ("finished", found["environment"])
    assert ask(place, *words, "--unconfined")[1]["receipt"]["environment"] != found["environment"]


def test_unknown_tier_is_refused(place: Path) -> None:
    """A sandbox that there is not is refused with the ones that there are."""
    assert ask(place, "check", "--tier", "docker")[0] == 2
    with pytest.raises(InputError, match=r"^tier: docker: give one of bubblewrap, gvisor$"):
        bootstrap.sandbox("docker")
