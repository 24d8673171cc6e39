"""`sheaf download` and `sheaf verify`: the bought set as a bundle, and its proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sheaf.cli.frame.paper import Paper
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import IntegrityError

app = typer.Typer()


@verb(app, "download")
def download(
    session: Session,
    request: Annotated[int, typer.Argument(help="The request's number.", min=0)],
    directory: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    partial: Annotated[bool, typer.Option("--partial", help="Take what is deliverable now.")] = False,
) -> None:
    """Download what a request bought, decrypted and checked, as a bundle.

    Example: sheaf download 1 digits --account buyer
    """
    from sheaf import actions

    me = session.acting
    with session.working("downloading"):
        bundle = actions.download(me, request, directory, is_partial=partial)
    session.answer(
        {"bundle": str(directory), "records": bundle.records, "licence": bundle.licence},
        lambda out: out.line(f"{bundle.records} records in {directory}, licence {bundle.licence}"),
    )


@verb(app, "verify")
def verify(session: Session, bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")]) -> None:
    """Check a bundle against the chain: files, roots, verdicts, receipt; names the first difference.

    Example: sheaf verify digits
    """
    from sheaf import actions
    from sheaf.cli.frame.faults import EXIT_CODES

    with session.working("verifying"):
        found = actions.verify(session.market, bundle)

    def show(out: Paper) -> None:
        for name in found.checked:
            out.line(("holds    ", "green"), name)
        if found.is_valid:
            out.line(f"{found.records} records, just as request {found.request} bought them")
        else:
            out.line(("differs  ", "red"), found.difference or "")

    session.answer(found, show)
    if not found.is_valid:
        raise typer.Exit(EXIT_CODES[IntegrityError])
