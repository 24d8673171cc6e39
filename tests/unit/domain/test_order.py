"""Orders and receipts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from sheaf.domain.errors import InputError
from sheaf.domain.order import Order, Receipt

PROGRAM = b"def compute(folder, given): return 1"
ORDER = Order(
    7, "buyer", "dataset", hashlib.sha256(PROGRAM).hexdigest(), "research", 100, PROGRAM, '{"a": 1, "b": 2}'
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"number": 0}, "order: 0"),
        ({"number": True}, "order: True"),
        ({"buyer": ""}, "buyer: ''"),
        ({"buyer": "x" * 101}, "buyer: "),
        ({"dataset": "a\nb"}, "dataset: "),
        ({"purpose": None}, "purpose: None"),
        ({"algorithm": "ab" * 32}, "algorithm: .*give the SHA-256 of the program"),
        ({"program": b""}, "program: none: give the program of this hash"),
        ({"program": b"x" * (1 << 21)}, "program: 2097152 bytes: give at most"),
        ({"parameters": "{"}, "parameters: {: give JSON"),
        ({"parameters": "[" * 10_000}, "parameters: .*give JSON"),
        ({"parameters": " " * 70_000}, "parameters: 70000 letters: give at most"),
        ({"parameters": "\ud800"}, "parameters: "),
    ],
)
def test_bad_order_is_refused(changes: dict[str, Any], message: str) -> None:
    """What is no order is refused by field, value and fix, before anything is done with it."""
    with pytest.raises(InputError, match=rf"^{message}"):
        replace(ORDER, **changes)


def test_digest_is_of_what_is_computed() -> None:
    """The digest depends on data, algorithm, parameters and purpose, and on nothing else: not on spaces, buyer or number."""
    assert replace(ORDER, parameters='{"b":2,"a":1}', buyer="other", number=8, until=1).digest == ORDER.digest
    for changes in (
        {"parameters": "{}"},
        {"dataset": "other"},
        {"purpose": "other"},
        {"program": b"", "algorithm": "count"},
    ):
        assert replace(ORDER, **changes).digest != ORDER.digest


def test_receipt_has_one_form() -> None:
    """A receipt is canonical JSON: keys in order, no spaces; its digest is the SHA-256 of that."""
    receipt = Receipt(1, "d", "a", "e", "p", "research", 5, "o")
    assert receipt.to_json() == (
        b'{"algorithm":"a","dataset":"d","environment":"e","order":1,"output":"o","policy":"p","purpose":"research","spent_nanonats":5}'
    )
    assert receipt.digest == hashlib.sha256(receipt.to_json()).digest()
