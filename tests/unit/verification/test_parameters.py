"""Parameters of checks: what they let in, what they settle it to, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.canonical import json_bytes
from sheaf.domain.errors import SpecificationError
from sheaf.verification import checks
from sheaf.verification.parameters import Choice, Names, Number, Parameter, PerField, Text

KINDS: list[Parameter] = [
    Choice(("a", "b", 1, False)),
    Number(0.5, 0, 1),
    Number(3, 1, 9, is_whole=True),
    Number(None, 0, 1),
    Text("x", longest=10),
    Names(),
    Names(("iban",), known=("iban", "email")),
    PerField(Number(0.0, -10, 10)),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.just("\udfff"), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("kind", "given", "settled"),
    [
        (KINDS[0], "b", "b"),
        (KINDS[0], False, False),
        (KINDS[1], 1, 1.0),
        (KINDS[2], 9.0, 9),
        (KINDS[3], None, None),
        (KINDS[3], 0, 0.0),
        (KINDS[4], "", ""),
        (KINDS[5], ["z", "a"], ("a", "z")),
        (KINDS[6], ["email"], ("email",)),
        (KINDS[7], {"z": 1, "a": -2.5}, {"a": -2.5, "z": 1.0}),
    ],
)
def test_what_is_good_is_settled(kind: Parameter, given: Any, settled: Any) -> None:
    """Numbers get their type, names their order; two ways to write the same become the same."""
    found = kind.settle("checks.c.p", given)
    assert found == settled and type(found) is type(settled)


@pytest.mark.parametrize(
    ("kind", "given", "place"),
    [
        (KINDS[0], True, "checks.c.p: True: use one of a, b, 1, false"),
        (KINDS[0], 1.0, "checks.c.p: 1.0"),
        (KINDS[0], ["a"], "checks.c.p: "),
        (KINDS[1], float("nan"), "checks.c.p: nan: give a number, 0 to 1"),
        (KINDS[1], float("inf"), "checks.c.p: inf"),
        (KINDS[1], True, "checks.c.p: True"),
        (KINDS[1], "0.5", "checks.c.p: 0.5"),
        (KINDS[1], 1.01, "checks.c.p: 1.01"),
        (KINDS[1], None, "checks.c.p: None"),
        (KINDS[1], 10**400, "checks.c.p: 1000"),
        (KINDS[2], 2.5, "checks.c.p: 2.5: give a whole number, 1 to 9"),
        (KINDS[4], "x" * 11, "at most 10 characters"),
        (KINDS[4], "\ud800", "checks.c.p: "),
        (KINDS[4], 3, "checks.c.p: 3"),
        (KINDS[5], "field", "checks.c.p: field"),
        (KINDS[5], ["a", "a"], "checks.c.p: a: name each once"),
        (KINDS[5], ["a", 1], "checks.c.p[1]: 1"),
        (KINDS[5], [""], "checks.c.p[0]: "),
        (KINDS[5], [["a"]], "checks.c.p[0]: "),
        (KINDS[5], ["a"] * 1001, "checks.c.p: "),
        (KINDS[6], ["phone"], r"checks.c.p[0]: phone: use some of iban, email"),
        (KINDS[7], {"a": "hot"}, "checks.c.p.a: hot: give a number, -10 to 10"),
        (KINDS[7], [1], "checks.c.p: [1]: give an object"),
        (KINDS[7], {1: 1}, "checks.c.p[0]: 1"),
    ],
)
def test_what_is_not_is_refused_with_its_place(kind: Parameter, given: Any, place: str) -> None:
    """The refusal names check, parameter and value, and says what would be taken."""
    with pytest.raises(SpecificationError) as refusal:
        kind.settle("checks.c.p", given)
    assert place in str(refusal.value)


@given(st.sampled_from(KINDS), JSON)
def test_settling_is_total_and_final(kind: Parameter, value: Any) -> None:
    """Whatever JSON can hold is either settled, to what settles to itself, or refused by name; nothing else happens."""
    try:
        settled = kind.settle("checks.c.p", value)
    except SpecificationError as error:
        assert error.field.startswith("checks.c.p")
    else:
        assert kind.settle("checks.c.p", settled) == settled
        json_bytes({"p": settled if not isinstance(settled, tuple) else list(settled)})


def test_every_check_says_what_its_parameters_do() -> None:
    """Each parameter of each check takes its own default, and has a sentence for the reference."""
    for check in checks.known():
        assert check.settled(check.settled({})) == check.settled({})
        for name, kind in check.parameters.items():
            assert kind.form and kind.meaning.endswith("."), (check.name, name)
