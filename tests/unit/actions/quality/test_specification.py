"""The linter of specifications: traps are named before money is locked, good specifications have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sheaf.actions.quality.catching import catches, committee, misses
from sheaf.actions.quality.specification import Plan, cost_of, lint
from sheaf.cli.main import app
from sheaf.domain.errors import InputError, RecordError
from sheaf.formats.schema import compile  # noqa: A004
from sheaf.verification.traps.schemas import unsatisfiable

DIGIT = {"type": "integer", "minimum": 0, "maximum": 9}


def document(**changes: Any) -> dict[str, Any]:
    return {
        "title": "digits",
        "instructions": "Approve a record when y is right.",
        "licence": "CC0-1.0",
        "label": "y",
        "schema": {
            "type": "object",
            "required": ["x", "y"],
            "properties": {
                "x": {"type": "number"},
                "y": DIGIT,
                "at": {"type": "string", "format": "date-time"},
            },
        },
        **changes,
    }


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "wanted.json"
    path.write_text(json.dumps(document(**changes)))
    return path


def sample(folder: Path, rows: list[tuple[float, int]]) -> Path:
    path = folder / "sample.csv"
    path.write_text("x,y,at\n" + "".join(f"{x},{y},\n" for x, y in rows))
    return path


def places(path: Path, *given: Any) -> list[str]:
    found = lint(path, *given)
    assert found.is_valid and not found.mistakes
    return [trap.field for trap in found.traps]


GOOD = [(i / 7, i % 3) for i in range(60)]


def test_a_good_specification_has_no_traps(tmp_path: Path) -> None:
    """Nothing is said against one whose rules can be kept and whose sample keeps them; what it asks is listed, and what not."""
    found = lint(write(tmp_path), sample(tmp_path, GOOD))
    assert (found.is_valid, found.mistakes, found.traps) == (True, [], [])
    assert [line.partition(":")[0] for line in found.asks] == ["commitment", "duplicates", "schema"]
    assert {line.partition(":")[0] for line in found.does_not_ask} >= {"novelty", "ranges", "series"}


@pytest.mark.parametrize(
    ("rows", "trap"),
    [
        (GOOD[:20], "20 records"),
        ([(x, 4) for x, _ in GOOD], "one label"),
        ([*GOOD, GOOD[0]], "1 copies"),
        ([*GOOD[:-1], (0.5, 77)], "record 59, y"),
        ([*GOOD[:-1], (0.5, 9)], "1 records of the rarest label"),
    ],
)
def test_a_sample_that_teaches_nothing_is_a_trap(
    rows: list[tuple[float, int]], trap: str, tmp_path: Path
) -> None:
    """Too small, of one class, with copies, breaking its own schema, with a label hardly shown."""
    found = lint(write(tmp_path), sample(tmp_path, rows))
    assert trap in "; ".join(f"{one.field}: {one.value}" for one in found.traps)


@pytest.mark.parametrize(
    ("changes", "trap"),
    [
        ({"checks": []}, "checks"),
        ({"checks": [{"name": "duplicates"}, {"name": "novelty"}]}, "checks.novelty"),
        ({"checks": [{"name": "duplicates"}, {"name": "ranges"}]}, "checks.ranges"),
        ({"checks": [{"name": "duplicates"}, {"name": "ranges", "parameters": {"units": {"z": "celsius"}}}]}, "checks.ranges.units"),
        (
            {"checks": [{"name": "duplicates"}, {"name": "ranges", "parameters": {"gap": 5, "units": {"x": "bar"}}}]},
            "checks.ranges.time",
        ),
        ({"checks": [{"name": "duplicates"}, {"name": "series", "parameters": {"time": "when"}}]}, "checks.series.time"),
        ({"label": "at"}, "label"),
        ({"schema": {"type": "object", "required": ["y"], "properties": {"y": {"const": 1, "type": "integer"}}}}, "label"),
    ],
)  # fmt: skip
def test_checks_and_labels_that_do_nothing_are_traps(
    changes: dict[str, Any], trap: str, tmp_path: Path
) -> None:
    """No protection against copies, checks without what they need, unknown fields, labels that may be missing or cannot differ."""
    assert trap in places(write(tmp_path, **changes))


def test_a_series_that_cannot_be_learnt_is_a_trap(tmp_path: Path) -> None:
    """The buyer hears that the check will say nothing on this sample."""
    uses = [{"name": "duplicates"}, {"name": "series", "parameters": {"time": "at"}}, {"name": "novelty"}]
    assert places(write(tmp_path, checks=uses), sample(tmp_path, GOOD)) == ["checks.series"]


def faults(**rules: Any) -> list[str]:
    schema = compile({"type": "object", "properties": {"v": rules}})
    return [error.field.rpartition(".")[2] for error in unsatisfiable(schema)]


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ({"type": "number", "minimum": 1, "exclusiveMaximum": 1}, "exclusiveMinimum"),
        ({"type": "integer", "minimum": 11, "maximum": 19, "multipleOf": 10}, "multipleOf"),
        ({"type": "integer", "enum": [1, 50], "maximum": 10}, "enum"),
        ({"type": "string", "enum": ["a", "bb"], "maxLength": 1}, "enum"),
        ({"type": "string", "enum": ["A"], "pattern": "^[a-z]$"}, "enum"),
        ({"type": "string", "pattern": "a^b"}, "pattern"),
        ({"type": "string", "pattern": "^[a-z]{5}$", "maxLength": 3}, "pattern"),
        ({"type": "string", "pattern": "^[a-z]{2}$", "minLength": 3}, "pattern"),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, "maxItems"),
    ],
)
def test_rules_that_exclude_each_other_are_found(rules: dict[str, Any], fault: str) -> None:
    """What no value can keep, or a listed value cannot, is named by its rule."""
    assert faults(**rules) == [fault]


@pytest.mark.parametrize(
    "rules",
    [
        {"type": "number", "minimum": 1, "maximum": 1},
        {"type": "integer", "minimum": 10, "maximum": 19, "multipleOf": 10},
        {"type": "string", "pattern": "^(sport|weather)-\\d{2,4}[^a]?.*$"},
        {"type": "string", "pattern": "^[A-Z]{2}\\d{6}\\s\\w+(?:x|y)?$", "minLength": 12},
        {"type": "string", "pattern": "^\\p{L}+$"},
        {"type": "string", "pattern": "b$", "minLength": 30},
        {"type": "string", "enum": ["a"], "pattern": "a"},
    ],
)
def test_rules_that_can_be_kept_are_left_alone(rules: dict[str, Any]) -> None:
    """No alarm for bounds that meet, patterns with branches, classes and repeats, or a dialect that only the engine reads."""
    assert faults(**rules) == []


def test_costs_are_those_of_the_escrow() -> None:
    """50 records at 1 with 4 %: 52 are locked; the protocol's fee beside it; bonds and gold are named."""
    unit = 10**6
    cost = cost_of(unit, 50, 400)
    assert (cost.escrow, cost.payment, cost.reviewers_fee) == (52 * unit, 50 * unit, 2 * unit)
    assert cost.protocol_fee == 50 * unit * 250 // 10_000 and cost.gold == 8
    for given in ((-1, 1, 400), (1, 0, 400), (1, 1, 0), (1, 1, 9000)):
        with pytest.raises(InputError):
            cost_of(*given)


def test_mistakes_come_first_and_files_are_read(tmp_path: Path) -> None:
    """A specification that cannot be opened is not looked at for traps; a sample that cannot be read is an error."""
    found = lint(write(tmp_path, licence="none"))
    assert not found.is_valid and [one.field for one in found.mistakes] == ["licence"] and found.traps == []
    with pytest.raises(RecordError):
        lint(write(tmp_path), tmp_path / "absent.csv")


def test_the_command_names_traps_and_cost(tmp_path: Path) -> None:
    """`sheaf specification check` shows traps, questions and cost, and succeeds: a trap is no mistake."""
    path = write(tmp_path, checks=[])
    told = CliRunner().invoke(app, ["specification", "check", str(path), "--price", "100", "--records", "50"])
    assert told.exit_code == 0 and "trap checks: no duplicates" in told.stdout and "5,200" in told.stdout
    answer = CliRunner().invoke(app, ["specification", "check", str(path), "--json"]).stdout
    assert json.loads(answer)["traps"][0]["field"] == "checks" and json.loads(answer)["cost"] is None


def test_what_is_caught_is_said_in_numbers() -> None:
    """By hand: five votes of which four err at .05 each, a bond of 20 % with a fee of 4 %; the law's own false alarms at q = .95."""
    found = {one.against: one for one in catches(500, 10**18, 400, 1500)}
    assert found["a wrong record approved by honest error"].value == pytest.approx(
        5 * 0.05**4 * 0.95 + 0.05**5
    )
    assert found["a contributor who sends garbage"].value == pytest.approx(0.24 / 1.24)
    honest = found["a reviewer who looks and is jailed all the same"].value
    assert 0 < honest <= 0.0001
    jail = found["a reviewer who approves everything, or tosses a coin"].value
    # Wald: at least the bound over the mean step of a coin, whose steps are ln(.5/.95) and ln(.5/.05)
    assert 9.21 / ((2.302585 - 0.641854) / 2) <= jail * 0.15 <= 16
    assert {one.against for one in catches(500, 10**18, 400, 0)} == {*found} - {
        "a reviewer who approves everything, or tosses a coin", "a reviewer who looks and is jailed all the same",
    }  # fmt: skip
    assert (committee(10**21), committee(10**21 * 2), committee(10**24)) == ((5, 4), (7, 5), (11, 8))


def test_what_is_not_caught_names_what_would() -> None:
    """Without gold, sample, label or a check of copies each is named; with all of them the limits of the market remain."""
    bare = " ".join(misses(0, False, False, set()))
    for words in (
        "Give gold",
        "near_duplicates",
        "check duplicates",
        "personal_data",
        "publish a sample",
        "label",
    ):
        assert words in bare
    full = misses(1500, True, True, {"duplicates", "near_duplicates", "personal_data"})
    assert len(full) == 4 and "gold" in full[0]


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"instructions": " "}, "instructions", "none"),
        ({"schema": {"type": "object", "required": ["y"], "properties": {"y": {"type": "string", "enum": ["cat", "Cat "]}}}},
         "schema.y.enum", "Cat"),
        ({"checks": [{"name": "duplicates"}, {"name": "near_duplicates", "parameters": {"kind": "image"}}]},
         "checks.near_duplicates.kind", "image"),
        ({"checks": [{"name": "duplicates"}, {"name": "near_duplicates", "parameters": {"kind": "table", "scales": {"y": 1.0}}}]},
         "checks.near_duplicates.scales", "at, x"),
    ],
)  # fmt: skip
def test_ambiguous_rules_are_traps(changes: dict[str, Any], field: str, value: str, tmp_path: Path) -> None:
    """Nothing that says what is right, labels that read alike, near copies of nothing, numbers whose smallest change escapes."""
    found = lint(write(tmp_path, **changes))
    assert [(one.field, one.value) for one in found.traps if one.field == field] == [(field, value)]


def test_a_sample_that_contradicts_itself_is_a_trap(tmp_path: Path) -> None:
    """One input with two answers: the two records are named."""
    found = lint(write(tmp_path), sample(tmp_path, [*GOOD, (GOOD[3][0], (GOOD[3][1] + 1) % 3)]))
    assert [(one.field, one.value) for one in found.traps] == [("sample", "records 3 and 60")]


def test_a_plan_is_priced_and_bounded(tmp_path: Path) -> None:
    """Gold costs its reviewers' fee alone; more than every second record cannot be gold."""
    found = lint(write(tmp_path), None, Plan(10**18, 100, 400, 2000))
    assert found.cost is not None and (found.cost.gold, found.cost.gold_fee) == (20, 20 * 10**18 * 4 // 100)
    for share in (-1, 5001):
        with pytest.raises(InputError, match="gold"):
            lint(write(tmp_path), None, Plan(1, 1, 400, share))
