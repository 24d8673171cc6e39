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
