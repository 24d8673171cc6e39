"""Our own mechanisms as buyers order them: `query` and `train`, each paid from the budget of the dataset before it is computed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from sheaf.domain.errors import InputError, Refused, SpecificationError
from sheaf.domain.policy import Policy, Release, Showing
from sheaf.privacy.accountant import Budget, Loss
from sheaf.privacy.extras import need
from sheaf.privacy.ledger import Job, Ledger
from sheaf.privacy.statistics.answer import Charge
from sheaf.privacy.statistics.columns import Column, Population
from sheaf.privacy.statistics.plan import Plan
from sheaf.privacy.training.descent import Recipe
from sheaf.privacy.training.job import Training

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from sheaf.domain.order import Order

QUERY, TRAIN = "query", "train"
LIBRARIES = {QUERY: ("opendp.prelude",), TRAIN: ("torch", "opacus")}
RELEASES = {Release.STATISTICS: QUERY, Release.TRUSTED_TRAIN: TRAIN}
JOB = "order "  # and its number: the job of an order in the ledger
ORDER_JOB = re.compile(r"order [1-9][0-9]*")
EVERY_PERSON = "every person"
"""The account from which nothing is spent: it keeps what was promised to each person whose records are here."""
T = TypeVar("T")


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of `query`: a question, and the ε that its answer may cost (none: all that the policy allows)."""

    sql: str
    epsilon: float | None = None


class Lesson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of `train`: what is learnt from what, by which model and recipe, for which ε."""

    features: tuple[str, ...]
    label: str
    epsilon: float | None = None
    model: Literal["logistic", "mlp"] = "logistic"
    hidden: int = 32
    steps: int = 200
    rate: float = 0.25
    learning_rate: float = 0.3
    momentum: float = 0.9
    clip: float = 1.0


@dataclass(frozen=True)
class Held:
    """A version of a dataset that is served: whose account pays, under which policy, and the columns that a method sees.

    `percent` is the part of the policy's budgets that may be spent here.
    """

    account: str
    policy: Policy
    schema: pa.Schema
    percent: int = 100


class BudgetedMethods:
    """Methods over a ledger. An order's number names its job there, so it is paid for once and answered once, whatever dies."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.held: dict[str, Held] = {}

    def hold(self, version: str, held: Held) -> None:
        """Serve a version: open its account. Raises SpecificationError for a policy without a budget, Refused for a broken promise.

        Datasets that are served together promise each person the same, since who is in several has one account.

        Raises InputError where a library that its methods need is not installed.
        """
        method = RELEASES[held.policy.release]
        if method not in held.policy.methods:
            raise SpecificationError("policy.methods", ", ".join(held.policy.methods), f"list {method}")
        for library in LIBRARIES[method]:
            need(library)
        population_of(held.schema, held.policy)
        if held.policy.person_total is not None:
            personal = Budget(held.policy.person_total, delta_of(held.policy))
            self.ledger.open_accounts([EVERY_PERSON], personal, held.percent)
        self.ledger.open_accounts([held.account], budget_of(held.policy), held.percent)
        self.held[version] = held

    def check(self, order: Order) -> None:
        """Raise InputError or Refused where an order could never be answered; no record is read."""
        if (held := self.held.get(order.dataset)) is not None:
            planned(order, held.schema, held.policy)

    def reserve(self, order: Order) -> None:
        """Set aside in the ledger what `order` will take of its dataset; see the port Methods."""
        held = self._held(order)
        self.ledger.reserve(
            job_of(order.number), planned(order, held.schema, held.policy).loss, [held.account]
        )

    def reserved(self) -> list[int]:
        """Return the orders for which budget is set aside."""
        return [int(name.removeprefix(JOB)) for name in self.ledger.reserved() if ORDER_JOB.fullmatch(name)]

    def release(self, number: int) -> None:
        """Give back what is set aside for an order that ended."""
        self.ledger.release(job_of(number))

    def run(self, order: Order, table: pa.Table, policy: Policy) -> tuple[bytes, int]:
        """Answer `order` over `table`; see the port Methods."""
        import polars as pl

        from sheaf.privacy.statistics.answer import ask
        from sheaf.privacy.training.job import learn

        held = self._held(order)
        asked = planned(order, table.schema, policy)
        frame = pl.DataFrame(pl.from_arrow(table))
        charge, job = self._charge(held, order, policy, frame), job_of(order.number)
        read: Callable[[], pl.DataFrame] = lambda: frame  # noqa: E731
        if isinstance(asked, Training):
            output = msgspec.json.encode(learn(self.ledger, job, charge, asked, read))
        else:
            output = ask(self.ledger, job, charge, asked, read).encode()
        return output, asked.loss.nanonats(budget_of(policy).order)

    def charge(self, order: Order, table: pa.Table) -> None:
        """Take what `order` costs from its dataset and from everybody in `table`, without an answer: for a ledger that was lost.

        Where that is more than there is, nothing is left of the dataset.
        """
        import polars as pl

        held = self._held(order)
        asked = planned(order, table.schema, held.policy)
        who = self._charge(held, order, held.policy, pl.DataFrame(pl.from_arrow(table)))
        job = Job(job_of(order.number), asked.fingerprint, order.buyer)
        try:
            self.ledger.spend(job, asked.loss, [held.account], list(who.contributors.values()))
        except Refused:
            self.ledger.close_account(held.account)

    def _held(self, order: Order) -> Held:
        held = self.held.get(order.dataset)
        if held is None:
            raise InputError("dataset", order.dataset, "no budget is kept for this version")
        return held

    def _charge(self, held: Held, order: Order, policy: Policy, frame: pl.DataFrame) -> Charge:
        """Return who pays; each person too, where the policy gives everybody a budget."""
        import polars as pl

        if policy.person is None or policy.person_total is None:
            return Charge(held.account, order.buyer)
        people = frame[policy.person].cast(pl.String).drop_nulls().unique(maintain_order=True).to_list()
        accounts = {person: f"person {person}" for person in people}
        personal = Budget(policy.person_total, delta_of(policy))
        self.ledger.open_accounts(accounts.values(), personal, held.percent)
        return Charge(held.account, order.buyer, accounts)


def job_of(number: int) -> str:
    """Return what the ledger calls an order."""
    return f"{JOB}{number}"


def budget_of(policy: Policy) -> Budget:
    """Return what a dataset may lose in all. Raises SpecificationError where its policy does not say it."""
    if policy.total is None:
        raise SpecificationError(
            "policy.budget.total", "none", "say how much ε there is for all answers together"
        )
    return Budget(policy.total, delta_of(policy))


def delta_of(policy: Policy) -> float:
    """Return the policy's δ. Raises SpecificationError where it has none."""
    if not policy.delta:
        raise SpecificationError(
            "policy.budget.delta", policy.delta, "give one, well below 1 over the number of people"
        )
    return policy.delta


def planned(order: Order, schema: pa.Schema, policy: Policy) -> Plan | Training:
    """Compile what an order asks for: what it costs is known before a record is read.

    Raises InputError for what cannot be asked of these columns, Refused for more ε than the policy gives an answer.
    """
    from sheaf.privacy.statistics.plan import plan

    people, delta = population_of(schema, policy), delta_of(policy)
    if order.algorithm == QUERY and policy.release is Release.STATISTICS:
        query = _parameters(order, Query)
        return plan(query.sql, people, _epsilon(query.epsilon, policy), delta)
    if order.algorithm == TRAIN and policy.release is Release.TRUSTED_TRAIN:
        lesson = _parameters(order, Lesson)
        recipe = Recipe(lesson.steps, lesson.rate, lesson.learning_rate, lesson.momentum, lesson.clip)
        epsilon = _epsilon(lesson.epsilon, policy)
        return Training(
            people, lesson.features, lesson.label, epsilon, delta, recipe, lesson.model, lesson.hidden
        )
    raise InputError("algorithm", order.algorithm, f"{policy.release} has {RELEASES[policy.release]}")


def population_of(schema: pa.Schema, policy: Policy) -> Population:
    """Return what may be asked of a table of `schema`: kinds by its types, bounds and choices as the policy declares them."""
    columns, refused = {}, {}
    for one in schema:
        rule, kind = policy.fields.get(one.name), _kind(one.type)
        if one.name == policy.person:
            refused[one.name] = "tells people apart and cannot be asked about"
        elif rule is None or rule.showing is Showing.HIDDEN or kind is None:
            refused[one.name] = f"has type {one.type}: ask about numbers, texts and booleans"
        else:
            choices = (False, True) if kind == "boolean" else rule.choices
            columns[one.name] = Column(one.name, kind, rule.minimum, rule.maximum, choices)
    if policy.person is not None and policy.person not in schema.names:
        raise SpecificationError("policy.person", policy.person, "is no field of the data")
    least = policy.k if policy.k > 1 else 0
    return Population(columns, policy.person, policy.rows_per_person, least, refused)


def spent_by(output: bytes, policy: Policy) -> int:
    """Return what an answer says that it cost, in nanonats of the dataset's budget. Raises InputError for no answer of a method."""
    try:
        loss = msgspec.convert(json.loads(output)["loss"], Loss)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError("answer", output[:40], "it is no answer of a method") from None
    return loss.nanonats(budget_of(policy).order)


def _epsilon(asked: float | None, policy: Policy) -> float:
    assert policy.epsilon is not None
    if asked is not None and asked > policy.epsilon:
        raise Refused(f"policy: epsilon {asked:g}: an answer costs at most {policy.epsilon:g}: ask for less")
    return policy.epsilon if asked is None else asked


def _parameters(order: Order, kind: type[T]) -> T:
    try:
        return msgspec.convert(json.loads(order.parameters), kind)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        raise InputError("parameters", place.rstrip("`").lstrip(".") or order.algorithm, text) from None


def _kind(type_: Any) -> Literal["integer", "number", "boolean", "text"] | None:
    import pyarrow as pa

    if pa.types.is_boolean(type_):
        return "boolean"
    if pa.types.is_integer(type_):
        return "integer"
    if pa.types.is_floating(type_):
        return "number"
    return "text" if pa.types.is_string(type_) or pa.types.is_large_string(type_) else None
