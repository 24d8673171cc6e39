"""`sheaf compute serve`, `order`, `result`: computing over data that do not move, for money."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from sheaf.cli.compute import WithTier
from sheaf.cli.frame.computed import in_words, write_placed, write_progress, write_result
from sheaf.cli.frame.paper import when
from sheaf.cli.network import Health, WithParent, run_roles
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError
from sheaf.domain.job import Tier

app = typer.Typer()

Number = Annotated[int, typer.Argument(help="The order's number.", metavar="ORDER", min=1)]


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
    dataset: Annotated[int, typer.Argument(help="The dataset's number.", metavar="DATASET", min=1)],
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
    download: Annotated[
        bool, typer.Option("--download", help="The records themselves, where their owner sells them.")
    ] = False,
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
    """Order a statistic, a model, a program's answer or the records. What is asked is sealed to the provider; the chain has its hash.

    Example: sheaf compute order 1 --sql "SELECT count(*) FROM data" --epsilon 0.5 --account buyer
    """
    from sheaf.actions.compute.order import Computation, order_computation
    from sheaf.actions.compute.progress import progress

    wanted = _wanted(sql, epsilon, train, program, parameters, download)
    named = session.address(provider, "provider") if provider else None
    made = order_computation(
        session.acting,
        dataset,
        Computation(
            **wanted, purpose=purpose, provider=named, is_ticket=ticket, is_deterministic=deterministic
        ),
    )
    found = progress(session.acting, made, session.acting)
    session.answer(found, lambda out: write_placed(out, session, found))


@verb(app, "show")
def show(session: Session, number: Number) -> None:
    """Show how far an order is: when its answer may leave, whether it came, when the money can be taken back. As its buyer, with --account.

    Example: sheaf compute show 3 --account buyer
    """
    from sheaf.actions.compute.progress import progress

    found = progress(session.market, number, session.acting if session.settings.account else None)
    session.answer(found, lambda out: write_progress(out, session, found))


@verb(app, "watch")
def watch(session: Session, number: Number) -> None:
    """Follow an order until its answer has come, or until it is over, and show how it ended.

    Example: sheaf compute watch 3 --account buyer
    """
    from sheaf.actions.compute.progress import progress

    reader, said = session.acting if session.settings.account else None, ""
    with session.working(f"watching order {number}") as report:
        while True:
            found = progress(session.market, number, reader)
            words = in_words(session, found)
            if words != said:
                said = words
                report(words)
                session.talk.line((when(session.market.chain.block().timestamp) + "  ", "dim"), words)
            if found.is_over or found.answer in ("come", "forged"):
                break
            session.pause()
    session.answer(found, lambda out: write_progress(out, session, found))


@verb(app, "result")
def result(
    session: Session,
    number: Number,
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
        "epsilon": found.epsilon,
        "receipt": found.receipt,
        "checked": found.checked,
    }
    session.answer(answer, lambda out: write_result(out, found, target))


def _wanted(
    sql: str | None,
    epsilon: float | None,
    train: Path | None,
    program: Path | None,
    parameters: str,
    is_download: bool,
) -> dict[str, Any]:
    """Return method or program with its parameters. Raises InputError unless exactly one thing is wanted."""
    given = [name for name, one in (("sql", sql), ("train", train), ("program", program)) if one is not None]
    given += ["download"] if is_download else []
    if len(given) != 1:
        fix = "give one of --sql, --train, --program, --download"
        raise InputError("order", ", ".join(given) or "nothing asked for", fix)
    if epsilon is not None and not (math.isfinite(epsilon) and epsilon > 0):
        raise InputError("epsilon", epsilon, "give a number above zero")
    if is_download:
        from sheaf.domain.order import DOWNLOAD

        return {"method": DOWNLOAD}
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
