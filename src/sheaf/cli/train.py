"""`sheaf train`: train together with other owners, on records that stay where they are; no market needed."""

from __future__ import annotations

import enum
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sheaf.cli.frame.paper import Paper
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from sheaf.actions.train import JoinReport, Spent, TrainingReport, TrainingStatus

app = typer.Typer(
    no_args_is_help=True, help="Federated training among owners, with sums that nobody can take apart."
)

FolderOption = Annotated[
    Path | None, typer.Option(help="Where key and progress are kept; else `train` in the home folder.")
]


class Unit(enum.StrEnum):
    """About whom a budget promises something."""

    RECORD = "record"
    DATASET = "dataset"


EpsilonOption = Annotated[
    float | None, typer.Option(help="ε that the whole training may cost; without it nothing is promised.")
]
DeltaOption = Annotated[float, typer.Option(help="δ, well below 1 over the number of records.")]
TotalOption = Annotated[
    float | None, typer.Option(help="ε of the account in all, with --epsilon; else as much.")
]
PolicyOption = Annotated[
    Path | None, typer.Option(help="Take ε, δ, total and person from policy.toml instead.")
]
UnitOption = Annotated[
    Unit, typer.Option(help="Whom it is promised to: each record, or the dataset as a whole.")
]
PersonOption = Annotated[
    str | None, typer.Option(help="Field that tells people apart: one record of each is learnt from.")
]
ClipOption = Annotated[
    float | None, typer.Option(help="Length of a record's gradient, or of the dataset's update.")
]
NoiseOption = Annotated[
    float | None, typer.Option(help="Own noise, in the furthest that one unit moves; else what fits.")
]
LedgerOption = Annotated[
    Path | None, typer.Option(help="File that keeps the budget; else budgets.sqlite in the folder.")
]
DatasetOption = Annotated[str | None, typer.Option(help="Account in the ledger, else the file's name.")]
PlanArgument = Annotated[Path, typer.Argument(help="The plan that all have a copy of, TOML.")]


@verb(app, "key")
def key(session: Session, folder: FolderOption = None) -> None:
    """Show the public key of this folder, for a plan; it is made if there is none.

    Example: sheaf train key --folder north
    """
    from sheaf.actions.train import show_identity

    found = show_identity(_folder(session, folder))
    session.answer({"key": found}, lambda out: out.line(found))


@verb(app, "coordinate")
def coordinate(
    session: Session,
    plan: PlanArgument,
    folder: FolderOption = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 takes any.", min=0, max=65535)] = 7117,
    held_out: Annotated[
        Path | None, typer.Option(help="Records on which rounds and contributions are measured.")
    ] = None,
    wait_seconds: Annotated[float, typer.Option(help="How long to wait for enough owners.", min=0)] = 600.0,
) -> None:
    """Run the rounds of a plan; killed and started again it goes on from the last finished round.

    Example: sheaf train coordinate plan.toml --folder coordinator --held-out held_out.csv
    """
    from sheaf.actions.train import coordinate as coordinated

    _quiet()
    report = coordinated(
        plan,
        _folder(session, folder),
        address=(host, port),
        held_out=held_out,
        wait_seconds=wait_seconds,
        on_event=lambda event, told: _tell(session, event, told),
    )
    session.answer(report, lambda out: _show_report(out, report))


@verb(app, "join")
def join(
    session: Session,
    plan: PlanArgument,
    records: Annotated[
        Path, typer.Argument(help="Records to train on: CSV, JSON Lines or Parquet. They stay here.")
    ],
    at: Annotated[str, typer.Option(help="The coordinator, HOST:PORT.")] = "127.0.0.1:7117",
    folder: FolderOption = None,
    patience_seconds: Annotated[
        float, typer.Option(help="How long to go on calling a coordinator that is away.", min=0)
    ] = 600.0,
    epsilon: EpsilonOption = None,
    delta: DeltaOption = 1e-6,
    total: TotalOption = None,
    policy: PolicyOption = None,
    unit: UnitOption = Unit.RECORD,
    person: PersonOption = None,
    clip: ClipOption = None,
    noise: NoiseOption = None,
    ledger: LedgerOption = None,
    dataset: DatasetOption = None,
) -> None:
    """Take part in a training until it is done; killed and started again it goes on with the next round.

    With --epsilon or --policy each round is charged to a ledger before its update leaves; once the budget is spent this owner
    leaves with the reason, and the others go on.

    Example: sheaf train join plan.toml north.csv --folder north --at 127.0.0.1:7117 --epsilon 3
    """
    from sheaf.actions.train import Protected, protected_by
    from sheaf.actions.train import join as joined

    _quiet()
    home = _folder(session, folder)
    terms: dict[str, Any] = {"total": total, "person": person, "clip": clip, "noise": noise}
    protected = Protected(
        records=str(records), ledger=str(ledger or home / "budgets.sqlite"), account=dataset or records.name,
        epsilon=epsilon or 0.0, delta=delta, unit=unit.value, **terms,
    )  # fmt: skip
    if policy is not None:
        _alone("policy", policy, epsilon=epsilon, total=total, person=person)
        protected = protected_by(policy, protected, int(time.time()))
    elif epsilon is None:
        _alone("epsilon", "missing", ledger=ledger, dataset=dataset, **terms)
    is_bare = policy is None and epsilon is None
    report = joined(
        plan,
        records if is_bare else protected,
        home,
        address=_address(at),
        patience_seconds=patience_seconds,
        on_event=lambda event, told: _tell(session, event, told),
    )
    session.answer(report, lambda out: _show_join(out, report))


@verb(app, "status")
def status(
    session: Session,
    plan: PlanArgument,
    folder: FolderOption = None,
    pool: Annotated[
        int | None, typer.Option(help="Money to split by contribution, in whole smallest units.", min=0)
    ] = None,
) -> None:
    """Show how far a training has come, who is in it, and what each owner contributed and is due.

    Example: sheaf train status plan.toml --folder coordinator --pool 1000000
    """
    from sheaf.actions.train import training_status

    found = training_status(plan, _folder(session, folder), pool=pool)
    session.answer(found, lambda out: _show_status(out, found))


def _quiet() -> None:
    """Keep the log off standard output, which has the answer alone."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))


def _folder(session: Session, folder: Path | None) -> Path:
    return folder if folder is not None else session.settings.home / "train"


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise InputError("--at", text, "give HOST:PORT, as 127.0.0.1:7117")
    return host.strip("[]"), int(port)


def _tell(session: Session, event: str, told: dict[str, Any]) -> None:
    if event == "listening":
        session.talk.line(f"listening at port {told['port']}, at round {told['round']}")
    elif event == "repeated":
        session.talk.line(
            f"round {told['round']}, attempt {told['attempt']} failed: {'; '.join(told['reasons'])}"
        )
    elif event == "lost":
        session.talk.line(f"connection lost: {told['reason']}: calling again")
    elif event == "left":
        session.talk.line(f"{told.get('owner', 'this owner')}: {told['reason']}")
    elif event == "abort":
        session.talk.line(f"left the round: {told['reason']}")
    elif "survivors" in told:
        accuracy = f", accuracy {told['accuracy']:.4f}" if told["accuracy"] is not None else ""
        session.talk.line(
            f"round {told['round_number']}: {len(told['survivors'])} owners, {told['seconds']:.2f} s{accuracy}"
        )


def _alone(field: str, value: object, **others: object) -> None:
    """Refuse options that mean nothing beside a policy, or without a budget."""
    given = [name for name, one in others.items() if one is not None]
    if given and field == "policy":
        raise InputError(field, value, f"leave --{given[0]} out: the policy says it")
    if given:
        raise InputError(field, value, f"give --epsilon or --policy with --{given[0]}")


def _show_join(out: Paper, report: JoinReport) -> None:
    out.line(f"{report.owner}: {report.rounds} rounds in {report.seconds:.1f} s")
    if report.left:
        out.line(report.left)
    if report.spent is None:
        out.line("nothing is promised about the records: give --epsilon or --policy")
    else:
        _show_spent(out, report.spent)


def _show_spent(out: Paper, spent: Spent) -> None:
    out.line(
        f"privacy of each {spent.unit}: ε = {spent.epsilon:.3g} of {spent.epsilon_allowed:g} at δ = {spent.delta:g} "
        f"for {spent.rounds} rounds; {spent.rounds_left} more fit"
    )
    out.line(f"{spent.account} in all: ε = {spent.account_epsilon:.3g} of {spent.account_total:g}")


def _show_report(out: Paper, report: TrainingReport) -> None:
    accuracy = f", accuracy {report.accuracy:.4f}" if report.accuracy is not None else ""
    out.line(
        f"{report.name}: {report.rounds} rounds, {report.repeated} repeated{accuracy}; model in {report.model}"
    )


def _show_status(out: Paper, found: TrainingStatus) -> None:
    accuracy = f", accuracy {found.accuracy:.4f}" if found.accuracy is not None else ""
    out.line(f"{found.name} as {found.role}: round {found.round_number} of {found.rounds}{accuracy}")
    heads = ("owner", "rounds", "contribution", "share", "left")
    rows = [
        (
            one.name,
            one.rounds,
            f"{one.contribution:.4f}" if one.contribution is not None else "",
            f"{one.share:,}" if one.share is not None else "",
            len(one.aborts) or "",
        )
        for one in found.owners
    ]
    out.table(heads, rows, right=heads[1:])
    for one in found.owners:
        for reason in [*one.aborts[-3:], *([one.left] if one.left else [])]:
            out.line(f"{one.name}: {reason}")
    if found.spent is not None:
        _show_spent(out, found.spent)
