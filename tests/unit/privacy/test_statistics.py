from __future__ import annotations

import math
import sqlite3
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.domain.errors import InputError, Refused
from sheaf.formats import schema as schemas
from sheaf.privacy.accountant import Budget
from sheaf.privacy.ledger import Ledger
from sheaf.privacy.statistics import answer as answering
from sheaf.privacy.statistics import mechanisms
from sheaf.privacy.statistics.answer import Charge, ask, run
from sheaf.privacy.statistics.columns import Population, population
from sheaf.privacy.statistics.plan import Part, Plan, plan

pytest.importorskip("opendp")

SCHEMA = schemas.compile(
    {
        "type": "object",
        "properties": {
            "person": {"type": "string"},
            "age": {"type": ["integer", "null"], "minimum": 0, "maximum": 120},
            "pay": {"type": ["number", "null"], "minimum": -10.0, "maximum": 90.0},
            "sex": {"type": ["string", "null"], "enum": ["f", "m"]},
            "smokes": {"type": ["boolean", "null"]},
        },
        "required": ["person"],
    }
)
LARGE = {"epsilon": 100.0, "delta": 1e-3}
"""So much budget that a count alone comes out exact; what shares it with others has noise: see the errors of an answer."""


def rows(count: int, seed: int = 0, people: int | None = None) -> pl.DataFrame:
    """Make records of people with nulls among their values."""
    rng = np.random.default_rng(seed)
    gaps = rng.random((4, count)) < 0.1
    return pl.DataFrame(
        {
            "person": [f"p{number}" for number in rng.integers(0, people or 10**9, count)],
            "age": [None if gap else int(v) for gap, v in zip(gaps[0], rng.integers(0, 121, count), strict=True)],
            "pay": [None if gap else float(v) for gap, v in zip(gaps[1], rng.normal(40, 40, count), strict=True)],
            "sex": [None if gap else str(v) for gap, v in zip(gaps[2], rng.choice(["f", "m", "x"], count), strict=True)],
            "smokes": [None if gap else bool(v) for gap, v in zip(gaps[3], rng.integers(0, 2, count), strict=True)],
        }
    )  # fmt: skip


def described(rows_per_person: int = 1, **more: int) -> Population:
    return population(SCHEMA, "person" if rows_per_person > 1 else None, rows_per_person, **more)


@pytest.mark.parametrize(
    "where",
    ["", "WHERE age < 50", "WHERE NOT age < 50", "WHERE age BETWEEN 20 AND 60 OR sex = 'f'", "WHERE sex <> 'f'",
     "WHERE sex NOT IN ('f', 'm')", "WHERE age IS NULL", "WHERE sex IS NOT NULL AND NOT (age >= 30 AND age <= 40)",
     "WHERE smokes = TRUE", "WHERE pay > 12.5 AND age != 33", "WHERE age > 40.5", "WHERE age IN (1, 2, 3.0, 44)"],
)  # fmt: skip
def test_counts_are_what_sqlite_counts(where: str) -> None:
    """With hardly any noise the count is that of SQLite, nulls and three-valued logic included."""
    frame = rows(400)
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE data (person, age, pay, sex, smokes)")
        database.executemany("INSERT INTO data VALUES (?, ?, ?, ?, ?)", frame.iter_rows())
        sql = f"SELECT count(*), count(age) FROM data {where}"
        expected = list(database.execute(sql).fetchone())
    found = run(plan(sql, population(SCHEMA), **LARGE), frame)
    assert found.rows == [expected] and found.columns == ["count(*)", "count(age)"]


def test_groups_sums_means_and_histograms_are_what_polars_says() -> None:
    """With hardly any noise every group's count, sum, mean, median and histogram are those of the clipped values."""
    frame = rows(3000, seed=1)
    sql = (
        "SELECT sex, smokes, count(*), sum(age), mean(pay) AS mean, median(age), histogram(age, 6) "
        "FROM data GROUP BY sex, smokes"
    )
    found = run(plan(sql, population(SCHEMA), **LARGE), frame)
    assert [row[:2] for row in found.rows] == [["f", False], ["f", True], ["m", False], ["m", True]]
    for sex, smokes, count, total, mean, median, histogram in found.rows:
        cell = frame.filter((pl.col("sex") == sex) & (pl.col("smokes") == smokes))
        ages = cell["age"].drop_nulls()
        # Six standard deviations of the noise, and one more or less in counts.
        assert abs(count - cell.height) <= 1 and total == pytest.approx(ages.sum(), abs=160)
        assert mean == pytest.approx(cell["pay"].drop_nulls().clip(-10, 90).mean(), abs=0.2)
        assert abs((ages <= median).mean() - 0.5) < 0.1
        counted = np.histogram(ages.to_numpy(), bins=found.edges["histogram(age, 6)"])[0]
        assert np.abs(np.array(histogram) - counted).max() <= 1


def test_an_answer_costs_what_its_plan_said() -> None:
    """The loss is known before data are read, is that of the answer, and never more than was asked for by itself."""
    made = plan("SELECT count(*), mean(pay), quantile(age, 0.9) FROM data", population(SCHEMA), 0.5, 1e-6)
    found = run(made, rows(50))
    assert found.loss == made.loss
    assert 0.45 < made.loss.epsilon(1e-6) <= 0.5
    assert len(made.parts) == 4 and made.cost(made.parts[0]).rho == pytest.approx(made.rho)


def _exact(made: Plan, frame: pl.DataFrame) -> dict[Part, np.ndarray]:
    chosen = answering._chosen(made, answering.conform(frame, made.population), None)
    adders = {"histogram": answering._histogram}
    return {part: adders.get(part.kind, answering._sums)(made, part, chosen) for part in made.parts}


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 3),
    st.sampled_from(["", "WHERE age < 70", "WHERE sex = 'f' OR pay < 20"]),
)
def test_no_person_moves_an_answer_by_more_than_is_paid_for(seed: int, limit: int, where: str) -> None:
    """Whoever is taken out, with all their records, the exact numbers under the noise move by no more than the sensitivity."""
    frame = rows(40, seed, people=9)
    sql = (
        f"SELECT sum(age), mean(pay), count(*), count(age), histogram(age, 5) FROM data {where} GROUP BY sex"
    )
    made = plan(sql, population(SCHEMA, "person", limit), 1.0, 1e-6)
    whole = _exact(made, frame)
    for person in frame["person"].unique():
        without = _exact(made, frame.filter(pl.col("person") != person))
        for part in made.parts:
            moved = float(np.linalg.norm((whole[part] - without[part]).astype(float)))
            assert moved <= made.sensitivity(part) + 1e-9


def test_records_beyond_the_limit_do_not_count() -> None:
    """A person with a thousand records counts as many as one person may."""
    frame = pl.DataFrame(
        {"person": ["p"] * 1000 + ["q", None], "age": [120] * 1002, "pay": 1.0, "sex": "f", "smokes": True}
    )
    made = plan("SELECT count(*) FROM data", population(SCHEMA, "person", 3), 1.0, 1e-6)
    assert _exact(made, frame)[Part("count")].tolist() == [4]


def test_noise_has_the_deviation_it_says() -> None:
    """The noise of four thousand counts has the stated deviation within its own error, and no drift."""
    noise, loss, deviation = mechanisms.noisy(np.zeros(4000, np.int64), 3, 0.02)
    assert loss.rho == pytest.approx(0.02, rel=1e-6) and loss.rho <= 0.02
    assert deviation == pytest.approx(3 / math.sqrt(0.04))
    assert noise.std() == pytest.approx(deviation, rel=0.06) and abs(noise.mean()) < 5 * deviation / 63


def test_quantiles_are_near_and_within_bounds() -> None:
    """Quantiles of many values are close to the exact ones; of none they are any value within the bounds."""
    values = np.random.default_rng(0).integers(0, 100, 20_000).astype(float)
    options = mechanisms.candidates(0, 120, True)
    found, loss = mechanisms.quantile(values, options, 0.9, 1, 0.05)
    assert abs(found - 90) <= 2 and loss.rho <= 0.05
    assert mechanisms.quantile(np.array([]), options, 0.5, 1, 0.05)[0] in options
    assert mechanisms.candidates(0.0, 1.0, False)[::999] == (0.0, 1.0)


def test_strange_values_break_nothing() -> None:
    """Infinities, NaN, texts among numbers and numbers out of bounds neither fail nor weigh more than a bound."""
    frame = pl.DataFrame(
        {"person": ["a", "b", "c", "d"], "age": ["17", "old", "100000", None], "pay": [math.inf, -math.inf, math.nan, 1e300],
         "sex": ["f", "f", "", "f"], "smokes": [None, None, True, False]}
    )  # fmt: skip
    found = run(
        plan("SELECT count(*), sum(pay), count(pay), sum(age) FROM data", population(SCHEMA), **LARGE), frame
    )
    assert abs(found.rows[0][0] - 4) <= 1 and abs(found.rows[0][2] - 3) <= 1
    assert found.rows[0][1] == pytest.approx(90 - 10 + 90, abs=120)
    assert found.rows[0][3] == pytest.approx(17 + 120, abs=150)
    assert answering.conform(frame, population(SCHEMA))["age"].to_list() == [17, None, 100000, None]


def test_small_groups_are_not_shown() -> None:
    """Where the owner sets a least number, groups that seem smaller are answered with nothing."""
    frame = rows(100).with_columns(sex=pl.Series(["f"] * 97 + ["m"] * 3))
    found = run(plan("SELECT sum(age) FROM data GROUP BY sex", described(least_rows=20), **LARGE), frame)
    assert [row[1] is None for row in found.rows] == [False, True]


def test_one_value_is_read_as_one() -> None:
    """A question for one number has one value; a question for more says so."""
    found = run(plan("SELECT count(*) FROM data", population(SCHEMA), **LARGE), rows(7))
    assert found.value == 7
    with pytest.raises(InputError, match="read rows"):
        _ = run(plan("SELECT count(*) FROM data GROUP BY sex", population(SCHEMA), **LARGE), rows(7)).value


def test_hidden_fields_and_people_cannot_be_asked_about() -> None:
    """What the policy hides, and the field that tells people apart, are refused by name; so is a field that is not there."""
    hidden = population(SCHEMA, "person", hidden=["pay"])
    for name, reason in (("pay", "hidden"), ("person", "tells people apart")):
        with pytest.raises(InputError, match=reason):
            plan(f"SELECT count({name}) FROM data", hidden, 1.0, 1e-6)
    with pytest.raises(InputError, match="hidden: nobody: name a field"):
        population(SCHEMA, hidden=["nobody"])
    with pytest.raises(InputError, match="data: smokes: is no column of the data"):
        run(plan("SELECT count(*) FROM data", population(SCHEMA), **LARGE), rows(3).drop("smokes"))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    opened = Ledger(tmp_path / "budget.sqlite")
    opened.open_accounts(["dataset"], Budget(1.0, 1e-6))
    return opened


def test_the_same_job_has_the_same_answer(ledger: Ledger) -> None:
    """A job that is asked again reads no data, spends nothing and returns the same bytes: averaging gains nothing."""
    made = plan("SELECT count(*) FROM data", population(SCHEMA), 0.3, 1e-6)
    reads = []

    def read() -> pl.DataFrame:
        reads.append(1)
        return rows(1000)

    first = ask(ledger, "job", Charge("dataset", "buyer"), made, read)
    spent = ledger.balance("dataset").spent_nanonats
    assert all(ask(ledger, "job", Charge("dataset", "buyer"), made, read) == first for _ in range(5))
    assert len(reads) == 1 and ledger.balance("dataset").spent_nanonats == spent > 0
    with pytest.raises(InputError, match="another question"):
        ask(
            ledger,
            "job",
            Charge("dataset"),
            plan("SELECT count(age) FROM data", population(SCHEMA), 0.3, 1e-6),
            read,
        )


def test_colluding_buyers_are_stopped_at_the_budget(ledger: Ledger) -> None:
    """However many buyers ask, nothing is read once the budget is spent, and all they got together is worth at most its ε."""
    made = plan("SELECT count(*) FROM data WHERE age > 30", population(SCHEMA), 0.3, 1e-6)
    granted = 0
    with pytest.raises(Refused, match="ask with less budget"):
        for number in range(1000):
            ask(ledger, f"job {number}", Charge("dataset", f"buyer {number % 7}"), made, lambda: rows(50))
            granted += 1
    total = sum((made.loss for _ in range(granted)), type(made.loss)())
    assert total.epsilon(1e-6) <= 1.0 < (total + made.loss).epsilon(1e-6)


def test_contributors_who_used_up_their_budget_are_not_counted(ledger: Ledger) -> None:
    """Each contributor has a budget of its own; once it is spent the answers are about the others."""
    limited = Population(population(SCHEMA, "person").columns, "person", 1)
    ledger.open_accounts(["rich"], Budget(100.0, 1e-3))
    ledger.open_accounts([f"person {n}" for n in range(20)], Budget(100.0, 1e-3))
    ledger.close_account("person 3")
    frame = pl.DataFrame(
        {"person": [f"{n}" for n in range(25)], "age": 1, "pay": 1.0, "sex": "f", "smokes": True}
    )
    accounts = {f"{n}": f"person {n}" for n in range(20)}
    made = plan("SELECT count(*) FROM data", limited, 99.0, 1e-3)
    assert ask(ledger, "job", Charge("rich", "buyer", accounts), made, lambda: frame).value == 19
    with pytest.raises(InputError, match="name the field that tells people apart"):
        ask(
            ledger,
            "x",
            Charge("rich", "", accounts),
            plan("SELECT count(*) FROM data", population(SCHEMA), 1, 1e-6),
            lambda: frame,
        )
