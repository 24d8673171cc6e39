"""`sheaf quality`: judge what is in files, without a market."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sheaf.cli.frame.paper import Paper
from sheaf.cli.session import Session
from sheaf.cli.verb import verb

if TYPE_CHECKING:
    from sheaf.actions.quality.duplicates import NearDuplicates
    from sheaf.actions.quality.labels import LabelQuality
    from sheaf.actions.quality.machine_text import MachineTextReport
    from sheaf.actions.quality.personal import PersonalData
    from sheaf.actions.quality.records import RecordQuality
    from sheaf.actions.quality.scores import RecordScores
    from sheaf.actions.quality.series import SeriesQuality

app = typer.Typer(no_args_is_help=True, help="Quality of labels and records; no market needed.")

SHOWN = 10


@verb(app, "labels")
def labels(
    session: Session,
    directory: Annotated[
        Path, typer.Argument(help="Folder with label.csv: item,worker,label, whole numbers from 0.")
    ],
    gold: Annotated[
        Path | None,
        typer.Option(help="CSV with item,truth: known answers. Needed to find rings and to calibrate."),
    ] = None,
) -> None:
    """Infer one label for each item, with its chance to be right; rate workers; find rings that vote together.

    Example: sheaf quality labels crowd/dog --gold crowd/dog/gold.csv --json
    """
    from sheaf.actions.quality.labels import label_quality

    found = label_quality(directory, gold)
    session.answer(found, lambda out: _show(out, found))


def _show(out: Paper, found: LabelQuality) -> None:
    sure = sum(item.chance >= 0.95 for item in found.items)
    out.line(
        f"{len(found.items):,} items, {len(found.workers):,} workers, {found.labels:,} labels, "
        f"{found.classes} classes, {found.gold:,} known answers"
    )
    mean = sum(item.chance for item in found.items) / len(found.items)
    behind = (
        "calibrated on gold" if found.is_calibrated else "what is usual for crowds: give --gold to calibrate"
    )
    out.line(f"expected right {mean:.1%}; at least 95 % sure of {sure:,} items ({behind})")
    for number, ring in enumerate(found.rings):
        out.line(
            f"ring {number}: {len(ring.members)} workers agree {ring.agreement:.2f} beyond chance, "
            f"right {ring.accuracy:.2f} ± {ring.error:.2f} on {ring.gold} known answers"
        )
    if not found.gold:
        out.line("rings: not looked for without --gold")
    rows = [
        (one.worker, one.labels, f"{one.skill:.2f}", f"{one.spammer:.2f}", one.ring if one.ring >= 0 else "")
        for one in sorted(found.workers, key=lambda one: -one.spammer)[:SHOWN]
    ]
    heads = ("worker", "labels", "skill", "spammer", "ring")
    out.head("most like spammers")
    out.table(heads, rows, right=heads)
    out.line("--json gives every item and worker")


@verb(app, "personal")
def personal(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Records: CSV, JSON Lines or Parquet.")],
    kind: Annotated[list[str] | None, typer.Option(help="Look for this kind alone; may be repeated.")] = None,
    field: Annotated[list[str] | None, typer.Option(help="Search this field alone; may be repeated.")] = None,
    least_score: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Leave out what is less sure than this, 0 to 1.")
    ] = 0.0,
) -> None:
    """Find personal data in text: e-mail, telephone, cards, accounts, identity numbers, addresses, names; shown masked.

    Example: sheaf quality personal answers.csv --kind email --kind phone --json
    """
    from sheaf.actions.quality.personal import personal_data

    found = personal_data(file, kind or (), field or (), least_score)
    session.answer(found, lambda out: _show_personal(out, found))


def _show_personal(out: Paper, found: PersonalData) -> None:
    out.line(
        f"{found.flagged:,} of {found.records:,} records hold personal data, in {', '.join(found.fields) or 'no text field'}"
    )
    if not found.spots:
        return
    out.head("kinds")
    out.table(("kind", "times"), list(found.kinds.items()), right=("times",))
    out.head("first places")
    rows = [
        (spot.record, spot.field, spot.kind, f"{spot.start}–{spot.end}", f"{spot.score:.2f}", spot.shown)
        for spot in found.spots[:SHOWN]
    ]
    out.table(("record", "field", "kind", "characters", "score", "masked"), rows, right=("record", "score"))
    out.line("--json gives every place")


@verb(app, "duplicates")
def duplicates(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Records: CSV, JSON Lines or Parquet, or a folder of images.")],
    field: Annotated[list[str] | None, typer.Option(help="Compare this field; may be repeated.")] = None,
    kind: Annotated[str, typer.Option(help="text, table, image or series; else as the fields are.")] = "",
    threshold: Annotated[
        float | None, typer.Option(help="From which similarity, 0 to 1, records are near.")
    ] = None,
    scale: Annotated[
        list[str] | None,
        typer.Option(help="FIELD=NUMBER: in a table, 1 - threshold of this may lie between numbers."),
    ] = None,
    unit: Annotated[str, typer.Option(help="Shingles of texts: characters or words.")] = "characters",
    length: Annotated[int | None, typer.Option(help="Words or characters of a shingle.")] = None,
    window: Annotated[int | None, typer.Option(help="Values of a window of series.")] = None,
    index: Annotated[Path | None, typer.Option(help="Folder that remembers: look there too.")] = None,
    add_as: Annotated[
        int | None, typer.Option("--add-as", help="Then add the records to the index under this number.")
    ] = None,
) -> None:
    """Find records that are almost the same, in a file and in what an index remembers.

    Example: sheaf quality duplicates answers.jsonl --field text --threshold 0.6 --index seen --add-as 17 --json
    """
    from sheaf.actions.quality.duplicates import near_duplicates, scales

    settings = {"scales": scales(scale or ()), "unit": unit, "length": length, "window": window}
    found = near_duplicates(file, field or (), kind, threshold, index, {**settings, "submission": add_as})
    session.answer(found, lambda out: _show_duplicates(out, found))


def _show_duplicates(out: Paper, found: NearDuplicates) -> None:
    more = sum(map(len, found.clusters)) - len(found.clusters)
    out.line(
        f"{found.compared:,} of {found.records:,} records compared as {found.kind}, near from {found.threshold:g}; "
        f"{more:,} repeat an earlier one, in {len(found.clusters):,} clusters"
    )
    if found.pairs:
        out.head("nearest pairs")
        nearest = sorted(found.pairs, key=lambda pair: -pair.similarity)[:SHOWN]
        rows = [(pair.record, pair.earlier, f"{pair.similarity:.3f}") for pair in nearest]
        heads = ("record", "earlier", "similarity")
        out.table(heads, rows, right=heads)
    if found.matches:
        out.head("nearest in the index")
        best = sorted(found.matches, key=lambda match: -match.similarity)[:SHOWN]
        cells = [(m.record, m.submission, m.other, f"{m.similarity:.3f}") for m in best]
        names = ("record", "submission", "its record", "similarity")
        out.table(names, cells, right=names)
    if found.indexed:
        out.line(f"index: {found.indexed:,} records" + (", these among them" if found.added else ""))
    out.line("--json gives every pair, cluster and match")


@verb(app, "machine-text")
def machine_text(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Records with a text field, or one .txt file.")],
    examples: Annotated[
        Path,
        typer.Option(
            help="Folder with human/ and another folder, of .txt files; equal names belong together."
        ),
    ],
    field: Annotated[str, typer.Option(help="The text field, where there are several.")] = "",
) -> None:
    """Score how much texts read like a machine's, learnt from examples: a reason to look, never a reason to refuse.

    Example: sheaf quality machine-text answers.csv --examples essays --json
    """
    from sheaf.actions.quality.machine_text import machine_text as score

    found = score(file, examples, field)
    session.answer(found, lambda out: _show_machine_text(out, found))


def _show_machine_text(out: Paper, found: MachineTextReport) -> None:
    out.line(
        f"learnt from {found.examples:,} examples; out of fold: area under the curve {found.auc:.3f}, "
        f"recall {found.recall:.2f} at 1 % false positives"
    )
    leads = sorted((text for text in found.texts if text.is_lead), key=lambda text: -text.score)
    out.line(
        f"{len(leads):,} of {len(found.texts):,} texts are worth a look: read them, nothing follows from the score alone"
    )
    if leads:
        rows = [(text.record, f"{text.score:.3f}") for text in leads[:SHOWN]]
        out.table(("record", "score"), rows, right=("record", "score"))
    out.line("--json gives every text")


@verb(app, "records")
def records(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Records: CSV, JSON Lines or Parquet, or a folder of images.")],
    specification: Annotated[
        Path | None,
        typer.Option(
            help="Specification: its schema and checks; without one all checks with their defaults."
        ),
    ] = None,
    sample: Annotated[Path | None, typer.Option(help="Records known to be good, to compare with.")] = None,
    index: Annotated[
        Path | None,
        typer.Option(
            help="Folder that remembers files: look for copies and near copies there too, and add this one."
        ),
    ] = None,
) -> None:
    """Run the checks on a file of records: what would be refused, what is only pointed at, and why.

    Example: sheaf quality records offer.csv --specification digits.toml --sample gold.csv --json
    """
    from sheaf.actions.quality.records import record_quality
    from sheaf.formats.specification import load

    wanted = load(specification) if specification else None
    with session.working("checking"):
        found = record_quality(file, wanted, sample, index)
    session.answer(found, lambda out: _show_records(out, found))


def _show_records(out: Paper, found: RecordQuality) -> None:
    out.line(f"{found.records:,} records: {found.refused:,} refused, {found.advised:,} pointed at")
    for run in found.checks:
        if run.needs:
            out.line(f"{run.name}: says nothing without {run.needs}")
    if not found.findings:
        return
    out.head("reasons")
    rows = [(row.code, row.records, row.refused, row.meaning) for row in found.reasons]
    out.table(("reason", "records", "refused", "meaning"), rows, right=("records", "refused"))
    out.head("first findings")
    firsts = [
        (one.record, one.code, f"{one.score:.2f}", f"{one.weight:g}", one.detail)
        for one in found.findings[:SHOWN]
    ]
    out.table(("record", "reason", "score", "weight", "detail"), firsts, right=("record", "score", "weight"))
    out.line("weight 1 refuses, less is advice; --json gives every finding")


@verb(app, "series")
def series(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Readings: CSV, JSON Lines or Parquet, one row a reading.")],
    sample: Annotated[
        Path | None, typer.Option(help="Clean readings of the same sensors; else the file's own windows.")
    ] = None,
    time: Annotated[
        str, typer.Option(help="Column of time (seconds, if numbers); default the only one of times.")
    ] = "",
    key: Annotated[str, typer.Option(help="Column that says whose a reading is.")] = "",
    channel: Annotated[
        list[str] | None, typer.Option(help="Look at this column alone; may be repeated.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Length of a window; at least 60 to tell much.")] = 60.0,
) -> None:
    """Find windows of sensor readings that are not plausible: stuck, replayed, made noise, channels that do not belong together.

    Example: sheaf quality series walk.csv --sample clean.csv --time at --json
    """
    from sheaf.actions.quality.series import series_quality

    with session.working("looking at windows"):
        found = series_quality(file, sample, time, key, channel or (), seconds)
    session.answer(found, lambda out: _show_series(out, found))


def _show_series(out: Paper, found: SeriesQuality) -> None:
    out.line(
        f"{found.readings:,} readings of {len(found.channels)} channels, {found.looked_at:,} windows of {found.samples} readings: "
        f"{len(found.windows):,} implausible"
    )
    if not found.is_calibrated:
        out.line("held against the file's own windows: give --sample to hold them against clean ones")
    alone = sorted(set(found.channels) - set(found.related))
    if len(found.channels) > 1 and alone:
        out.line(f"not held against the others, which do not explain them: {', '.join(alone)}")
    rows = [
        (one.first, one.last, one.channel, one.cause, f"{one.ratio:.1f}") for one in found.windows[:SHOWN]
    ]
    if rows:
        out.table(
            ("first row", "last row", "channel", "cause", "times beyond"),
            rows,
            right=("first row", "last row", "times beyond"),
        )


@verb(app, "score")
def score(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Records: CSV, JSON Lines, Parquet, or a folder of images.")],
    gold: Annotated[Path, typer.Option(help="Records of the same columns whose labels are right.")],
    label: Annotated[str, typer.Option(help="Column of the label.")],
    contributor: Annotated[str | None, typer.Option(help="Column that says who sent a record.")] = None,
    precision: Annotated[
        float, typer.Option(help="Share of good records, between 0 and 1, asked of those to take.")
    ] = 0.99,
    seed: Annotated[int, typer.Option(help="Of lots that are drawn in learning.", min=0)] = 0,
) -> None:
    """Score records by gold: the chance that each is good, which to take, and why not; estimate contributors.

    Example: sheaf quality score sent.csv --gold sample.csv --label digit --contributor sender --json
    """
    from sheaf.actions.quality.scores import record_scores

    found = record_scores(file, gold, label, contributor, precision, seed)
    session.answer(found, lambda out: _show_scores(out, found))


def _show_scores(out: Paper, found: RecordScores) -> None:
    out.line(f"{len(found.records):,} records, {found.gold:,} of gold")
    if found.limit is None or found.expected_precision is None:
        out.line(f"none can be taken at precision {found.precision:g}: give more gold, or ask for less")
    else:
        out.line(
            f"{found.taken:,} to take, each good with a chance of {found.limit:.3f} or more, "
            f"{found.expected_precision:.2%} of them on the whole"
        )
    reasons = Counter(one.reason for one in found.records if not one.is_taken)
    if reasons:
        out.line("not taken: " + ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common()))
    named = sorted((one for one in found.contributors if one.records), key=lambda one: one.good)
    if len(named) > 1:
        out.head("contributors with the smallest share of good records")
        rows = [
            (
                one.contributor or "",
                one.records,
                one.taken,
                f"{one.good:.2f} ± {one.deviation:.2f}",
                f"{one.wrong:.2f}",
                f"{one.strange:.2f}",
            )
            for one in named[:SHOWN]
        ]
        heads = ("contributor", "records", "taken", "good", "mislabelled", "strange")
        out.table(heads, rows, right=heads[1:])
    out.line("--json gives every record and contributor")
