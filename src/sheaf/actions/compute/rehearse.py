"""A job run here and now, under a policy, as a provider would run it: what would leave, and what would not."""

from __future__ import annotations

import hashlib
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sheaf.domain.errors import InputError, Refused
from sheaf.domain.job import Ending, Job, Outcome
from sheaf.domain.order import FAILED_OUTPUT, Order, Receipt
from sheaf.domain.policy import Policy, Release
from sheaf.formats import records
from sheaf.formats.release.shown import PROGRAM, lay_out, project

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.ports import Sandbox


class Rehearsal(msgspec.Struct, frozen=True):
    """What a job came to: `output` would leave, `log` stays with the owner, `kept_back` says why an output did not keep the form."""

    ending: str
    output: str
    is_failed: bool
    is_approved: bool
    kept_back: str
    log: str
    seconds: float
    bits: float
    receipt: dict[str, str | int]


class Terms(msgspec.Struct, frozen=True):
    """What a job is ordered for (none: the policy's first purpose), and with which parameters (JSON)."""

    purpose: str = ""
    parameters: str = "{}"


class SandboxReport(msgspec.Struct, frozen=True):
    """That jobs can be kept apart on this machine: by what, and how long the self-test took."""

    sandbox: str
    seconds: float
    environment: str


def check(sandbox: Sandbox, environment: str) -> SandboxReport:
    """Run the self-test of `sandbox`. Raises SandboxError if jobs cannot be kept apart here."""
    start = time.perf_counter()
    sandbox.check()
    return SandboxReport(sandbox.name, time.perf_counter() - start, environment)


def rehearse(
    program: Path, data: Path, policy: Policy, sandbox: Sandbox, environment: str, terms: Terms
) -> Rehearsal:
    """Run `program` over `data` under `policy` in `sandbox`, as if it had been ordered on these `terms`.

    A program that is not approved runs too, for it is at home; the receipt names its hash, which is what an owner would list. Raises
    Refused if the purpose, the number of records or the date do not suit the policy, InputError for a policy under which no program runs.
    """
    found = policy
    if found.has_noise:
        raise InputError("policy", found.release, "no program of buyers runs under it: nothing to rehearse")
    source = program.read_bytes()
    asked = Order(
        number=1,
        buyer="home",
        dataset=data.name,
        algorithm=hashlib.sha256(source).hexdigest(),
        purpose=terms.purpose or next(iter(found.purposes)),
        until=1 << 40,
        program=source,
        parameters=terms.parameters,
    )
    is_approved = found.release is not Release.APPROVED_CODE or asked.algorithm in found.algorithms
    if not is_approved:
        found = replace(found, algorithms=(*found.algorithms, asked.algorithm))
    table = records.read_as_is(data)
    found.admit(asked.algorithm, asked.purpose, table.num_rows, int(time.time()))
    outcome = _run(source, project(table, found), asked, found, sandbox)
    output, kept_back = FAILED_OUTPUT, ""
    if outcome.ending is Ending.FINISHED:
        try:
            output = found.released(outcome.output)
        except Refused as error:
            kept_back = f"{error}: got {outcome.output[:200].decode(errors='replace')}"
    receipt = Receipt(
        asked.number,
        asked.dataset,
        asked.algorithm,
        environment,
        policy.digest,
        asked.purpose,
        0,
        hashlib.sha256(output).hexdigest(),
    )
    return Rehearsal(
        ending=str(outcome.ending),
        output=output.decode(errors="replace"),
        is_failed=output == FAILED_OUTPUT,
        is_approved=is_approved,
        kept_back=kept_back,
        log=outcome.log.decode(errors="replace"),
        seconds=outcome.seconds,
        bits=found.bits.total,
        receipt=msgspec.to_builtins(receipt),
    )


def _run(source: bytes, table: pa.Table, order: Order, policy: Policy, sandbox: Sandbox) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="sheaf-job-") as place:
        folder = Path(place, "job")
        lay_out(folder, source, table)
        return sandbox.run(Job(str(folder), PROGRAM, order.parameters, policy.limits))
