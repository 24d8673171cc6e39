"""A small SQL: one SELECT over one table, read by a parser of its own, so that nothing can be asked that is not meant.

    SELECT count(*), mean(age) AS age FROM data WHERE sex = 'f' AND age BETWEEN 20 AND 60 GROUP BY ward

Functions: count(*), count(f), sum(f), mean(f) or avg(f), median(f), quantile(f, 0.9), histogram(f, 10). Conditions: = <> != < <= > >=, IN,
BETWEEN, IS [NOT] NULL, AND, OR, NOT, parentheses; three-valued, as in SQL. Names in double quotes may hold anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from sheaf.domain.errors import InputError, shorten

MOST_CHARACTERS = 4_000
MOST_ITEMS = 16
MOST_GROUPS = 4
MOST_DEPTH = 32
MOST_VALUES = 1_000
FUNCTIONS = ("count", "sum", "mean", "quantile", "histogram")
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")

Literal = str | int | float | bool


@dataclass(frozen=True)
class Item:
    """One thing selected: `function` of `column` (None for count(*)), with the number it takes, under `name`."""

    function: str
    column: str | None
    parameter: float | None
    name: str


@dataclass(frozen=True)
class Compare:
    """`column operator values`: one value, or several for `in`, two for `between`, none for `null`."""

    column: str
    operator: str
    values: tuple[Literal, ...] = ()


@dataclass(frozen=True)
class Join:
    """Several conditions joined by `and` or `or`; or one that is turned round by `not`."""

    operator: str
    parts: tuple[Condition, ...]


Condition = Compare | Join


@dataclass(frozen=True)
class Query:
    """What was asked: what is selected, of which records, by which groups."""

    items: tuple[Item, ...]
    where: Condition | None
    groups: tuple[str, ...]


_TOKENS = re.compile(
    r"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    |(?P<text>'(?:[^']|'')*')|(?P<quoted>"[^"]+")|(?P<word>[^\W\d]\w*)|(?P<mark><=|>=|<>|!=|[-+=<>(),*;]))""",
    re.VERBOSE,
)
_KEYWORDS = frozenset(
    [
        "select",
        "from",
        "where",
        "group",
        "by",
        "and",
        "or",
        "not",
        "in",
        "between",
        "is",
        "null",
        "as",
        "true",
        "false",
    ]
)


def parse(sql: str) -> Query:
    """Read a query. Raises InputError that names the place and what may stand there."""
    if not isinstance(sql, str) or not sql.strip():
        raise InputError("sql", sql, "write SELECT count(*) FROM data")
    if len(sql) > MOST_CHARACTERS:
        raise InputError("sql", f"{len(sql)} characters", f"write at most {MOST_CHARACTERS}")
    return _Reader(_tokens(sql)).query()


def _tokens(sql: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(sql.rstrip()):
        match = _TOKENS.match(sql, at)
        if match is None:
            raise InputError(
                "sql", sql[at:].strip(), "cannot be read here: use names, numbers, 'texts' and marks"
            )
        kind = str(match.lastgroup)
        text = match[kind]
        if kind == "word" and text.lower() in _KEYWORDS:
            kind, text = "keyword", text.lower()
        elif kind == "quoted":
            kind, text = "word", text[1:-1]
        found.append((kind, text))
        at = match.end()
    return found


class _Reader:
    """Recursive descent over the tokens; every method reads one rule of the grammar."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def query(self) -> Query:
        self._keyword("select")
        selected = self._list(self._selected)
        self._keyword("from")
        self._word("the table: data")
        where = self._condition() if self._take("keyword", "where") else None
        groups: list[str] = []
        if self._take("keyword", "group"):
            self._keyword("by")
            groups = self._list(lambda: self._word("a column"))
        self._take("mark", ";")
        if self._at < len(self._tokens):
            self._refuse("the end: one SELECT … FROM data WHERE … GROUP BY … is all there is")
        return _checked(selected, where, groups)

    def _selected(self) -> Item | str:
        name = self._word("a function or a column of GROUP BY")
        if not self._take("mark", "("):
            return name
        function = {"avg": "mean", "median": "quantile"}.get(name.lower(), name.lower())
        if function not in FUNCTIONS:
            fix = "use count, sum, mean, median, quantile or histogram"
            if function in ("min", "max"):
                fix = f"tells one person's value: use quantile(column, {0.01 if function == 'min' else 0.99})"
            raise InputError("sql", f"{name}(…)", fix)
        column = None
        if function != "count" or not self._take("mark", "*"):
            column = self._word("a column")
        parameter = 0.5 if name.lower() == "median" else None
        if self._take("mark", ","):
            parameter = self._number()
        self._mark(")")
        alias = self._word("a name") if self._take("keyword", "as") else ""
        return Item(function, column, parameter, alias or _title(name.lower(), column, parameter))

    def _condition(self) -> Condition:
        return self._joined("or", lambda: self._joined("and", self._factor))

    def _joined(self, operator: str, read: object) -> Condition:
        parts = [read()]  # type: ignore[operator]
        while self._take("keyword", operator):
            parts.append(read())  # type: ignore[operator]
        return parts[0] if len(parts) == 1 else Join(operator, tuple(parts))

    def _factor(self) -> Condition:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise InputError("sql", "WHERE", f"is nested too deep: nest at most {MOST_DEPTH} levels")
        try:
            if self._take("keyword", "not"):
                return Join("not", (self._factor(),))
            if self._take("mark", "("):
                inner = self._condition()
                self._mark(")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Condition:
        column = self._word("a column, NOT or (")
        if self._take("keyword", "is"):
            is_turned = self._take("keyword", "not")
            self._keyword("null")
            return _turned(Compare(column, "null"), is_turned)
        is_turned = self._take("keyword", "not")
        if self._take("keyword", "in"):
            self._mark("(")
            values = self._list(self._literal)
            self._mark(")")
            if len(values) > MOST_VALUES:
                raise InputError("sql", f"{len(values)} values", f"name at most {MOST_VALUES} in IN")
            return _turned(Compare(column, "in", tuple(values)), is_turned)
        if self._take("keyword", "between"):
            low = self._literal()
            self._keyword("and")
            return _turned(Compare(column, "between", (low, self._literal())), is_turned)
        kind, mark = self._peek()
        operator = "!=" if mark == "<>" else mark
        if is_turned or kind != "mark" or operator not in COMPARISONS:
            self._refuse("a comparison: = != < <= > >= IN BETWEEN IS")
        self._at += 1
        return Compare(column, operator, (self._literal(),))

    def _literal(self) -> Literal:
        kind, text = self._peek()
        if kind == "text":
            self._at += 1
            return text[1:-1].replace("''", "'")
        if (kind, text) in (("keyword", "true"), ("keyword", "false")):
            self._at += 1
            return text == "true"
        return self._number()

    def _number(self) -> int | float:
        sign = -1 if self._take("mark", "-") else 1
        kind, text = self._peek()
        if kind != "number":
            self._refuse("a number, 'a text', TRUE or FALSE")
        self._at += 1
        value = int(text) if text.isdigit() else float(text)
        if abs(value) > 2.0**53:
            raise InputError("sql", text, "use numbers of at most 2**53 in size")
        return sign * value

    def _list(self, read: object) -> list:  # type: ignore[type-arg]
        found = [read()]  # type: ignore[operator]
        while self._take("mark", ","):
            found.append(read())  # type: ignore[operator]
        return found

    def _word(self, wanted: str) -> str:
        kind, text = self._peek()
        if kind != "word":
            self._refuse(wanted)
        self._at += 1
        return text

    def _keyword(self, text: str) -> None:
        if not self._take("keyword", text):
            self._refuse(text.upper())

    def _mark(self, text: str) -> None:
        if not self._take("mark", text):
            self._refuse(text)

    def _take(self, kind: str, text: str) -> bool:
        if self._peek() != (kind, text):
            return False
        self._at += 1
        return True

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "the end")

    def _refuse(self, wanted: str) -> NoReturn:
        before = " ".join(text for _, text in self._tokens[max(0, self._at - 3) : self._at])
        place = f"after {shorten(before, 40)}: " if before else ""
        raise InputError("sql", f"{place}{self._peek()[1]}", f"write {wanted} here")


def _turned(condition: Condition, is_turned: bool) -> Condition:
    return Join("not", (condition,)) if is_turned else condition


def _title(function: str, column: str | None, parameter: float | None) -> str:
    inside = "*" if column is None else column
    return (
        f"{function}({inside})"
        if parameter is None or function == "median"
        else f"{function}({inside}, {parameter:g})"
    )


def _checked(selected: list[Item | str], where: Condition | None, groups: list[str]) -> Query:
    items = tuple(one for one in selected if isinstance(one, Item))
    for one in selected:
        if isinstance(one, str) and one not in groups:
            raise InputError("sql", one, "is somebody's value: put it in GROUP BY or inside a function")
    if not items:
        raise InputError("sql", "SELECT", "asks for nothing: select a function, count(*) for one")
    for limit, given, what in (
        (MOST_ITEMS, items, "functions"),
        (MOST_GROUPS, groups, "columns in GROUP BY"),
    ):
        if len(given) > limit:
            raise InputError("sql", f"{len(given)} {what}", f"ask for at most {limit}")
    names = [item.name for item in items] + groups
    for name in names:
        if names.count(name) > 1:
            raise InputError("sql", name, "is there twice: give each its own name with AS")
    return Query(items, where, tuple(groups))
