"""The traffic of the kill test: what buyer and contributors do, in steps that anyone may repeat until they are done.

Each step runs in a process of its own and may be killed anywhere; the next try looks first, as a person would.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sheaf import actions, bootstrap
from sheaf.actions import Context
from sheaf.actions.status import decided
from sheaf.domain.amounts import WAD
from sheaf.domain.request import CheckUse, Specification
from sheaf.formats import bundle
from tests.flows.stage import PASSWORD
from tests.flows.town import SCHEMA, points

WAVES = 4
CONTRIBUTORS = tuple(f"contributor-{number + 1}" for number in range(4))
PEOPLE = ("buyer", *CONTRIBUTORS)
PRICES = (WAD, 2 * WAD, WAD // 2)
SCOPES = ("market", "request", "market")
ESCROW = 300 * WAD
ADDED = 7 * WAD


@dataclass(frozen=True)
class Step:
    """Something that one person does: a function of this module with its arguments, or a command for which it stands."""

    who: str
    what: str
    args: tuple[Any, ...] = ()
    is_command: bool = False

    def __str__(self) -> str:
        return f"{self.who} {self.what} {' '.join(map(str, self.args))}"


def phases(folder: Path) -> Iterator[tuple[str, list[list[Step]]]]:
    """Yield the phases of the story by name; in each, several people act at once, each through a list of steps."""
    yield "open", [[Step("buyer", "open_request", (number,)) for number in range(len(PRICES))]]
    for wave in range(WAVES):
        offers = [
            [Step(who, "offer", (wave, str(folder)), is_command=(place + wave) % 4 == 0)]
            for place, who in enumerate(CONTRIBUTORS)
        ]
        yield f"wave {wave}", offers
        takings = [[Step(who, "take", (wave,))] for who in CONTRIBUTORS[wave % 2 :: 2]]
        number = wave % len(PRICES)
        fetched = [Step("buyer", "fetch", (number, str(folder / f"bundle-{wave}")), is_command=wave == 2)]
        added = [Step("buyer", "add", (number, 1 + wave // len(PRICES)))] if wave % 2 else []
        yield f"harvest {wave}", [*takings, [*fetched, *added]]
    yield (
        "close",
        [
            [
                step
                for number in range(len(PRICES))
                for step in (
                    Step("buyer", "close", (number,)),
                    Step(
                        "buyer",
                        "fetch",
                        (number, str(folder / f"bundle-of-{number}")),
                        is_command=number == 0,
                    ),
                )
            ],
            *[[Step(who, "withdraw")] for who in CONTRIBUTORS],
        ],
    )


def act(home: str, rpc: str, step: Step) -> None:
    """Do one step in this process; ends it with 1 where the step is not done, for whatever reason."""
    try:
        STEPS[step.what](connect(home, rpc, step.who), *step.args)
    except Exception as error:
        with (Path(home) / "traffic.log").open("a") as log:
            log.write(f"{step}: {type(error).__name__}: {error}\n")
        sys.exit(1)


def connect(home: str, rpc: str, who: str | None = None) -> Context:
    """Return the market, as one of its people."""
    settings = bootstrap.read_settings(home=Path(home), rpc=rpc)
    return bootstrap.connect(settings, account=who, password=PASSWORD) if who else bootstrap.connect(settings)


# What people do


def open_request(ctx: Context, number: int) -> None:
    """Open request `number`, told from others by its price."""
    if _request(ctx, number) is None:
        wanted = Specification(
            title=f"Points and their sides, part {number}",
            schema=SCHEMA,
            licence="CC-BY-4.0",
            label="label",
            checks=(
                CheckUse("commitment"),
                CheckUse("schema"),
                CheckUse("duplicates", parameters={"scope": SCOPES[number]}),
            ),
        )
        actions.open_request(ctx, wanted, price=PRICES[number], escrow=ESCROW, record_limit=400)


def offer(ctx: Context, wave: int, folder: str) -> None:
    """Submit the records of one's file for a wave."""
    names = actions.list_accounts(ctx.home / "keystore")
    place = CONTRIBUTORS.index(next(name for name, at in names.items() if at == ctx.account))
    actions.submit(
        ctx,
        target(place, wave) + 1,
        records_file(Path(folder), place, wave),
        custodian=names["custodian"],
        is_forced=True,
    )


def take(ctx: Context, wave: int) -> None:
    """Claim what a settled submission has earned, and with it all that is owed."""
    own = [one for one in actions.list_submissions(ctx, contributor=ctx.account) if one.records == size(wave)]
    assert len(own) == 1 and own[0].phase == "settled", own
    if actions.owed(ctx):
        actions.claim(ctx, own[0].submission)


def withdraw(ctx: Context) -> None:
    """Take all that is owed."""
    if actions.owed(ctx):
        actions.withdraw(ctx)


def fetch(ctx: Context, number: int, directory: str) -> None:
    """Download what request `number` has bought so far, and hold it against the chain."""
    found = _request(ctx, number)
    assert found is not None
    if not Path(directory).exists():
        actions.download(ctx, found.id, directory)
    checked = actions.verify(ctx, directory)
    assert checked.is_valid, checked


def add(ctx: Context, number: int, times: int) -> None:
    """Add money to a request, if that was not done `times` times before."""
    found = _request(ctx, number)
    assert found is not None
    if actions.ledgers(ctx, found.id)[0].received < ESCROW + ADDED * times:
        actions.fund_request(ctx, found.id, ADDED)


def close(ctx: Context, number: int) -> None:
    """Cancel a request and take back what is left."""
    found = _request(ctx, number)
    assert found is not None
    if not found.is_cancelled:
        actions.cancel(ctx, found.id)
    if actions.show_request(ctx, found.id).free:
        actions.reclaim(ctx, found.id)


def command_of(step: Step) -> list[str]:
    """Return the words of the command that does the same as `step`."""
    if step.what == "offer":
        wave, folder = step.args
        place = CONTRIBUTORS.index(step.who)
        path = records_file(Path(folder), place, wave)
        return [
            "submission",
            "send",
            str(target(place, wave) + 1),
            str(path),
            "--force",
            "--account",
            step.who,
        ]
    number, directory = step.args
    return ["download", str(number + 1), directory, "--account", step.who]


def _request(ctx: Context, number: int) -> Any:
    found = [one for one in actions.list_requests(ctx, ctx.account) if one.price == PRICES[number]]
    assert len(found) <= 1, f"opened {len(found)} times"
    return found[0] if found else None


# What they offer


def target(place: int, wave: int) -> int:
    """Return which request contributor `place` offers to in a wave."""
    return (place + wave) % len(PRICES)


def size(wave: int) -> int:
    """Return how many records a submission of a wave has: by it the submissions of one contributor are told apart."""
    return 6 + wave


def records_of(place: int, wave: int) -> pa.Table:
    """Return what contributor `place` offers in a wave: good points, and some copied, repeated, or out of range."""
    own = points(size(wave), seed=1000 * place + wave)
    x, label = own.column("x").to_pylist(), own.column("label").to_pylist()
    if wave:
        # Copied from another's earlier submission.
        earlier = points(size(wave - 1), seed=1000 * ((place + 1) % len(CONTRIBUTORS)) + wave - 1)
        x[:2], label[:2] = earlier.column("x").to_pylist()[3:5], earlier.column("label").to_pylist()[3:5]
    if (place + wave) % 2:
        x[2] = 1.5 + wave
    if (place + wave) % 3 == 0:
        x[-1], label[-1] = x[-2], label[-2]
    return pa.table({"x": x, "label": pa.array(label, pa.int64())})


def records_file(folder: Path, place: int, wave: int) -> Path:
    """Return the file that a contributor sends in a wave."""
    return folder / f"records-{place}-{wave}.csv"


def write_files(folder: Path) -> None:
    """Write all that will be offered."""
    from pyarrow import csv

    folder.mkdir(parents=True)
    for place in range(len(CONTRIBUTORS)):
        for wave in range(WAVES):
            csv.write_csv(records_of(place, wave), records_file(folder, place, wave))


# What became of it


def settled(ctx: Context, wave: int) -> bool:
    """Tell whether all submissions up to a wave are settled."""
    found = actions.list_submissions(ctx)
    return len(found) == len(CONTRIBUTORS) * (wave + 1) and all(one.phase == "settled" for one in found)


def snapshot(home: Path, rpc: str, folder: Path) -> dict[str, Any]:
    """Return all that must not depend on kills: balances, verdicts, ledgers, deliveries, by names that any run shares."""
    ctx = connect(str(home), rpc)
    ctx.docket.refresh()
    names = {at: name for name, at in actions.list_accounts(home / "keystore").items()}
    faucet = actions.list_accounts(home / "network")["faucet"]
    names[faucet] = "faucet"
    return {
        "balances": {name: _balances(ctx, at) for at, name in names.items()},
        "verdicts": _verdicts(ctx, home, rpc, names),
        "ledgers": {
            number: [(one.name, one.received, one.paid, one.returned, one.reserved, one.free, one.is_conserved)
                     for one in actions.ledgers(ctx, number)]
            for number in sorted(ctx.docket.requests)
        },
        "bundles": {path.name: _rows(path) for path in sorted(folder.glob("bundle-*"))},
        "submissions": len(ctx.docket.cases),
        "settlements": len(ctx.chain.events("Requests", "SubmissionSettled", 0)),
    }  # fmt: skip


def _balances(ctx: Context, at: Any) -> tuple[int, ...]:
    held = actions.balances(ctx, at)
    return held.tokens, held.owed, held.staked, held.unbonding, held.locked


def _verdicts(ctx: Context, home: Path, rpc: str, names: dict[Any, str]) -> dict[Any, Any]:
    """Return per submission (contributor, request, records): counts, payment, and each record's decision and reasons."""
    found: dict[Any, Any] = {}
    readers = {name: connect(str(home), rpc, name) for name in CONTRIBUTORS}
    for number, case in ctx.docket.cases.items():
        who = names[case.contributor]
        rejected, hung = decided(case)
        reasons = sorted({(one.record, one.code) for one in actions.explain(readers[who], number).findings})
        assert (who, case.request, case.records) not in found, "the same submission twice"
        paid = actions.settlement_of(ctx, number)
        found[who, case.request, case.records] = (
            np.flatnonzero(rejected).tolist(), np.flatnonzero(hung).tolist(), reasons,
            paid.paid, paid.validators_paid, paid.bond_back, paid.forfeited, paid.protocol_fee, paid.unearned,
        )  # fmt: skip
    return found


def _rows(path: Path) -> list[tuple[float, int]]:
    table = bundle.read(path).to_arrow()
    return sorted(zip(table.column("x").to_pylist(), table.column("label").to_pylist(), strict=True))


STEPS: dict[str, Callable[..., None]] = {
    step.__name__: step for step in (open_request, offer, take, withdraw, fetch, add, close)
}
"""What a step may name."""
