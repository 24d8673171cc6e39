"""`sheaf dataset`, the part about people's rights: seal records under a key for each subject, open them, erase, disclose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sheaf.cli.session import Session
from sheaf.cli.verb import verb

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
    listing: Annotated[Path, typer.Argument(help="What `sheaf dataset issue` wrote.")],
    target: Annotated[Path, typer.Argument(help="File to write what is shown to.")],
    field: Annotated[list[str] | None, typer.Option(help="Closed field to open; may be repeated.")] = None,
    sample: Annotated[
        list[int] | None, typer.Option(help="Number of a sample record to open, from 0; may be repeated.")
    ] = None,
) -> None:
    """Open chosen fields and sample records of a listing; the others stay salted hashes.

    Example: sheaf dataset disclose wards.listing shown.listing --field mean_age --sample 0
    """
    from sheaf.actions.disclose import disclose as disclosed_by

    target.write_text(disclosed_by(listing, field or (), sample or ()))
    shown = len(field or ()) + len(sample or ())
    session.answer(
        {"listing": target, "opened": shown}, lambda out: out.line(f"{target}: {shown} parts opened")
    )


@verb(app, "check")
def check(
    session: Session,
    listing: Annotated[Path, typer.Argument(help="A listing, as it was shown.")],
    owner: Annotated[Path, typer.Option(help="The owner's public key.")],
) -> None:
    """Hold a listing against its owner's key and the clock, and print what it shows.

    Example: sheaf dataset check shown.listing --owner listing.key.public
    """
    import json
    import time

    from sheaf.actions.disclose import check as checked_by

    found = checked_by(listing, owner, int(time.time()))
    session.answer(found, lambda out: out.line(json.dumps(found, ensure_ascii=False, indent=1)))
