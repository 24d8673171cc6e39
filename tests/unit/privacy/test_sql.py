from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import InputError
from sheaf.privacy.statistics.columns import Column, Population
from sheaf.privacy.statistics.plan import plan
from sheaf.privacy.statistics.sql import Compare, Item, Join, parse

PEOPLE = Population(
    {
        "age": Column("age", "integer", 0, 120),
        "pay": Column("pay", "number"),
        "sex": Column("sex", "text", categories=("f", "m")),
        "town": Column("town", "text"),
        "smokes": Column("smokes", "boolean", categories=(False, True)),
    },
    refused={"name": "is hidden by the owner's policy: ask about another field"},
)


def test_a_query_is_read_whole() -> None:
    """Functions, names, conditions by their precedence and groups are read as written."""
    found = parse(
        "SELECT sex, count(*), avg(age) AS a, median(age), quantile(age, .9), histogram(age, 12) FROM data "
        "WHERE NOT age < -1.5e1 AND town IN ('O''Hare', 'x') OR \"odd name\" IS NOT NULL GROUP BY sex;"
    )
    assert found.items[:3] == (
        Item("count", None, None, "count(*)"), Item("mean", "age", None, "a"), Item("quantile", "age", 0.5, "median(age)"),
    )  # fmt: skip
    assert [item.name for item in found.items[3:]] == ["quantile(age, 0.9)", "histogram(age, 12)"]
    below = Join("not", (Compare("age", "<", (-15.0,)),))
    named = Compare("town", "in", ("O'Hare", "x"))
    assert found.where == Join(
        "or", (Join("and", (below, named)), Join("not", (Compare("odd name", "null"),)))
    )
    assert found.groups == ("sex",)


@pytest.mark.parametrize(
    ("sql", "refusal"),
    [
        ("", "sql: .*: write SELECT"),
        (None, "sql: None: write SELECT"),
        ("select", "after select: the end: write a function"),
        ("SELECT * FROM data", r"after select: \*: write a function or a column of GROUP BY here"),
        ("SELECT name FROM data", "name: is somebody's value: put it in GROUP BY or inside a function"),
        ("SELECT sex FROM data GROUP BY sex", "SELECT: asks for nothing"),
        ("SELECT max(age) FROM data", r"max\(…\): tells one person's value: use quantile\(column, 0.99\)"),
        ("SELECT load_file(age) FROM data", r"load_file\(…\): use count, sum, mean"),
        ("SELECT count(*) FROM data; DROP TABLE data", "data ;: DROP: write the end"),
        ("SELECT count(*) FROM a, b", "write the end"),
        ("SELECT count(*) FROM data WHERE age", "the end: write a comparison"),
        ("SELECT count(*) FROM data WHERE age = (SELECT 1)", "write a number, 'a text', TRUE or FALSE here"),
        ("SELECT count(*) FROM data WHERE age = age", "write a number"),
        ("SELECT count(*) FROM data WHERE age = 'unclosed", "cannot be read here"),
        ("SELECT count(*) FROM data WHERE age = 1e999", "at most 2"),
        ("SELECT count(*) FROM data WHERE age NOT = 1", "write a comparison"),
        ("SELECT count(*) FROM data WHERE " + "NOT " * 40 + "age = 1", "nested too deep: nest at most 32"),
        ("SELECT count(*) FROM data WHERE age IN (" + ",".join("1" * 1001) + ")", "name at most 1000 in IN"),
        ("SELECT " + ", ".join(f"sum(age) AS a{i}" for i in range(17)) + " FROM data", "17 functions: ask for at most 16"),
        ("SELECT count(*), count(*) FROM data", r"count\(\*\): is there twice: give each its own name with AS"),
        ("SELECT count(*) FROM data -- comment " + "x" * 4000, "write at most 4000"),
        ("SELECT count(*) FROM data \ud800", "sql"),
        ("SELECT count(*) FROM data WHERE age = ١", "cannot be read here"),
    ],
)  # fmt: skip
def test_what_is_no_query_is_refused(sql: str, refusal: str) -> None:
    """Whatever is not in the small language is refused with the place and what may stand there."""
    with pytest.raises(InputError, match=refusal):
        parse(sql)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Any text is either read or refused in one line."""
    try:
        parse("SELECT count(*) FROM data WHERE " + text)
    except InputError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("sql", "refusal"),
    [
        ("SELECT sum(pay) FROM data", r"sum\(pay\): pay has no declared bounds: give minimum and maximum"),
        ("SELECT mean(town) FROM data", r"mean\(town\): town is text: use a number"),
        ("SELECT count(*) FROM data GROUP BY town", "town: has no declared categories: give it an enum"),
        ("SELECT count(name) FROM data", "name: is hidden by the owner's policy"),
        ("SELECT count(*) FROM data WHERE name = 'x'", "name: is hidden by the owner's policy"),
        ("SELECT count(height) FROM data", "height: is no column here: ask about age, pay, sex, smokes, town"),
        ("SELECT quantile(age) FROM data", "say which quantile between 0 and 1"),
        ("SELECT quantile(age, 1) FROM data", "say which quantile between 0 and 1"),
        ("SELECT histogram(age, 2.5) FROM data", "say how many bins, 2 to 1000"),
        ("SELECT histogram(age, 1001) FROM data", "say how many bins, 2 to 1000"),
        ("SELECT sum(age, 3) FROM data", "sum takes a column alone"),
        ("SELECT count(*) FROM data WHERE age = 'old'", "age = 'old': compare age with a number"),
        ("SELECT count(*) FROM data WHERE smokes = 1", "compare smokes with TRUE or FALSE"),
        ("SELECT count(*) FROM data WHERE town > 'a'", "town: is text and has no order"),
        ("SELECT count(*) FROM data WHERE sex IN ('f', 3)", "compare sex with a text in single quotes"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_before_data_are_read(sql: str, refusal: str) -> None:
    """Without declared bounds and categories there is no answer with a known loss; the refusal says what to declare."""
    with pytest.raises(InputError, match=refusal):
        plan(sql, PEOPLE, 1.0, 1e-6)


def test_groups_are_bounded() -> None:
    """More than ten thousand cells are refused, before anything is computed."""
    wide = Population(
        {
            "a": Column("a", "integer", 0, 1, tuple(range(200))),
            "b": Column("b", "integer", 0, 1, tuple(range(51))),
        }
    )
    with pytest.raises(InputError, match="10200 cells: group into at most 10000"):
        plan("SELECT count(*) FROM data GROUP BY a, b", wide, 1.0, 1e-6)


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda: Column("a", "integer", 0, None), "give both bounds"),
        (lambda: Column("a", "integer", 3, 3), "lower bound below"),
        (lambda: Column("a", "number", 0, float("inf")), "finite bounds"),
        (lambda: Column("a", "number", float("nan"), 1), "finite bounds"),
        (lambda: Column("a", "text", categories=("x", "x")), "give each once"),
        (lambda: Population({}, rows_per_person=2), "name the field that tells people apart"),
        (lambda: Population({}, "id", 0), "rows_per_person: 0: give 1 to 1000"),
        (lambda: Population({"id": Column("id", "text")}, "id"), "cannot be asked about too"),
        (lambda: Population({}, least_rows=-1), "least_rows"),
    ],
)
def test_what_describes_nothing_is_refused(make: object, refusal: str) -> None:
    """Bounds, categories and limits without meaning are refused where they are declared."""
    with pytest.raises(InputError, match=refusal):
        make()  # type: ignore[operator]
