"""`sheaf submission`: what a contributor sends and what became of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sheaf.cli.session import Session, tokens
from sheaf.cli.verb import verb
from sheaf.domain.ids import Address
from sheaf.domain.verdict import Decision

app = typer.Typer(no_args_is_help=True, help="Submissions: preview, send, resume, watch, explain, claim.")

Number = Annotated[int, typer.Argument(help="The submission's number.", metavar="SUBMISSION", min=0)]
RequestNumber = Annotated[int, typer.Argument(help="The request's number.", metavar="REQUEST", min=0)]
Source = Annotated[Path, typer.Argument(help="CSV, JSONL, Parquet, or a folder of labelled images.")]


@verb(app, "preview")
def preview(session: Session, request: RequestNumber, source: Source) -> None:
    """Say what would be refused and what it would cost, without sending anything.

    Example: sheaf submission preview 1 records.csv
    """
    from sheaf import actions

    seen = actions.preview(session.market, request, source)

    def show(out: Console) -> None:
        out.print(f"{seen.records} records, {len(seen.findings)} findings, bond {tokens(seen.bond)} SHEAF")
        for finding in seen.findings[:50]:
            out.print(f"  record {finding.record}: {finding.code} {finding.detail}", markup=False)
        if len(seen.findings) > 50:
            out.print(f"  … and {len(seen.findings) - 50} more (--json lists all)")

    session.answer(seen, show)


@verb(app, "send")
def send(
    session: Session,
    request: RequestNumber,
    source: Source,
    custodian: Annotated[
        str | None,
        typer.Option(
            help="Who hands on the key: address or account; else account `custodian` if it is there, or you."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Send although the preview refuses records.")
    ] = False,
) -> None:
    """Encrypt records, store them, and submit them with the bond. Safe to repeat after a crash.

    Example: sheaf submission send 1 records.csv --account contributor
    """
    from sheaf import actions

    with session.working("sending"):
        chosen = _custodian(session, custodian)
        number = actions.submit(session.acting, request, source, custodian=chosen, is_forced=force)
    session.answer({"submission": number})


def _custodian(session: Session, given: str | None) -> Address | None:
    """Return the custodian's address; None stands for the contributor itself."""
    from sheaf import actions

    own = actions.list_accounts(session.settings.keystore_directory)
    if given is None:
        return own.get("custodian")
    return own[given] if given in own else session.address(given, "custodian")


@verb(app, "resume")
def resume(session: Session) -> None:
    """Finish submissions that a crash left half sent.

    Example: sheaf submission resume --account contributor
    """
    from sheaf import actions

    session.answer({"submissions": actions.resume_submissions(session.acting)})


@verb(app, "list")
def list_all(
    session: Session,
    request: Annotated[int | None, typer.Option(help="Only those to this request.")] = None,
    contributor: Annotated[str | None, typer.Option(help="Only those of this address.")] = None,
) -> None:
    """List submissions and where they stand.

    Example: sheaf submission list --request 1
    """
    from sheaf import actions

    found = actions.list_submissions(
        session.market, request, session.address(contributor, "contributor") if contributor else None
    )

    def show(out: Console) -> None:
        table = Table(
            "submission",
            "request",
            "contributor",
            "records",
            "phase",
            "approved",
            "rejected",
            "paid",
            box=None,
        )
        for one in found:
            table.add_row(
                str(one.submission), str(one.request), one.contributor, str(one.records), one.phase,
                str(one.approved), str(one.rejected), tokens(one.paid),
            )  # fmt: skip
        out.print(table)

    session.answer({"submissions": found}, show)


@verb(app, "status")
def status(session: Session, number: Number) -> None:
    """Show where a submission stands and what is due next.

    Example: sheaf submission status 3 --json
    """
    from sheaf import actions

    session.answer(actions.status(session.market, number))


@verb(app, "explain")
def explain(session: Session, number: Number) -> None:
    """Give the reason for every refused record (for those who hold the key: contributor, committee, buyer).

    Example: sheaf submission explain 3 --account contributor
    """
    from sheaf import actions

    verdict = actions.explain(session.acting, number)

    def show(out: Console) -> None:
        counts = Counter(verdict.decisions)
        out.print(", ".join(f"{counts[kind]} {kind.value}" for kind in Decision))
        for finding in verdict.findings:
            out.print(f"  record {finding.record}: {finding.code} {finding.detail}", markup=False)

    session.answer(verdict, show)


@verb(app, "draw")
def draw(session: Session, number: Number) -> None:
    """Draw the committee, if it is time (anyone may).

    Example: sheaf submission draw 3 --account outsider
    """
    from sheaf import actions

    session.answer({"submission": number, "drawn": actions.draw(session.acting, number)})


@verb(app, "void")
def void(session: Session, number: Number) -> None:
    """Give bond and reserve back for a submission that found no committee (anyone may).

    Example: sheaf submission void 3 --account contributor
    """
    from sheaf import actions

    actions.void(session.acting, number)
    session.answer({"submission": number, "void": True})


@verb(app, "settle")
def settle(session: Session, number: Number) -> None:
    """Settle a decided submission after its challenge window (anyone may).

    Example: sheaf submission settle 3 --account outsider
    """
    from sheaf import actions

    session.answer(actions.settle(session.acting, number))


@verb(app, "claim")
def claim(session: Session, number: Number) -> None:
    """Settle if need be, and take what is owed in one transaction.

    Example: sheaf submission claim 3 --account contributor
    """
    from sheaf import actions

    paid = actions.claim(session.acting, number)
    session.answer({"submission": number, "paid": paid}, lambda out: out.print(f"{tokens(paid)} paid"))
