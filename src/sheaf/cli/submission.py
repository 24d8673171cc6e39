"""`sheaf submission`: what a contributor sends and what became of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sheaf.cli.frame.paper import Paper, short, when
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import Missing
from sheaf.domain.ids import Address, SubmissionId

if TYPE_CHECKING:
    from collections.abc import Callable

    from sheaf.actions import Settlement, Status

app = typer.Typer(no_args_is_help=True, help="Submissions: preview, send, resume, watch, explain, claim.")

Number = Annotated[int, typer.Argument(help="The submission's number.", metavar="SUBMISSION", min=0)]
RequestNumber = Annotated[int, typer.Argument(help="The request's number.", metavar="REQUEST", min=0)]
Source = Annotated[Path, typer.Argument(help="CSV, JSONL, Parquet, or a folder of labelled images.")]

SHOWN_FINDINGS = 50
KEEPER_TICKS = 60
"""So many looks at whether the keeper of a request's gold has mixed it."""
ENDED = ("settled", "void")


@verb(app, "preview")
def preview(session: Session, request: RequestNumber, source: Source) -> None:
    """Say what would be refused and what it would cost, without sending anything.

    Example: sheaf submission preview 1 records.csv
    """
    from sheaf import actions

    seen = actions.preview(session.market, request, source)
    _, money = session.money_of(request)

    def show(out: Paper) -> None:
        out.line(f"{seen.records} records, {len(seen.findings)} findings, bond {money.write(seen.bond)}")
        if seen.keeper:
            out.line(
                f"up to {seen.gold} records with known answers are mixed in by {seen.keeper}, who is given yours first; "
                "their bond comes back"
            )
        for finding in seen.findings[:SHOWN_FINDINGS]:
            out.line(f"  record {finding.record}: {finding.code} {finding.detail}")
        if len(seen.findings) > SHOWN_FINDINGS:
            out.line(f"  … and {len(seen.findings) - SHOWN_FINDINGS} more (--json lists all)")

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

    Where the request has gold its keeper, who must be the custodian, mixes it in first; that is waited for.

    Example: sheaf submission send 1 records.csv --account contributor
    """
    from sheaf import actions

    chosen, me = _custodian(session, custodian), session.acting
    with session.working("sending"):
        number = _sent(
            session,
            lambda: actions.submit(me, request, source, custodian=chosen, is_forced=force),
            is_mixed=actions.specification(me, request).gold is not None,
        )
    session.answer(
        {"submission": number},
        lambda out: out.line(f"submission {number}; follow it with `sheaf submission watch {number}`"),
    )


def _sent(session: Session, send: Callable[[], SubmissionId], *, is_mixed: bool) -> SubmissionId:
    """Call `send` until it is through: a keeper that runs mixes within a few ticks. Raises Missing when it does not."""
    for _ in range(KEEPER_TICKS if is_mixed else 0):
        try:
            return send()
        except Missing:
            session.pause()
    return send()


def _custodian(session: Session, given: str | None) -> Address | None:
    """Return the custodian's address; None stands for the contributor itself."""
    from sheaf import actions

    if given is None:
        return actions.list_accounts(session.settings.keystore_directory).get("custodian")
    return session.address(given, "custodian")


@verb(app, "resume")
def resume(session: Session) -> None:
    """Finish submissions that a crash left half sent.

    Example: sheaf submission resume --account contributor
    """
    from sheaf import actions

    found = actions.resume_submissions(session.acting)
    words = f"finished: {', '.join(map(str, found))}" if found else "nothing was left half sent"
    session.answer({"submissions": found}, lambda out: out.line(words))


@verb(app, "list")
def list_all(
    session: Session,
    request: Annotated[int | None, typer.Option(help="Only those to this request.", min=0)] = None,
    contributor: Annotated[str | None, typer.Option(help="Only those of this account.")] = None,
) -> None:
    """List submissions and where they stand.

    Example: sheaf submission list --request 1
    """
    from sheaf import actions

    whose = session.address(contributor, "contributor") if contributor else None
    found = actions.list_submissions(session.market, request, whose)

    def show(out: Paper) -> None:
        rows = []
        for one in found:
            _, money = session.money_of(one.request)
            counts = (one.records, one.approved, one.rejected, money.brief(one.paid))
            rows.append((one.submission, one.request, short(one.contributor), one.phase, *counts))
        heads = ("no", "request", "contributor", "phase", "records", "approved", "rejected", "paid")
        out.table(heads, rows, right={*heads} - {"contributor", "phase"})

    session.answer({"submissions": found}, show)


@verb(app, "status")
def status(session: Session, number: Number) -> None:
    """Show where a submission stands and what is due next.

    Example: sheaf submission status 3 --json
    """
    from sheaf import actions

    state = actions.status(session.market, number)
    session.answer(state, lambda out: _show(session, out, state))


@verb(app, "watch")
def watch(session: Session, number: Number) -> None:
    """Follow a submission until it is settled or void, and show how it ended.

    Example: sheaf submission watch 3
    """
    from sheaf import actions

    said = ""
    with session.working(f"watching submission {number}") as report:
        while True:
            state = actions.status(session.market, number)
            words = _words(state)
            if words != said:
                said = words
                report(words)
                session.talk.line((when(session.market.chain.block().timestamp) + "  ", "dim"), words)
            if state.phase in ENDED:
                break
            session.pause()
    session.answer(state, lambda out: _show(session, out, state))


@verb(app, "explain")
def explain(session: Session, number: Number) -> None:
    """Give the reason for every refused record (for those who hold the key: contributor, committee, buyer).

    Example: sheaf submission explain 3 --account contributor
    """
    from sheaf import actions
    from sheaf.domain.verdict import Decision

    verdict = actions.explain(session.acting, number)
    until, refused = _challengeable(session, number)

    def show(out: Paper) -> None:
        counts = Counter(verdict.decisions)
        out.line(", ".join(f"{counts[kind]} {kind.value}" for kind in Decision))
        for finding in verdict.findings:
            out.line(f"  record {finding.record}: {finding.code} {finding.detail}")
        if refused:
            bond = session.currency().write(actions.bond_for(session.market, number, refused))
            out.line(f"wrongly refused? until {when(until)}: `sheaf dispute challenge {number}`, with {bond}")

    session.answer(verdict, show)


@verb(app, "draw")
def draw(session: Session, number: Number) -> None:
    """Draw the committee, if it is time (anyone may).

    Example: sheaf submission draw 3 --account outsider
    """
    from sheaf import actions

    is_drawn = actions.draw(session.acting, number)
    words = "its committee is drawn" if is_drawn else "no draw is due"
    session.answer(
        {"submission": number, "drawn": is_drawn}, lambda out: out.line(f"submission {number}: {words}")
    )


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

    ended = actions.settle(session.acting, number)
    session.answer(ended, lambda out: _show_settlement(session, out, ended))


@verb(app, "claim")
def claim(session: Session, number: Number) -> None:
    """Settle if need be, and take what is owed in one transaction.

    Example: sheaf submission claim 3 --account contributor
    """
    from sheaf import actions

    _, money = session.money_of(actions.status(session.market, number).request)
    paid = actions.claim(session.acting, number)
    session.answer({"submission": number, "paid": paid}, lambda out: out.line(f"{money.write(paid)} paid"))


def _challengeable(session: Session, number: int) -> tuple[int, int]:
    """Return until when the verdict may be challenged, and how many refused records no case names yet; (0, 0) when it is too late."""
    from sheaf import actions

    market = session.market
    until = actions.challenge_until(market, market.docket.case(number))
    if market.chain.block().timestamp >= until:
        return 0, 0
    return until, len(actions.refusals(market, number))


def _words(state: Status) -> str:
    words = state.phase
    if state.phase == "reviewing":
        words += f": round {state.round}, {state.committed} of {state.size} committed, {state.opened} opened"
    if state.phase in ("decided", "held", "settled"):
        words += f": {state.approved} approved, {state.rejected} rejected, {state.hung} hung"
    return words + (f"; due: {state.is_due}" if state.is_due else "")


def _show(session: Session, out: Paper, state: Status) -> None:
    _, money = session.money_of(state.request)
    now = session.market.chain.block().timestamp
    rows = {
        "submission": f"{state.submission} to request {state.request}",
        "phase": _words(state),
        "records": state.records,
        "contributor": state.contributor,
        "custodian": state.custodian,
        "commit until": when(state.commit_until, now) if state.phase == "reviewing" else "",
        "reveal until": when(state.reveal_until, now) if state.phase == "reviewing" else "",
        "settled from": when(state.settle_after, now) if state.phase in ("decided", "held") else "",
        "paid": money.write(state.paid) if state.phase == "settled" else "",
        "root": state.root,
        "content": state.cid or "its CID is none",
        "transaction": f"{state.transaction}, block {state.block}",
    }
    out.pairs({name: value for name, value in rows.items() if value != ""})


def _show_settlement(session: Session, out: Paper, ended: Settlement) -> None:
    from sheaf import actions

    _, money = session.money_of(actions.status(session.market, ended.submission).request)
    amounts = ("paid", "validators_paid", "bond_back", "forfeited", "protocol_fee", "unearned")
    out.pairs(
        {
            "submission": ended.submission,
            "records": f"{ended.approved} approved, {ended.rejected} rejected, {ended.hung} hung",
            **{name: money.write(getattr(ended, name)) for name in amounts},
            "transaction": ended.transaction,
        }
    )
