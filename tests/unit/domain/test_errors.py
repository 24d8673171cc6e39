from __future__ import annotations

import pickle

import pytest

from sheaf.domain import errors

TWO = {errors.Reverted: ("escrow: nothing owed", "wait"), errors.Refused: ("stakes: still jailed",)}
KINDS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SheafError)
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_errors_pass_from_process_to_process(kind: type[errors.SheafError]) -> None:
    """What a worker process refuses is the same line with the same parts in the process that started it."""
    given = (
        ("price", "a\nvery " * 40, "give 1")
        if issubclass(kind, errors.InputError)
        else TWO.get(kind, ("gone",))
    )
    made = kind(*given)
    found = pickle.loads(pickle.dumps(made))
    assert (type(found), str(found), vars(found)) == (kind, str(made), vars(made))
    assert "\n" not in str(made) and given[0] in str(made)


def test_a_line_names_field_value_and_fix() -> None:
    """The line is what was given where, and what to give instead; a reason without a fix stands alone."""
    assert str(errors.InputError("price", -1, "give 1 or more")) == "price: -1: give 1 or more"
    assert str(errors.Reverted("escrow: nothing owed")) == "escrow: nothing owed"
    assert str(errors.Reverted("escrow: paused", "wait")) == "escrow: paused: wait"
