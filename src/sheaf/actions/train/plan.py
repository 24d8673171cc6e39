"""The plan of a federated training: what all owners and the coordinator agree on beforehand, each with a copy of the file."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from sheaf.domain.canonical import json_bytes
from sheaf.domain.errors import InputError
from sheaf.privacy.robust_aggregation import draw_groups
from sheaf.privacy.secure_aggregation import Terms, choose_graph
from sheaf.privacy.secure_aggregation.terms import complete_graph

MAX_PLAN_BYTES = 1 << 24
KEY = r"^[0-9a-f]{64}$"
Name = Annotated[str, Meta(min_length=1, max_length=80)]
Count = Annotated[int, Meta(ge=1, le=1 << 20)]
Key = Annotated[str, Meta(pattern=KEY)]


class Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One who trains: a name for reports, and the key that `sheaf train key` shows, 64 hexadecimal digits."""

    name: Name
    key: Key


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is agreed. Its hash names the session: who holds another plan cannot take part.

    The model is a softmax regression, or with `hidden` units a network of one hidden layer, from `features` numbers, each divided
    by `scale`, to `classes`.

    Each round an owner takes `local_steps` steps of size `rate`, shortens its change to length `clip` and adds normal noise, so that
    each number of the sum has at least a deviation of `noise` · `clip`. `group_size` 0 sums all owners at once; 2 or more sums groups
    drawn anew each round, whose means `strategy` joins: `history`, `median`, `mean`, or `flower:NAME`. `minimum` owners must be
    there; of each group `dropped` may drop out and `corrupt` may help the coordinator without harm. A phase lasts `phase_seconds`
    at most, and a round is tried at most `attempts` times.
    """

    name: Name
    coordinator: Key
    owners: Annotated[tuple[Owner, ...], Meta(min_length=2, max_length=10_000)]
    label: Name
    features: Count
    classes: Annotated[int, Meta(ge=2, le=10_000)]
    rounds: Count
    minimum: Count
    hidden: Annotated[int, Meta(ge=0, le=1 << 14)] = 0
    scale: Annotated[float, Meta(gt=0)] = 1.0
    local_steps: Count = 5
    rate: Annotated[float, Meta(gt=0, le=1e6)] = 0.5
    clip: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    noise: Annotated[float, Meta(ge=0, le=1e6)] = 0.01
    group_size: Annotated[int, Meta(ge=0, le=10_000)] = 0
    strategy: str = "history"
    dropped: Annotated[int, Meta(ge=0)] = 1
    corrupt: Annotated[int, Meta(ge=0)] = 0
    phase_seconds: Annotated[float, Meta(gt=0, le=86_400)] = 30.0
    attempts: Annotated[int, Meta(ge=1, le=100)] = 5

    @property
    def roster(self) -> list[bytes]:
        """The owners' keys, in order."""
        return [bytes.fromhex(owner.key) for owner in self.owners]

    @property
    def session(self) -> bytes:
        """32 bytes that name this plan."""
        return hashlib.sha256(json_bytes(msgspec.to_builtins(self))).digest()

    @property
    def length(self) -> int:
        """How many numbers the model has."""
        if not self.hidden:
            return (self.features + 1) * self.classes
        return (self.features + 1) * self.hidden + (self.hidden + 1) * self.classes

    @property
    def bound(self) -> float:
        """Furthest from 0 that a number of an update is: twice the clip, which leaves room for noise."""
        return 2 * self.clip

    @property
    def letter_bytes(self) -> int:
        """Longest letter that is taken: a model, or an update, and the shares of all owners."""
        return 2**16 + 8 * self.length + 1024 * len(self.owners)

    def groups(self, round_number: int, attempt: int) -> list[list[int]]:
        """Return who is summed with whom, by index, the same for everyone: groups are drawn by the hash of plan, round and attempt.

        All owners are drawn, there or not: the coordinator has no say in who is summed with whom.
        """
        everyone = list(range(len(self.owners)))
        if not self.group_size:
            return [everyone]
        seed = self.session + round_number.to_bytes(4, "big") + attempt.to_bytes(4, "big")
        return draw_groups(everyone, self.group_size, hashlib.sha256(seed).digest())

    def terms(self, round_number: int, attempt: int, group: list[int]) -> Terms:
        """Return the terms of the sum of one group. Raises InputError for a group too small to bear what the plan says."""
        size = len(group)
        # A small group bears less than the plan asks of the whole: of a pair both must stay, and either could tell on the other.
        dropped = (
            min(self.dropped, max(0, (size - 2 - self.corrupt) // 2)) if self.group_size else self.dropped
        )
        corrupt = min(self.corrupt, max(0, size - 2)) if self.group_size else self.corrupt
        is_sparse = size > 64
        shares = (corrupt / size, dropped / size)
        graph = choose_graph(size, *shares) if is_sparse else complete_graph(size, corrupt, dropped)
        smallest = self.minimum if not self.group_size else size - dropped
        roster = tuple(self.roster[index] for index in group)
        least = max(graph.threshold + 1, min(smallest, size))
        bits = 32 if size <= 1000 else 64
        return Terms(
            self.session.hex(),
            round_number,
            roster,
            self.length,
            graph,
            least,
            bound=self.bound,
            bits=bits,
            attempt=attempt,
        )


def load_plan(path: Path | str) -> Plan:
    """Read a plan, TOML. Raises InputError naming the first field that is wrong."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_PLAN_BYTES:
            raise InputError("plan", path, f"give a file of at most {MAX_PLAN_BYTES >> 20} MiB")
        document = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("plan", path, f"not TOML: {error}") from None
    except RecursionError:
        raise InputError("plan", path, "not TOML: nested too deep") from None
    return read_plan(document)


def read_plan(document: Any) -> Plan:
    """Return the plan in `document`. Raises InputError for a field that is missing, unknown or out of bounds, and plans that cannot run."""
    try:
        plan = msgspec.convert(document, Plan, strict=True)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        raise InputError(
            "plan", place.rstrip("`").lstrip(".") or "the whole", text[:1].lower() + text[1:]
        ) from None
    if len({owner.key for owner in plan.owners}) != len(plan.owners):
        raise InputError("plan", "owners", "give every owner a key of its own")
    if plan.coordinator in {owner.key for owner in plan.owners}:
        raise InputError("plan", "coordinator", "give the coordinator a key of its own")
    if not 2 <= plan.minimum <= len(plan.owners):
        raise InputError("minimum", plan.minimum, f"give 2 to {len(plan.owners)} owners")
    if plan.group_size == 1 or plan.group_size > plan.minimum:
        raise InputError("group_size", plan.group_size, f"give 0, or 2 to the minimum {plan.minimum}")
    if plan.length > 1 << 26:
        raise InputError("hidden", plan.hidden, f"the model has {plan.length} numbers: at most {1 << 26}")
    ours = ("history", "median", "mean")
    if plan.strategy not in ours and not plan.strategy.startswith("flower:"):
        raise InputError("strategy", plan.strategy, f"choose {', '.join(ours)} or flower:NAME")
    if not plan.group_size and plan.minimum < len(plan.owners) - plan.dropped:
        raise InputError(
            "minimum",
            plan.minimum,
            f"with {plan.dropped} dropped, {len(plan.owners) - plan.dropped} are left at least",
        )
    for group in plan.groups(0, 0):
        plan.terms(0, 0, group)
    return plan
