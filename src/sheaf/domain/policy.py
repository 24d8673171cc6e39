"""A policy of release: what may be computed over data that do not move, what may come out, and how many bits that is at most."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from sheaf.domain import canonical
from sheaf.domain.errors import Refused, SandboxError
from sheaf.domain.job import Limits, Tier

BITS_PER_NAT = math.log2(math.e)
MAX_OUTPUT_NUMBERS = 1 << 24
MAX_OUTPUT_DEPTH = 16


class Release(StrEnum):
    """The four classes: what code runs over the data."""

    STATISTICS = "statistics"  # none of the buyer's: counts and means with noise, by our mechanisms
    TRUSTED_TRAIN = "trusted-train"  # none of the buyer's: a model of ours, trained with noise
    APPROVED_CODE = "approved-code"  # the buyer's, after the owner has read it: named by hash
    OPEN = "open"  # any


class Showing(StrEnum):
    """What of a field a job sees."""

    HIDDEN = "hidden"
    GENERALISED = "generalised"
    DISCLOSED = "disclosed"


@dataclass(frozen=True)
class FieldRule:
    """How a field is shown. Generalised: numbers down to a multiple of `step`, texts to their first `keep` letters, dates to `period`.

    `minimum` and `maximum`, or `choices`, are what its owner declares of the values: what noise is measured by.
    """

    showing: Showing
    step: float | None = None
    keep: int | None = None
    period: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str | int, ...] = ()


@dataclass(frozen=True)
class OutputField:
    """One field of a fixed output: `count` numbers from `minimum` to `maximum` in steps of `step`, or one of `choices`.

    With choices and a `maximum` it is a table of counts: for each choice a whole number up to `maximum`, or none where it is below k.
    """

    name: str
    kind: str
    minimum: float = 0.0
    maximum: float = 1.0
    step: float = 1.0
    count: int = 1
    choices: tuple[str, ...] = ()

    @property
    def levels(self) -> int:
        """How many values one of its places can take."""
        if self.kind == "choice":
            return len(self.choices)
        return math.floor((self.maximum - self.minimum) / self.step + 1e-9) + 1

    @property
    def bits(self) -> float:
        """How many bits it carries at most."""
        places = len(self.choices) if self.kind == "counts" else self.count
        return places * math.log2(self.levels)


@dataclass(frozen=True)
class Bits:
    """What one job can carry out, by the way it takes; infinite nowhere. `per_person` bounds what is told of one person, by noise."""

    output: float
    ending: float
    timing: float
    log: float
    per_person: float | None = None

    @property
    def total(self) -> float:
        """All ways together."""
        return self.output + self.ending + self.timing + self.log


@dataclass(frozen=True)
class Policy:
    """What an owner lets out. Times in Unix seconds; `release_times`: at how many evenly spaced moments an answer may leave.

    `epsilon` and `delta` are what one answer may cost at most, where noise is added; `answers` is how many answers one buyer may get.
    `total` is the ε of all answers to all buyers together, `person_total` that of each person across datasets; `providers` says what
    percent of both each account may spend (none: the first that had a seat, all of it); `person` is the field that tells people apart,
    of whom `rows_per_person` records count. `sandbox` is the least tier in which programs of buyers run.
    """

    release: Release
    is_personal: bool
    fields: dict[str, FieldRule]
    purposes: tuple[str, ...]
    minimum_rows: int = 1
    k: int = 1
    expires_at: int | None = None
    algorithms: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    output: tuple[OutputField, ...] = ()
    epsilon: float | None = None
    delta: float | None = None
    answers: int = 1
    release_times: int = 1
    shows_log: bool = False
    limits: Limits = field(default_factory=Limits)
    total: float | None = None
    person_total: float | None = None
    person: str | None = None
    rows_per_person: int = 1
    providers: dict[str, int] = field(default_factory=dict)
    sandbox: Tier = Tier.BUBBLEWRAP

    @property
    def has_noise(self) -> bool:
        """Whether only mechanisms of ours run, which add noise."""
        return self.release in (Release.STATISTICS, Release.TRUSTED_TRAIN)

    @property
    def bits(self) -> Bits:
        """How much one job can carry out at most, counted as what a reader can tell apart."""
        output = sum(one.bits for one in self.output) if self.output else 8 * self.limits.output_bytes + 1
        log = 8 * self.limits.log_bytes + 1 if self.shows_log else 0
        person = self.epsilon * BITS_PER_NAT if self.has_noise and self.epsilon is not None else None
        return Bits(output, 1.0, math.log2(self.release_times), log, person)

    @property
    def digest(self) -> str:
        """64 hex digits that name the policy in receipts: the SHA-256 of all it says."""
        return hashlib.sha256(canonical.json_bytes(asdict(self))).hexdigest()

    def admit(self, algorithm: str, purpose: str, rows: int, now: int) -> None:
        """Raise Refused if a job of `algorithm` (a hash, or the name of a method) for `purpose` over `rows` records may not run now."""
        self.admit_download(now)
        if purpose not in self.purposes:
            raise Refused(
                f"policy: purpose {purpose!r} is not allowed: give one of {', '.join(self.purposes)}"
            )
        if rows < self.minimum_rows:
            raise Refused(f"policy: {rows} records: it takes {self.minimum_rows} at least")
        if self.has_noise and algorithm not in self.methods:
            raise Refused(
                f"policy: {self.release} runs no code of buyers: give one of {', '.join(self.methods)}"
            )
        if self.release is Release.APPROVED_CODE and algorithm not in self.algorithms:
            raise Refused(
                f"policy: {algorithm} is not approved: ask the owner to read it and to list its hash"
            )

    def admit_download(self, now: int) -> None:
        """Raise Refused if the records may be handed over no more: who prices `download` lets them out, until the policy expires."""
        if self.expires_at is not None and now >= self.expires_at:
            raise Refused("policy: expired: ask the owner for a new one")

    def admit_sandbox(self, name: str) -> None:
        """Raise SandboxError if programs may not run in the sandbox of that name, which is not as hard as the policy demands."""
        if not self.has_noise and self.sandbox is Tier.GVISOR and name != Tier.GVISOR:
            raise SandboxError(
                f"sandbox: {name}: this policy demands {self.sandbox}: `sheaf compute serve --tier {self.sandbox}`"
            )

    def released(self, output: bytes) -> bytes:
        """Return what of a job's output may leave, in the one form there is for it; without a fixed output, the bytes as they are.

        Every number is put on its step, every text is one of the listed, counts below k are dropped: formatting, order and digits carry
        nothing. Raises Refused, in words that do not depend on the data, if the output is not of that shape.
        """
        if len(output) > self.limits.output_bytes:
            raise Refused("policy: the output is not of the fixed form")
        if not self.output:
            return output
        try:
            canonical.check_depth(output, MAX_OUTPUT_DEPTH)
            document = json.loads(output)
            names = {one.name for one in self.output}
            if not isinstance(document, dict) or set(document) != names:
                raise ValueError
            return canonical.json_bytes(
                {one.name: _placed(one, document[one.name], self.k) for one in self.output}
            )
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise Refused("policy: the output is not of the fixed form") from None


def _placed(one: OutputField, value: Any, k: int) -> Any:
    """Return `value` as its field has it. Raises ValueError or TypeError if it cannot have it."""
    if one.kind == "choice":
        if value not in one.choices:
            raise ValueError
        return value
    if one.kind == "counts":
        if not isinstance(value, dict) or not set(value) <= set(one.choices):
            raise ValueError
        placed = {choice: _level(one, value.get(choice, 0)) for choice in one.choices}
        return {choice: count for choice, count in placed.items() if count >= max(k, 1)}
    if one.count == 1 and not isinstance(value, list):
        return _level(one, value)
    flat = list(_flat(value))
    if len(flat) != one.count:
        raise ValueError
    return [_level(one, number) for number in flat]


def _level(one: OutputField, value: Any) -> float | int:
    """Return the level next to `value`, counted up from the minimum, ties to even. Raises ValueError for what is out of range."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    place = round((value - one.minimum) / one.step)
    if not 0 <= place < one.levels:
        raise ValueError
    level = one.minimum + place * one.step
    return int(level) if level == math.floor(level) else float(f"{level:.12g}")


def _flat(value: Any) -> Any:
    if not isinstance(value, list):
        yield value
        return
    for one in value:
        yield from _flat(one)
