"""`sheaf download` and `sheaf verify`: the bought set as a bundle, and its proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sheaf.cli.session import Session
from sheaf.cli.verb import verb

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

    with session.working("downloading"):
        bundle = actions.download(session.acting, request, directory, is_partial=partial)
    session.answer({"bundle": str(directory), "records": bundle.records, "licence": bundle.licence})


@verb(app, "verify")
def verify(session: Session, bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")]) -> None:
    """Check a bundle against the chain: files, roots, verdicts, receipt; names the first difference.

    Example: sheaf verify digits
    """
    from sheaf import actions

    with session.working("verifying"):
        found = actions.verify(session.market, bundle)
    session.answer(found)
    if not found.is_valid:
        raise typer.Exit(6)
