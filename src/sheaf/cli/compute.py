"""`sheaf compute` on one's own machine: what a policy lets out, a twin of the data, a rehearsal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sheaf.cli.frame.paper import Paper
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError
from sheaf.domain.job import Tier

if TYPE_CHECKING:
    from sheaf.actions.compute.explained import PolicyReport
    from sheaf.actions.compute.explained import Terms as PolicyTerms
    from sheaf.actions.compute.rehearse import Rehearsal

app = typer.Typer(
    no_args_is_help=True,
    help="Compute over data that do not move: policies, twins, rehearsals, orders, answers.",
)

Policy = Annotated[
    str, typer.Option(help="policy.toml, or the number of a published dataset.", metavar="FILE|DATASET")
]
WithTier = Annotated[
    Tier, typer.Option("--tier", help="How hard programs are kept apart: gvisor has a kernel of its own.")
]


@verb(app, "check")
def check(session: Session, tier: WithTier = Tier.BUBBLEWRAP) -> None:
    """Test whether programs of others can be kept apart on this machine: a job tries every known way out, and none may succeed.

    Example: sheaf compute check --tier gvisor
    """
    from sheaf import bootstrap
    from sheaf.actions.compute.rehearse import check as checked

    with session.working("trying to break out"):
        found = checked(*bootstrap.sandbox(tier))
    session.answer(
        found, lambda out: out.line(f"{found.sandbox} holds: self-test passed in {found.seconds:.2f} s")
    )


@verb(app, "explain")
def explain(
    session: Session,
    policy: Annotated[
        str,
        typer.Argument(help="policy.toml, or the number of a published dataset.", metavar="FILE|DATASET"),
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="The records, to try the policy's fields on: CSV, JSON Lines or Parquet."),
    ] = None,
) -> None:
    """Explain what a policy lets out, in words and bits, and warn of what its owner may not have meant.

    Example: sheaf compute explain policy.toml --data patients.parquet
    """
    from sheaf.actions.compute.explained import explained

    found = explained(_terms(session, policy), data)
    session.answer(found, lambda out: _show_policy(out, found))


def _show_policy(out: Paper, found: PolicyReport) -> None:
    for one in found.remarks:
        if not one.is_warning:
            out.line(one.text)
    if any(one.is_warning for one in found.remarks):
        out.head("look at")
    for one in found.remarks:
        if one.is_warning:
            out.line(("! ", "yellow"), one.text)


@verb(app, "twin")
def twin(
    session: Session,
    data: Annotated[
        str,
        typer.Argument(
            help="A published dataset's number, or its records: only their columns are used.",
            metavar="DATASET|FILE",
        ),
    ],
    target: Annotated[Path, typer.Argument(help="Parquet file to write.")],
    policy: Annotated[
        str | None, typer.Option(help="policy.toml, where records are given.", metavar="FILE|DATASET")
    ] = None,
    rows: Annotated[int, typer.Option(help="How many records.", min=0)] = 1000,
    seed: Annotated[int, typer.Option(help="Another seed gives another twin.", min=0)] = 0,
) -> None:
    """Write a synthetic twin: the columns that a job over these data sees, and no value of them.

    Example: sheaf compute twin 1 twin.parquet --rows 500
    """
    from dataclasses import replace

    from sheaf.actions.compute.explained import write_twin
    from sheaf.formats import records

    if policy is None and not _is_number(data):
        raise InputError("policy", "none", "give --policy policy.toml with records")
    terms = _terms(session, policy or data)
    if not _is_number(data):
        terms = replace(terms, schema=records.read_as_is(Path(data)).schema)
    found = write_twin(terms, target, rows, seed)
    session.answer(
        found,
        lambda out: out.line(
            f"{found.file}: {found.records:,} made records of {len(found.fields)} fields, no value of the data"
        ),
    )


@verb(app, "try")
def attempt(
    session: Session,
    program: Annotated[Path, typer.Argument(help="Python file with compute(folder, parameters).")],
    data: Annotated[Path, typer.Argument(help="Records, or a twin of them: CSV, JSON Lines or Parquet.")],
    policy: Policy,
    parameters: Annotated[str, typer.Option(help="JSON, handed to the program.")] = "{}",
    purpose: Annotated[
        str, typer.Option(help="One of the policy's purposes; its first if none is given.")
    ] = "",
    tier: WithTier = Tier.BUBBLEWRAP,
    unconfined: Annotated[
        bool,
        typer.Option("--unconfined", help="Without a sandbox: for your own program on your own machine."),
    ] = False,
) -> None:
    """Run a program here as a provider would: what it returns is put into the policy's form, and what would leave is shown.

    Example: sheaf compute try train.py twin.parquet --policy 1 --json
    """
    from sheaf import bootstrap
    from sheaf.actions.compute.rehearse import Terms, rehearse

    sandbox, environment = bootstrap.sandbox("unconfined" if unconfined else tier)
    allowed = _terms(session, policy).policy
    with session.working("running"):
        found = rehearse(program, data, allowed, sandbox, environment, Terms(purpose, parameters))
    session.answer(found, lambda out: _show_rehearsal(out, found))


def _show_rehearsal(out: Paper, found: Rehearsal) -> None:
    out.line(f"{found.ending} in {found.seconds:.2f} s; an answer carries at most {found.bits:,.1f} bits")
    if not found.is_approved:
        out.line(
            ("not approved: ", "yellow"), "a provider runs it once the owner lists its hash under algorithms"
        )
    if found.kept_back:
        out.line(("kept back: ", "yellow"), found.kept_back)
    out.head("what would leave")
    out.quoted(found.output)
    if found.log.strip():
        out.head("log, for the owner alone")
        out.quoted(found.log)
    out.head("receipt")
    out.pairs(found.receipt)


def _is_number(text: str) -> bool:
    """Whether a text is a dataset's number, and not the name of a file that there is."""
    return text.isascii() and text.isdigit() and len(text) < 19 and not Path(text).exists()


def _terms(session: Session, policy: str) -> PolicyTerms:
    """Return what is known of data from a policy's file, or from the manifest of a published dataset."""
    from sheaf.actions.compute.explained import terms_of_dataset, terms_of_file

    return (
        terms_of_dataset(session.market, int(policy)) if _is_number(policy) else terms_of_file(Path(policy))
    )
