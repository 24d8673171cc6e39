"""Objective checks, and the pipeline that runs them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.canonical import record_digests
from sheaf.domain.errors import InputError, SpecificationError
from sheaf.domain.ids import SubmissionId
from sheaf.domain.request import CheckUse, Specification
from sheaf.domain.verdict import Decision, Finding
from sheaf.formats import schema
from sheaf.verification import checks
from sheaf.verification.batch import Batch, Commitment, Earlier, Standing, counted
from sheaf.verification.checks import schema as schema_check
from sheaf.verification.fingerprints import ExactIndex
from sheaf.verification.pipeline import Opinion, Pipeline, refusal, verdict
from sheaf.verification.reasons import Reason

COMMITTED = Commitment(b"r" * 32, "bafy", b"k" * 32)
SPECIFICATION = Specification(title="numbers", schema={}, licence="CC0-1.0", label="x")
KNOWN = checks.known()
DEFAULT = Pipeline(SPECIFICATION.checks)


class Below:
    """A schema that asks for numbers below a limit."""

    def __init__(self, limit: int = 1000) -> None:
        self.limit = limit

    def violations(self, table: pa.Table) -> pl.DataFrame:
        frame = pl.DataFrame({"x": pl.Series(table.column("x").to_pylist(), dtype=pl.Int64)}).with_row_index(
            "record"
        )
        return frame.filter(pl.col("x") >= self.limit).select(
            "record",
            pl.lit("x").alias("field"),
            pl.lit("maximum").alias("code"),
            pl.lit(f"below {self.limit}").alias("detail"),
        )


def batch(values: list[int], submission: int = 10, request: int = 1, **changes: Any) -> Batch:
    table = pa.table({"x": pa.array(values, pa.int64())})
    made = Batch(
        submission=submission,
        request=request,
        count=len(values),
        records=table,
        digests=record_digests(table),
        schema=Below(),
        committed=COMMITTED,
        recomputed=COMMITTED,
        earlier=Earlier(ExactIndex(), lambda number: None),
    )
    return replace(made, **changes)


def earlier(*submissions: tuple[int, int, list[int], list[bool] | None]) -> Earlier:
    """Make what came before from (number, request, values, which count: None where the submission is unknown)."""
    index, standing = ExactIndex(), {}
    for number, request, values, counts in submissions:
        index.add(batch(values).digests, number)
        if counts is not None:
            standing[number] = Standing(request, np.array(counts))
    return Earlier(index, standing.get)


def codes(findings: list[Finding]) -> list[tuple[int, str]]:
    return [(finding.record, finding.code) for finding in findings]


def test_good_records_pass() -> None:
    """Nothing is found in records that are as they should be."""
    assert DEFAULT.run(batch([1, 2, 3])) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recomputed": None, "records": None, "digests": b""}, "commitment.unreadable"),
        ({"records": None, "digests": b""}, "commitment.unreadable"),
        ({"recomputed": replace(COMMITTED, root=bytes(32))}, "commitment.root"),
        ({"recomputed": replace(COMMITTED, cid="other")}, "commitment.cid"),
        ({"recomputed": replace(COMMITTED, key=bytes(32))}, "commitment.key"),
        ({"recomputed": replace(COMMITTED, key=bytes(32)), "records": None}, "commitment.key"),
        ({"count": 2}, "commitment.count"),
        ({"count": 4}, "commitment.count"),
        ({"digests": bytes(64)}, "commitment.count"),
    ],
)
def test_a_broken_commitment_refuses_every_record_stated(changes: dict[str, Any], code: str) -> None:
    """Whatever differs from the chain, all records are refused, and no other check looks at the content."""
    broken = batch([1, 1, 5000], **changes)
    assert codes(DEFAULT.run(broken)) == [(i, code) for i in range(broken.count)]


def test_the_schema_speaks_of_single_records() -> None:
    """Records out of range are refused with field and rule."""
    (finding,) = DEFAULT.run(batch([1, 5000, 3]))
    assert (finding.record, finding.code, finding.detail, finding.weight) == (
        1,
        "schema.maximum",
        "x: below 1000",
        1.0,
    )


def test_a_table_of_another_shape_fails_every_record() -> None:
    """Where the columns are not those of the schema, no record is taken, and the run goes on."""
    compiled = schema.compile({"type": "object", "properties": {"x": {"type": "string"}}})
    findings = DEFAULT.run(batch([1, 2, 1], schema=compiled))
    assert codes(findings) == [*((i, "schema.columns") for i in range(3)), (2, "duplicates.submission")]


def test_findings_of_one_record_are_bounded() -> None:
    """A record that breaks a thousand rules gives a handful of findings, in record order."""

    class Strict:
        def violations(self, table: pa.Table) -> pl.DataFrame:
            records = [1] * 500 + [0] * 500
            return pl.DataFrame({"record": records, "field": "x", "code": "type", "detail": "integer"})

    findings = DEFAULT.run(batch([1, 2], schema=Strict()))
    assert [f.record for f in findings] == [0] * schema_check.LIMIT + [1] * schema_check.LIMIT


def test_later_copies_in_a_submission_are_refused() -> None:
    """The first of equal records stands, all others fall."""
    assert codes(DEFAULT.run(batch([7, 8, 7, 7, 8]))) == [(i, "duplicates.submission") for i in (2, 3, 4)]


def test_a_record_given_before_is_refused() -> None:
    """In the same request or another, by whom it does not matter; the detail names the earliest that counts."""
    before = earlier((3, 1, [5, 6], [True, True]), (4, 2, [7, 5], [True, True]))
    findings = DEFAULT.run(batch([5, 6, 7, 9], earlier=before))
    assert codes(findings) == [(0, "duplicates.request"), (1, "duplicates.request"), (2, "duplicates.market")]
    assert findings[0].detail == "the same as record 0 of submission 3"


def test_scope_request_lets_other_requests_be() -> None:
    """Within the request only, records given elsewhere are welcome."""
    pipeline = Pipeline([CheckUse("duplicates", parameters={"scope": "request"})])
    before = earlier((3, 2, [5], [True]), (4, 1, [5, 6], [True, False]))
    assert codes(pipeline.run(batch([5, 6], earlier=before))) == [(0, "duplicates.request")]


def test_only_what_counts_counts() -> None:
    """Refused records, submissions without standing and oneself block nobody; a larger number that was drawn first does."""
    before = earlier(
        (3, 1, [1, 2], [False, True]),
        (4, 1, [3], None),
        (10, 1, [4, 5], [True, True]),
        (11, 1, [5], None),
        (12, 1, [6], [True]),
    )
    found = [(1, "duplicates.request"), (5, "duplicates.request")]
    assert codes(DEFAULT.run(batch([1, 2, 3, 4, 5, 6], earlier=before))) == found


def test_copying_a_submission_harms_only_the_copier() -> None:
    """Of two submissions in flight with equal records the one drawn first stands, whoever is reviewed first."""
    one, two = batch([1, 2], submission=5), batch([1, 2], submission=6)
    index = ExactIndex()
    for each in (two, one):
        index.add(each.digests, each.submission)
    drawn = {5: 0, 6: 1}

    def seen_by(mine: int) -> Earlier:
        return Earlier(index, lambda other: Standing(1, counted(2)) if drawn[other] < drawn[mine] else None)

    assert DEFAULT.run(replace(one, earlier=seen_by(5))) == []
    assert [code for _, code in codes(DEFAULT.run(replace(two, earlier=seen_by(6))))] == [
        "duplicates.request"
    ] * 2


@given(st.data())
def test_honest_reviewers_agree(data: st.DataObject) -> None:
    """The findings do not depend on the order in which sheets came, nor on sheets of later submissions."""
    lists = data.draw(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), min_size=2, max_size=9))
    mine = data.draw(st.integers(1, len(lists)))
    order = data.draw(st.permutations(range(1, len(lists) + 1)))
    counts = {n: Standing(n % 2, np.array([v % 3 > 0 for v in values])) for n, values in enumerate(lists, 1)}

    def seen_by(numbers: list[int]) -> list[Finding]:
        index = ExactIndex()
        for number in numbers:
            index.add(batch(lists[number - 1]).digests, number)
        before = {n: standing for n, standing in counts.items() if n < mine}
        return DEFAULT.run(batch(lists[mine - 1], mine, mine % 2, earlier=Earlier(index, before.get)))

    assert seen_by(order) == seen_by(list(range(1, mine)))


def test_what_counts_follows_the_verdict() -> None:
    """Undecided records count; rejected ones never; hung ones until they are hung for good."""
    rejected, hung = np.array([True, False, False]), np.array([False, True, False])
    assert counted(3).tolist() == [True, True, True]
    assert counted(3, rejected, hung, is_final=False).tolist() == [False, True, True]
    assert counted(3, rejected, hung).tolist() == [False, False, True]


@pytest.mark.parametrize(
    "uses",
    [
        [CheckUse("magic")],
        [CheckUse("schema", 99)],
        [CheckUse("schema"), CheckUse("schema")],
        [CheckUse("duplicates", parameters={"scope": "galaxy"})],
        [CheckUse("duplicates", parameters={"scope": ["market"]})],
        [CheckUse("duplicates", parameters={"radius": 1})],
        [CheckUse("commitment", parameters={"skip": True})],
    ],
)
def test_checks_that_do_not_exist_are_refused(uses: list[CheckUse]) -> None:
    """A name, version or parameter that is unknown, or a check named twice, is refused before anything runs."""
    with pytest.raises(SpecificationError, match=r"^checks"):
        Pipeline(uses)


def test_commitment_and_schema_are_always_run() -> None:
    """A specification without checks still buys only what was committed to and fits the schema."""
    assert codes(Pipeline([]).run(batch([1, 5000, 1]))) == [(1, "schema.maximum")]
    assert len(Pipeline([]).run(batch([1, 2], recomputed=None))) == 2


def test_a_parameter_left_out_has_its_default() -> None:
    """A choice has its first value as the default."""
    assert checks.find("duplicates").settled({}) == {"scope": "request"}


def test_advice_is_kept_and_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a finding of weight 1 refuses its record; any other reaches the judge's opinion as evidence and no more."""
    reason = Reason("hunch.odd", "It looks odd.", "Look again.")

    def run(batch: Batch, parameters: Any) -> list[Finding]:
        return [Finding(i, "hunch", 1, "hunch.odd", 1.0, w) for i, w in enumerate((0.0, 0.5, 0.999, 1.0))]

    hunch = checks.Check("hunch", 1, run, (reason,))
    monkeypatch.setattr(checks, "known", lambda: (*KNOWN, hunch))
    pipeline = Pipeline([CheckUse("hunch")])
    opinion = pipeline.review(batch([1, 3, 5, 7]), Odd(), SPECIFICATION)
    assert opinion.rejected.tolist() == [False, False, False, True]
    assert len(opinion.findings) == 4 and [f.is_refusal for f in opinion.findings] == [False] * 3 + [True]


class Odd:
    """A judge that approves odd numbers and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def judge(self, records: pa.Table, specification: Specification) -> Any:
        self.shown = records.column("x").to_pylist()
        return np.array([value % 2 == 1 for value in self.shown], dtype=np.bool_)


def test_the_judge_sees_what_the_checks_left_in_its_own_order() -> None:
    """The opinion is in submission order; the judge sees the remaining records permuted; silence gets a reason."""
    judge = Odd()
    opinion = DEFAULT.review(batch([1, 2, 3, 5000, 1]), judge, SPECIFICATION, np.array([4, 3, 2, 1, 0]))
    assert judge.shown == [3, 2, 1]
    assert opinion.rejected.tolist() == [False, True, False, True, True]
    found = [(3, "schema.maximum"), (4, "duplicates.submission"), (1, "judge.refused")]
    assert codes(opinion.findings) == found
    assert opinion.findings[-1].weight < 1


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=30), st.randoms())
def test_the_order_shown_does_not_move_votes(values: list[int], random: Any) -> None:
    """However the records are shuffled for the judge, each keeps its own vote."""
    order = list(range(len(values)))
    random.shuffle(order)
    shuffled = DEFAULT.review(batch(values), Odd(), SPECIFICATION, np.array(order))
    assert shuffled.rejected.tolist() == DEFAULT.review(batch(values), Odd(), SPECIFICATION).rejected.tolist()


def test_a_judge_that_explains_is_quoted() -> None:
    """Reasons of a judge are kept, with the record's place in the submission."""

    class Explains(Odd):
        def explain(self, records: pa.Table, specification: Specification) -> Any:
            approved = self.judge(records, specification)
            return approved, [refusal(int(np.flatnonzero(~approved)[0]), "label", 0.9)]

    opinion = DEFAULT.review(batch([4, 1, 6]), Explains(), SPECIFICATION, np.array([2, 1, 0]))
    assert codes(opinion.findings) == [(2, "judge.label"), (0, "judge.refused")]


def test_nothing_to_judge_needs_no_judge() -> None:
    """Where checks refuse everything the judge is not asked."""

    class Never:
        def judge(self, records: pa.Table, specification: Specification) -> Any:
            raise AssertionError("asked")

    opinion = DEFAULT.review(batch([1, 2], recomputed=None, records=None), Never(), SPECIFICATION)
    assert isinstance(opinion, Opinion) and opinion.rejected.all()


@pytest.mark.parametrize(
    "answer", [np.ones(3), np.ones(2, np.bool_), np.ones((3, 1), np.bool_), [True] * 3, None]
)
def test_a_judge_that_answers_amiss_is_an_error(answer: Any) -> None:
    """One boolean per record, or there is no vote at all."""

    class Amiss:
        def judge(self, records: pa.Table, specification: Specification) -> Any:
            return answer

    with pytest.raises(InputError, match="Amiss: return 3 booleans"):
        DEFAULT.review(batch([1, 2, 3]), Amiss(), SPECIFICATION)


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 1], [1, 2, 3]])
def test_an_order_is_a_permutation(order: list[int]) -> None:
    """No record can be skipped or judged twice by an order."""
    with pytest.raises(InputError, match="permutation of the 3"):
        DEFAULT.review(batch([1, 2, 3]), Odd(), SPECIFICATION, np.array(order))


def test_a_verdict_keeps_the_reasons_of_what_was_not_approved() -> None:
    """Decisions follow the bitmaps, hung before rejected; findings against approved records are dropped."""
    findings = [refusal(i, "refused") for i in range(3)]
    made = verdict(SubmissionId(4), np.array([False, True, False]), np.array([False, False, True]), findings)
    assert made.decisions == (Decision.APPROVED, Decision.REJECTED, Decision.HUNG)
    assert [finding.record for finding in made.findings] == [1, 2]
    assert msgspec.json.decode(msgspec.json.encode(made), type=type(made)) == made


def test_a_digest_is_a_fingerprint_of_content_alone() -> None:
    """Column order does not make another record of the same content."""
    one = pa.table({"a": [1], "b": ["x"]})
    assert record_digests(one) == record_digests(one.select(["b", "a"]))
    assert len(record_digests(one)) == hashlib.sha256().digest_size
