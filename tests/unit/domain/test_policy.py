"""What a policy admits, and what it lets leave."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import Refused
from sheaf.domain.job import Limits
from sheaf.domain.policy import FieldRule, OutputField, Policy, Release, Showing

HASH = "ab" * 32
FIELDS = {"x": FieldRule(Showing.DISCLOSED)}
SCORE = OutputField("score", "number", 0.0, 1.0, 0.25)
WEIGHTS = OutputField("weights", "number", -1.0, 1.0, 0.5, 3)
BEST = OutputField("best", "choice", choices=("a", "b"))
CASES = OutputField("cases", "counts", 0.0, 100.0, 1.0, 1, ("n", "s"))


def approved(*output: OutputField, k: int = 1, limits: Limits | None = None) -> Policy:
    return Policy(
        Release.APPROVED_CODE,
        True,
        FIELDS,
        ("research",),
        minimum_rows=10,
        k=k,
        expires_at=1000,
        algorithms=(HASH,),
        output=output,
        limits=limits or Limits(),
    )


def released(policy: Policy, document: Any) -> Any:
    return json.loads(policy.released(json.dumps(document).encode()))


def test_admitted_job() -> None:
    """A listed program for a listed purpose over enough records in time may run."""
    approved(SCORE).admit(HASH, "research", 10, 999)


@pytest.mark.parametrize(
    ("algorithm", "purpose", "rows", "now", "reason"),
    [
        (HASH, "research", 10, 1000, r"^policy: expired"),
        (HASH, "marketing", 10, 0, r"^policy: purpose 'marketing' is not allowed: give one of research"),
        (HASH, "research", 9, 0, r"^policy: 9 records: it takes 10 at least"),
        ("cd" * 32, "research", 10, 0, r"is not approved: ask the owner"),
        ("count", "research", 10, 0, r"is not approved"),
    ],
)
def test_refused_job(algorithm: str, purpose: str, rows: int, now: int, reason: str) -> None:
    """What the policy does not allow is refused with what would be."""
    with pytest.raises(Refused, match=reason):
        approved(SCORE).admit(algorithm, purpose, rows, now)


def test_code_does_not_run_where_noise_is_added() -> None:
    """Where only our mechanisms run, a program's hash is no method."""
    policy = Policy(Release.STATISTICS, True, FIELDS, ("research",), methods=("count",), epsilon=1.0)
    policy.admit("count", "research", 1, 0)
    with pytest.raises(Refused, match=r"statistics runs no code of buyers: give one of count"):
        policy.admit(HASH, "research", 1, 0)


def test_numbers_are_put_on_their_steps() -> None:
    """Digits below the step are gone, nested lists are flat, and there is one way to write the answer."""
    policy = approved(SCORE, WEIGHTS)
    one = policy.released(b'{"score": 0.3751234, "weights": [[0.26, -1.0], [0.9]]}')
    assert one == policy.released(b' {"weights":[0.5,-1,1.0],\n"score":0.5}')
    assert one == b'{"score":0.5,"weights":[0.5,-1,1]}'


def test_small_counts_are_dropped() -> None:
    """Counts below k do not leave, as if there had been none."""
    assert released(approved(CASES, k=5), {"cases": {"n": 4, "s": 5}}) == {"cases": {"s": 5}}
    assert released(approved(CASES), {"cases": {"n": 0, "s": 1}}) == {"cases": {"s": 1}}


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"score": 1}',
        b'{"score": 1, "best": "a", "more": 1}',
        b'{"score": 1.2, "best": "a"}',
        b'{"score": NaN, "best": "a"}',
        b'{"score": true, "best": "a"}',
        b'{"score": "1", "best": "a"}',
        b'{"score": [1, 1], "best": "a"}',
        b'{"score": 1e999, "best": "a"}',
        b'{"score": 1, "best": "c"}',
        b'{"score": 1, "best": ["a"]}',
        b'{"score": null, "best": "a"}',
        b'{"score": ' + b"[" * 100_000,
        b'{"score": ' + b"9" * 5000 + b', "best": "a"}',
    ],
)
def test_other_forms_do_not_leave(output: bytes) -> None:
    """Output of any other form is refused, always in the same words."""
    with pytest.raises(Refused) as refused:
        approved(SCORE, BEST).released(output)
    assert refused.value.reason == "policy: the output is not of the fixed form"


def test_too_many_bytes_do_not_leave() -> None:
    """Without a form bytes leave as they are, up to the cap."""
    policy = Policy(Release.OPEN, False, FIELDS, ("any",), limits=Limits(output_bytes=3))
    assert policy.released(b"\x00\xffx") == b"\x00\xffx"
    with pytest.raises(Refused):
        policy.released(b"1234")


def test_bits_are_the_logarithm_of_all_answers() -> None:
    """Counted by brute force: the answers that can leave are no more than 2 to the bits that the policy states."""
    policy = approved(SCORE, BEST, OutputField("cases", "counts", 0.0, 2.0, 1.0, 1, ("n", "s")), k=2)
    answers = {
        policy.released(json.dumps({"score": score / 40, "best": best, "cases": {"n": n, "s": s}}).encode())
        for score, best, n, s in itertools.product(range(41), "ab", range(3), range(3))
    }
    assert len(answers) == 5 * 2 * 2 * 2
    assert math.log2(len(answers)) <= policy.bits.output


@given(st.floats(-1, 1, allow_nan=False), st.floats(0.01, 0.7))
def test_levels_bound_what_leaves(value: float, step: float) -> None:
    """Whatever number is put out lies within half a step of what was given, on one of the counted levels; or it is refused."""
    field = OutputField("w", "number", -1.0, 1.0, step)
    try:
        found = released(approved(field), {"w": value})["w"]
    except Refused:
        assert value > 1 - step
        return
    place = (found + 1) / step
    assert abs(found - value) <= step / 2 + 1e-9
    assert place == pytest.approx(round(place), abs=1e-6)
    assert 0 <= round(place) < field.levels
