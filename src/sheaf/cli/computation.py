"""`sheaf compute serve`, `order`, `result`: computing over data that do not move, for money."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sheaf.cli.compute import WithTier
from sheaf.cli.frame.paper import Paper
from sheaf.cli.network import Health, WithParent, run_roles
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError
from sheaf.domain.job import Tier

if TYPE_CHECKING:
    from sheaf.actions.compute.result import Result

app = typer.Typer()


@verb(app, "serve")
def serve(
    session: Session,
    data: Annotated[
        list[str] | None,
        typer.Option(help="DATASET=DIR: where its records lie; the owner's machine knows. May be repeated."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Queue, budgets and jobs; else `compute` in the account's journal.")
    ] = None,
    slots: Annotated[int, typer.Option(help="How many jobs run at once.", min=1, max=256)] = 2,
    disk_gib: Annotated[int, typer.Option(help="Disk that jobs may take together.", min=1)] = 10,
    tier: WithTier = Tier.BUBBLEWRAP,
    health: Health = None,
    with_parent: WithParent = False,
) -> None:
    """Run a provider until it is stopped: take orders on, keep the budgets, run jobs, deliver, refund.

    Without a sandbox that holds here, only statistics and trusted training are served; a policy that demands gVisor is served with
    `--tier gvisor` alone. Example: sheaf compute serve --account provider
    """
    import time
    from concurrent.futures import ThreadPoolExecutor

    from sheaf import bootstrap
    from sheaf.nodes.compute import serving
    from sheaf.nodes.compute.provider import Rules

    me = session.acting
    sandbox, environment = bootstrap.sandbox(tier)
    site = serving.Site(
        folder or me.folder / "compute",
        _places(data or []),
        sandbox,
        environment,
        disk_gib << 30,
        Rules(slots),
    )
    with ThreadPoolExecutor(slots) as pool:
        with session.working("reading what there is to serve"):
            made = serving.serve(me, site, pool, time.time)
            made.provider.start()
        for number, versions in made.served.items():
            session.talk.line(f"dataset {number}: {len(versions)} versions")
        for name, reason in made.skipped.items():
            session.talk.line(("not served: ", "yellow"), f"{name}: {reason}")
        session.talk.line(f"provider {me.account}; stop with Ctrl-C")
        run_roles(session, [made.provider], health, with_parent)


@verb(app, "order")
def order(
    session: Session,
    dataset: Annotated[int, typer.Argument(help="The dataset's number.", metavar="DATASET")],
    sql: Annotated[str | None, typer.Option(help="A question, for statistics with noise.")] = None,
    epsilon: Annotated[
        float | None, typer.Option(help="ε that the answer may cost; else all it may.")
    ] = None,
    train: Annotated[
        Path | None, typer.Option(help="What to learn, JSON: features, label, and a recipe.")
    ] = None,
    program: Annotated[
        Path | None, typer.Option(help="A Python file with compute(folder, parameters).")
    ] = None,
    parameters: Annotated[str, typer.Option(help="JSON, handed to the program.")] = "{}",
    purpose: Annotated[str, typer.Option(help="One of the policy's purposes; else its first.")] = "",
    provider: Annotated[
        str | None, typer.Option(help="Who computes; else the first with free stake.")
    ] = None,
    ticket: Annotated[bool, typer.Option("--ticket", help="Pay with a use that was bought ahead.")] = False,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The program gives the same bytes every time.")
    ] = False,
) -> None:
    """Order a statistic, a model or a program's answer. What is asked is sealed to the provider; the chain has its hash.

    Example: sheaf compute order 1 --sql "SELECT count(*) FROM data" --epsilon 0.5 --account buyer
    """
    from sheaf.actions.compute.order import Computation, order_computation

    wanted = _wanted(sql, epsilon, train, program, parameters)
    named = session.address(provider, "provider") if provider else None
    made = order_computation(
        session.acting,
        dataset,
        Computation(
            **wanted, purpose=purpose, provider=named, is_ticket=ticket, is_deterministic=deterministic
        ),
    )
    session.answer(
        {"order": made, "dataset": dataset},
        lambda out: out.line(f"order {made} is placed: `sheaf compute result {made}` when it is delivered"),
    )


@verb(app, "result")
def result(
    session: Session,
    number: Annotated[int, typer.Argument(help="The order's number.", metavar="ORDER")],
    target: Annotated[Path | None, typer.Option(help="File for the output; else it is shown.")] = None,
    environment: Annotated[
        str | None, typer.Option(help="Hash of the environment that the job should have run in.")
    ] = None,
) -> None:
    """Open the answer to an order and check its receipt: data, algorithm, policy, purpose, budget, output, signature.

    Example: sheaf compute result 3 --account buyer --json
    """
    from sheaf.actions.compute.result import open_result

    if target is not None and target.exists():
        raise InputError("target", target.name, "is there already: name a new file")
    found = open_result(session.acting, number, environment)
    if target is not None:
        target.write_bytes(found.output)
    answer = {
        "order": found.order,
        "state": found.state,
        "is_failed": found.is_failed,
        "output": str(target) if target else found.output.decode(errors="replace"),
        "receipt": found.receipt,
        "checked": found.checked,
    }
    session.answer(answer, lambda out: _show(out, found, target))


def _show(out: Paper, found: Result, target: Path | None) -> None:
    if target is None:
        out.quoted(found.output.decode(errors="replace"))
    else:
        out.line(f"{len(found.output):,} bytes in {target}")
    if found.is_failed:
        out.line(("failed: ", "yellow"), "the provider could not answer it, and says no more")
    out.head("receipt", f": checked {', '.join(found.checked)}")
    from sheaf.cli.session import plain

    out.pairs(plain(found.receipt))


def _wanted(
    sql: str | None, epsilon: float | None, train: Path | None, program: Path | None, parameters: str
) -> dict[str, Any]:
    """Return method or program with its parameters. Raises InputError unless exactly one thing is wanted."""
    if sum(one is not None for one in (sql, train, program)) != 1:
        raise InputError("order", "none or several", "give one of --sql, --train, --program")
    if program is not None:
        return {"program": program.read_bytes(), "parameters": parameters}
    if sql is not None:
        return {"method": "query", "parameters": json.dumps({"sql": sql, "epsilon": epsilon})}
    assert train is not None
    try:
        lesson = json.loads(train.read_bytes())
    except (ValueError, RecursionError):
        raise InputError("train", train.name, "give JSON: features, label, and a recipe") from None
    if not isinstance(lesson, dict):
        raise InputError("train", train.name, "give a JSON object: features, label, and a recipe")
    told = {} if epsilon is None else {"epsilon": epsilon}
    return {"method": "train", "parameters": json.dumps({**lesson, **told})}


def _places(given: list[str]) -> dict[int, Path]:
    places = {}
    for text in given:
        number, sign, path = text.partition("=")
        if not sign or not path or not (number.isascii() and number.isdigit()):
            raise InputError("data", text, "give DATASET=DIR, such as 3=/srv/ward")
        places[int(number)] = Path(path)
    return places
