"""Traps in a specification: it can be opened, and will not do what the buyer expects."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sheaf.domain.errors import InputError, SpecificationError
from sheaf.formats.schema import Schema, compile, walk  # noqa: A004
from sheaf.verification.checks import Check, known, resolve
from sheaf.verification.parameters import fields_named
from sheaf.verification.pipeline import ALWAYS

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.request import CheckUse, Specification

LEAST_SAMPLE = 30
LEAST_PER_LABEL = 10
"""Records of a sample below which judges that learn from it are guessing."""


def traps(specification: Specification, sample: pa.Table | None = None) -> list[SpecificationError]:
    """Return the traps in a specification that `load` takes, each with place, value and fix; `sample` in the form of its schema."""
    schema = compile(specification.schema)
    found = [*_of_label(specification, schema), *_of_rules(specification, schema)]
    found += _of_checks(specification, schema, sample is not None)
    if sample is not None:
        found += _of_sample(sample, specification, schema)
    return found


def asked(uses: tuple[CheckUse, ...]) -> tuple[list[str], list[str]]:
    """Return what the checks named ask of every record, and what no check of these asks though there is one that would."""
    names = {use.name for use in uses} | set(ALWAYS)
    yes = [f"{check.name}: {question(check)}" for check in known() if check.name in names]
    no = [f"{check.name}: {question(check)}" for check in known() if check.name not in names]
    return yes, no


def question(check: Check) -> str:
    """Return what a check asks, the first paragraph of its file."""
    said = (sys.modules[check.run.__module__].__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(said.split())


def _of_label(specification: Specification, schema: Schema) -> Iterator[SpecificationError]:
    if specification.label is None:
        return
    field = next(field for field in schema.fields if field.name == specification.label)
    if not field.is_required:
        yield SpecificationError(
            "label", field.name, "records may leave it out: add it to the schema's required"
        )
    if len(field.rules.get("enum", [])) == 1 or (
        field.kind == "boolean" and len(field.rules.get("enum", [])) == 1
    ):
        yield SpecificationError(
            "label", field.rules["enum"][0], "it has one value only: there is nothing to judge"
        )


def _of_rules(specification: Specification, schema: Schema) -> Iterator[SpecificationError]:
    """Yield what reviewers could read in two ways: no rule at all, labels that differ by nothing that one sees."""
    if not specification.instructions.strip():
        judged = (
            f"when the field {specification.label} is right"
            if specification.label
            else "when a record is good"
        )
        yield SpecificationError(
            "instructions", "none", f"say {judged}: reviewers who must guess disagree, and records hang"
        )
    for field in walk(schema.fields):
        seen: dict[str, str] = {}
        for value in field.rules.get("enum", []):
            folded = " ".join(_folded(value).split()) if isinstance(value, str) else ""
            if folded and folded in seen:
                yield SpecificationError(
                    f"schema.{field.path}.enum", value, f"it reads like {seen[folded]!r}: keep one of them"
                )
            seen.setdefault(folded, str(value))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _of_checks(
    specification: Specification, schema: Schema, has_sample: bool
) -> Iterator[SpecificationError]:
    names = {use.name for use in specification.checks}
    paths = {field.name for field in schema.fields} | {field.path for field in walk(schema.fields)}
    if "duplicates" not in names:
        yield SpecificationError(
            "checks", "no duplicates", "add it, or the same record is paid any number of times"
        )
    for check, settled in resolve(specification.checks):
        where = f"checks.{check.name}"
        for name, kind in check.parameters.items():
            for field in fields_named(kind, settled[name]):
                if field not in paths:
                    yield SpecificationError(
                        f"{where}.{name}", field, f"name a field of the schema: {', '.join(sorted(paths))}"
                    )
        if check.reads_sample and check.name != "ranges" and not has_sample and specification.sample is None:
            yield SpecificationError(
                where, "no sample", "it says nothing without one: publish a sample, or leave it out"
            )
        yield from _idle(check, settled, schema)


def _idle(check: Check, settled: dict[str, Any], schema: Schema) -> Iterator[SpecificationError]:
    """Yield checks that can never find anything as they are set."""
    if check.name == "near_duplicates":
        yield from _nothing_near(settled, schema)
    if check.name == "series" and not settled["time"]:
        yield SpecificationError(
            "checks.series.time", "none", "it says nothing without: name the field of time"
        )
    if check.name == "ranges":
        looks = settled["time"] and (settled["order"] != "any" or settled["gap"] is not None)
        if not settled["units"] and not looks:
            yield SpecificationError(
                "checks.ranges", "no units, no time", "give units, or time with order or gap"
            )
        if not settled["time"] and (settled["order"] != "any" or settled["gap"] is not None):
            yield SpecificationError(
                "checks.ranges.time", "none", "name the field of time whose order or gaps matter"
            )


def _nothing_near(settled: dict[str, Any], schema: Schema) -> Iterator[SpecificationError]:
    """Yield what keeps the check for near duplicates from comparing anything, or from seeing small changes."""
    from sheaf.verification.checks.near_duplicates import kind_of_check
    from sheaf.verification.near.columns import kind_of

    kind = kind_of_check(schema.arrow.empty_table(), settled)
    if kind is None:
        yield SpecificationError(
            "checks.near_duplicates.kind",
            settled["kind"],
            "no field of this kind is there to compare: choose another",
        )
    if settled["kind"] != "table":
        return
    fields = settled["fields"] or tuple(schema.arrow.names)
    numbers = [
        name
        for name in fields
        if name in schema.arrow.names and kind_of(schema.arrow.field(name).type) == "number"
    ]
    exact = [name for name in numbers if name not in settled["scales"]]
    if exact:
        yield SpecificationError(
            "checks.near_duplicates.scales", ", ".join(exact),
            "without a scale numbers must be equal, and the smallest change escapes: give each a scale, or name other fields",
        )  # fmt: skip


def _of_sample(
    sample: pa.Table, specification: Specification, schema: Schema
) -> Iterator[SpecificationError]:
    """Yield what makes a sample of little use, or breaks the buyer's own rules."""
    broken = schema.violations(sample)
    if not broken.is_empty():
        record, field, code, detail = broken.select("record", "field", "code", "detail").row(0)
        count = broken["record"].n_unique()
        yield SpecificationError(
            "sample",
            f"record {record}, {field}: {detail}",
            f"{count} of its records break the schema ({code}): mend them or the rule",
        )
    if sample.num_rows < LEAST_SAMPLE:
        yield SpecificationError(
            "sample", f"{sample.num_rows} records", f"publish at least {LEAST_SAMPLE}, better hundreds"
        )
    yield from _of_answers(sample, specification)
    yield from _learning(sample, specification)


def _of_answers(sample: pa.Table, specification: Specification) -> Iterator[SpecificationError]:
    from sheaf.domain.canonical import record_digests
    from sheaf.verification.fingerprints import first_copies

    copies = (
        int((first_copies(record_digests(sample)) != range(sample.num_rows)).sum()) if sample.num_rows else 0
    )
    if copies:
        yield SpecificationError("sample", f"{copies} copies", "give every record once")
    if specification.label is None or specification.label not in sample.column_names:
        return
    yield from _of_contradictions(sample, specification.label)
    import pyarrow.compute as pc

    counts = [row["counts"] for row in pc.value_counts(sample.column(specification.label)).to_pylist()]
    if len(counts) == 1:
        yield SpecificationError(
            "sample", "one label", "judges that learn from it need at least two: give examples of each"
        )
    elif len(counts) <= sample.num_rows // 2 and min(counts) < LEAST_PER_LABEL:
        yield SpecificationError(
            "sample", f"{min(counts)} records of the rarest label", f"give at least {LEAST_PER_LABEL} of each"
        )


def _of_contradictions(sample: pa.Table, label: str) -> Iterator[SpecificationError]:
    """Yield a trap where one input has several answers: then nobody can tell what is right."""
    from sheaf.domain.canonical import record_digests
    from sheaf.verification.fingerprints import first_copies

    inputs = sample.drop_columns([label])
    if not inputs.num_columns or not sample.num_rows:
        return
    answers = sample.column(label).to_pylist()
    first = first_copies(record_digests(inputs)).tolist()
    torn = [place for place, same in enumerate(first) if answers[place] != answers[same]]
    if torn:
        yield SpecificationError(
            "sample",
            f"records {first[torn[0]]} and {torn[0]}",
            f"one input has two answers, {len(torn)} times: say in the instructions which is right, or drop them",
        )


def _learning(sample: pa.Table, specification: Specification) -> Iterator[SpecificationError]:
    """Yield the checks that cannot learn from the sample."""
    from sheaf.verification.novelty import Manifold
    from sheaf.verification.series import profile
    from sheaf.verification.series.table import series_of

    for check, settled in resolve(specification.checks):
        try:
            if check.name == "novelty":
                Manifold(sample, specification.label)
            if check.name == "series" and settled["time"]:
                wanted = settled["channels"], settled["key"], specification.label
                profile.learn(series_of(sample, settled["time"], *wanted)[0], settled["seconds"])
        except InputError as error:
            yield SpecificationError(f"checks.{check.name}", f"{error.field}: {error.value}", error.fix)
