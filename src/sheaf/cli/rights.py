"""`sheaf dataset`, the part about people's rights: seal records under a key for each subject, open them, erase, disclose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from sheaf.actions.datasets.disclosure import Checked
    from sheaf.cli.frame.paper import Paper

app = typer.Typer(
    no_args_is_help=True, help="Datasets that stay with their owner: seal, open, erase, disclose."
)

Keys = Annotated[Path, typer.Option(help="File with the wrapped keys of the subjects.")]
KeyFile = Annotated[Path, typer.Option(help="File with the owner's key; keep a copy elsewhere.")]
Name = Annotated[str, typer.Option(help="Which dataset; one ring is for one.")]


@verb(app, "seal")
def seal(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Records: CSV, JSON Lines or Parquet.")],
    target: Annotated[Path, typer.Argument(help="Parquet file to write.")],
    person: Annotated[str, typer.Option(help="Field that names the subject of a record.")],
    keys: Keys,
    key_file: KeyFile,
    dataset: Name,
) -> None:
    """Encrypt every record under a key of its subject, so that erasing the key erases every copy of the record.

    Example: sheaf dataset seal patients.csv sealed.parquet --person id --keys keys.sqlite --key-file owner.key --dataset wards
    """
    from sheaf.actions.erase import ring_of
    from sheaf.actions.erase import seal as sealed_by

    found = sealed_by(ring_of(keys, dataset, key_file, is_new=True), file, person, target)
    session.answer(
        found,
        lambda out: out.line(f"{found.records:,} records of {found.subjects:,} subjects in {found.file}"),
    )


@verb(app, "unseal")
def unseal(
    session: Session,
    file: Annotated[Path, typer.Argument(help="What `sheaf dataset seal` wrote.")],
    target: Annotated[Path, typer.Argument(help="Parquet file to write.")],
    keys: Keys,
    key_file: KeyFile,
    dataset: Name,
) -> None:
    """Decrypt sealed records; those of erased subjects stay unreadable.

    Example: sheaf dataset unseal sealed.parquet open.parquet --keys keys.sqlite --key-file owner.key --dataset wards
    """
    from sheaf.actions.erase import ring_of
    from sheaf.actions.erase import unseal as unsealed_by

    found = unsealed_by(ring_of(keys, dataset, key_file), file, target)
    session.answer(
        found,
        lambda out: out.line(f"{found.records:,} records in {found.file}; {found.erased:,} were erased"),
    )


@verb(app, "erase")
def erase(
    session: Session,
    subject: Annotated[
        list[str], typer.Argument(help="Whom to erase, as its records name it; may be several.")
    ],
    keys: Keys,
    key_file: KeyFile,
    dataset: Name,
    receipts: Annotated[
        Path | None, typer.Option(help="File to write the receipts to, one line each.")
    ] = None,
) -> None:
    """Destroy the keys of subjects on the disk, so that nobody can read their records any more; give receipts.

    Example: sheaf dataset erase 17 --keys keys.sqlite --key-file owner.key --dataset wards --receipts erased.jsonl
    """
    import msgspec

    from sheaf.actions.erase import erase as erased_by
    from sheaf.actions.erase import ring_of

    found = erased_by(ring_of(keys, dataset, key_file), subject)
    if receipts is not None:
        with receipts.open("ab") as file:
            file.write(b"".join(msgspec.json.encode(one) + b"\n" for one in found))
    session.answer(
        found,
        lambda out: out.line(
            f"{len(found):,} subjects erased from {dataset}: receipts {', '.join(str(one.number) for one in found)}"
        ),
    )


@verb(app, "issue")
def issue(
    session: Session,
    listing: Annotated[
        Path, typer.Argument(help="JSON object: title, licence, figures, `samples` (records).")
    ],
    target: Annotated[Path, typer.Argument(help="File to write the signed listing to; keep it.")],
    key_file: Annotated[Path, typer.Option(help="Key that signs listings; made where there is none.")],
    close: Annotated[
        list[str] | None, typer.Option(help="Field that is opened only on purpose; may be repeated.")
    ] = None,
    days: Annotated[int, typer.Option(help="How long it holds.")] = 90,
) -> None:
    """Sign a listing of which closed fields, and every sample record, can be opened one by one (SD-JWT).

    Example: sheaf dataset issue wards.json wards.listing --key-file listing.key --close mean_age
    """
    import time

    from sheaf.actions.disclose import issue as issued_by

    target.write_text(issued_by(listing, close or (), key_file, days, int(time.time())))
    session.answer(
        {"listing": target, "owner": f"{key_file}.public"},
        lambda out: out.line(f"{target}: check it with {key_file}.public"),
    )


@verb(app, "disclose")
def disclose(
    session: Session,
    source: Annotated[
        str,
        typer.Argument(
            help="A dataset's number, or the file that `sheaf dataset issue` wrote.",
            metavar="DATASET|LISTING",
        ),
    ],
    target: Annotated[Path, typer.Argument(help="File to write what is shown to.")],
    field: Annotated[
        list[str] | None, typer.Option(help="Field, or closed field of a listing, to open; may be repeated.")
    ] = None,
    record: Annotated[
        list[int] | None, typer.Option(help="Number of a record, from 0; may be repeated.")
    ] = None,
    sample: Annotated[
        list[int] | None,
        typer.Option(help="Number of a sample record of a listing, from 0; may be repeated."),
    ] = None,
) -> None:
    """Show chosen fields of chosen records of one's dataset, each with a proof that anybody checks against its manifest on the chain.

    Of a listing: open chosen fields and sample records; the others stay salted hashes.

    Example: sheaf dataset disclose 1 shown.json --field age --field ward --record 12 --account owner
    """
    if target.exists():
        raise InputError("target", target.name, "is there already: name a new file")
    number = _number(source)
    if number is None:
        _disclose_listing(session, Path(source), target, field or [], record or [], sample or [])
        return
    if sample:
        raise InputError("sample", sample[0], "leave it out: samples are parts of listings; give --record")
    import msgspec

    from sheaf.actions.datasets.disclosure import disclose_values

    me = session.acting
    with session.working("proving"):
        shown = disclose_values(me, number, field or [], record or [])
    target.write_bytes(msgspec.json.encode(shown) + b"\n")
    count = len(shown.values)
    session.answer(
        {"disclosure": target, "dataset": number, "version": shown.version, "values": count},
        lambda out: out.line(
            f"{target}: {count} values; anybody holds it against the chain: `sheaf dataset check {target}`"
        ),
    )


def _disclose_listing(
    session: Session, listing: Path, target: Path, field: list[str], record: list[int], sample: list[int]
) -> None:
    from sheaf.actions.disclose import disclose as disclosed_by

    if record:
        raise InputError("record", record[0], "leave it out: a listing has samples; give --sample")
    target.write_text(disclosed_by(listing, field, sample))
    shown = len(field) + len(sample)
    session.answer(
        {"listing": target, "opened": shown}, lambda out: out.line(f"{target}: {shown} parts opened")
    )


@verb(app, "check")
def check(
    session: Session,
    shown: Annotated[Path, typer.Argument(help="What `sheaf dataset disclose` wrote.", metavar="FILE")],
    owner: Annotated[
        Path | None,
        typer.Option(help="The owner's public key, for a listing; values are held against the chain."),
    ] = None,
) -> None:
    """Hold shown values against the roots of their dataset's manifest on the chain, or a listing against its owner's key and the clock.

    Example: sheaf dataset check shown.json
    """
    import json
    import time

    if owner is not None:
        from sheaf.actions.disclose import check as checked_by

        found = checked_by(shown, owner, int(time.time()))
        session.answer(found, lambda out: out.line(json.dumps(found, ensure_ascii=False, indent=1)))
        return
    from sheaf.actions.datasets.disclosure import check_disclosure, parse

    data = shown.read_bytes()
    if not data.lstrip().startswith(b"{"):
        raise InputError("owner", "none", f"{shown.name} is a listing: give its owner's public key")
    held = check_disclosure(session.market, parse(data))
    session.answer(held, lambda out: _show_values(out, held))


def _show_values(out: Paper, held: Checked) -> None:
    version = f"version {held.version}" + ("" if held.is_newest else ", not the newest")
    out.line(f"{len(held.values)} values stand in dataset {held.dataset}, {version}")
    out.table(
        ("record", "field", "value"),
        [(str(one.record), one.field, str(one.value)) for one in held.values],
        right=("record",),
    )


def _number(source: str) -> int | None:
    """Return a dataset's number, None for what is the name of a file."""
    is_number = source.isascii() and source.isdigit() and len(source) < 19
    return int(source) if is_number and not Path(source).exists() else None
