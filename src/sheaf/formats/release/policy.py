"""A policy of release as a document: `policy.toml` read and checked, every fault named by its place, all unknown words refused."""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any, NoReturn

from sheaf.domain.errors import SpecificationError
from sheaf.domain.job import MIB, Limits, Tier
from sheaf.domain.policy import MAX_OUTPUT_NUMBERS, FieldRule, OutputField, Policy, Release, Showing

MAX_BYTES = 1 << 20
HASH = re.compile(r"[0-9a-f]{64}")
ACCOUNT = re.compile(r"0x[0-9a-fA-F]{40}")
MAX_PROVIDERS = 16
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}")
KINDS = ("number", "choice", "counts")
PERIODS = ("year", "month")
KEYS = {
    "release", "personal", "purposes", "minimum_rows", "k", "expires", "answers", "algorithms", "methods",
    "budget", "limits", "answer", "fields", "output", "person", "rows_per_person",
    "sandbox",
}  # fmt: skip
LIMIT_UNITS = {
    "memory_mib": ("memory_bytes", MIB),
    "cpu_seconds": ("cpu_seconds", 1),
    "wall_seconds": ("wall_seconds", 1),
    "disk_mib": ("disk_bytes", MIB),
    "output_bytes": ("output_bytes", 1),
    "log_bytes": ("log_bytes", 1),
    "threads": ("threads", 1),
}
DEFAULT_OUTPUT_BYTES = 1 << 16
MAX_CHOICES = 10_000


def load(path: Path) -> Policy:
    """Read `policy.toml`. Raises SpecificationError naming the place of a fault, its value and what would be taken."""
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        _refuse("", f"{len(data)} bytes", f"keep it below {MAX_BYTES}")
    try:
        return read(data.decode(), path.name)
    except UnicodeDecodeError as error:
        raise SpecificationError(
            "policy", path.name, f"write it in UTF-8: byte {error.start} is not"
        ) from None


def read(text: str, name: str) -> Policy:
    """Compile the text of a policy; `name` is what it is called where it is no TOML. Raises SpecificationError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecificationError("policy", name, f"mend the TOML: {error}") from None
    except RecursionError:
        raise SpecificationError("policy", name, "nest less deeply") from None
    return parse(document)


def parse(document: dict[str, Any]) -> Policy:
    """Compile a policy's document. Raises SpecificationError, also where its parts do not fit each other."""
    _known("", document, KEYS)
    release = _choice("release", document.get("release"), tuple(Release))
    budget = _table(
        "budget", document.get("budget", {}), ("epsilon", "delta", "total", "person", "providers")
    )
    answer = _table("answer", document.get("answer", {}), ("times", "log"))
    policy = Policy(
        release=Release(release),
        is_personal=_bool("personal", document.get("personal", True)),
        fields=_fields(document.get("fields", {})),
        purposes=_words("purposes", document.get("purposes", [])),
        minimum_rows=_whole("minimum_rows", document.get("minimum_rows", 1), 1, 1 << 40),
        k=_whole("k", document.get("k", 1), 1, 1 << 20),
        expires_at=_moment("expires", document.get("expires")),
        algorithms=_hashes(document.get("algorithms", [])),
        methods=_words("methods", document.get("methods", [])),
        output=_output(document.get("output", {})),
        epsilon=_number("budget.epsilon", budget["epsilon"], 0, 100) if "epsilon" in budget else None,
        delta=_number("budget.delta", budget["delta"], 0, 0.1) if "delta" in budget else None,
        answers=_whole("answers", document.get("answers", 1), 1, 1 << 20),
        release_times=_whole("answer.times", answer.get("times", 1), 1, 1 << 20),
        shows_log=_bool("answer.log", answer.get("log", False)),
        limits=_limits(document.get("limits", {})),
        total=_number("budget.total", budget["total"], 0, 100) if "total" in budget else None,
        person_total=_number("budget.person", budget["person"], 0, 100) if "person" in budget else None,
        person=_words("person", [document["person"]])[0] if "person" in document else None,
        rows_per_person=_whole("rows_per_person", document.get("rows_per_person", 1), 1, 1000),
        providers=_providers(budget.get("providers", {})),
        sandbox=Tier(_choice("sandbox", document.get("sandbox", Tier.BUBBLEWRAP), tuple(Tier))),
    )
    _fit(policy)
    _fit_person(policy)
    return policy


def _fit(policy: Policy) -> None:
    """Refuse what is well formed and would not do what its owner means."""
    if not policy.purposes:
        _refuse("purposes", "none", 'list what the data may be used for, e.g. ["research"]')
    if not any(rule.showing is not Showing.HIDDEN for rule in policy.fields.values()):
        _refuse("fields", "all hidden", "show one field at least: what is not named is hidden")
    if policy.release is Release.OPEN and policy.is_personal:
        _refuse(
            "release",
            "open",
            "unapproved code could carry personal data out in weights: take approved-code, or say personal = false",
        )
    if policy.release is Release.APPROVED_CODE:
        if not policy.algorithms:
            _refuse("algorithms", "none", "list the SHA-256 of every program that you have read")
        if not policy.output:
            _refuse("output", "none", "fix the form of the output: its fields with bounds and steps")
    elif policy.algorithms:
        _refuse("algorithms", len(policy.algorithms), f"leave it out: {policy.release} asks for no approval")
    if policy.has_noise:
        if policy.epsilon is None:
            _refuse("budget.epsilon", "none", "say what one answer may cost at most")
        if policy.release is Release.TRUSTED_TRAIN and not policy.delta:
            _refuse(
                "budget.delta",
                policy.delta,
                "training with noise needs one, below 1 over the number of records",
            )
        if not policy.methods:
            _refuse("methods", "none", "list which of our methods may run")
    elif policy.epsilon is not None or policy.methods:
        _refuse(
            "budget" if policy.epsilon is not None else "methods",
            policy.release,
            "leave it out: no noise is added here",
        )
    if policy.has_noise and policy.sandbox is not Tier.BUBBLEWRAP:
        _refuse("sandbox", policy.sandbox, "leave it out: no code of buyers runs")
    if policy.shows_log and policy.release is not Release.OPEN:
        _refuse("answer.log", "true", "leave it out: a log could carry anything; only open shows it")


def _fit_person(policy: Policy) -> None:
    """Refuse a budget or a person that could not be kept account of."""
    shown = policy.fields.get(policy.person or "")
    if policy.person is not None and (shown is None or shown.showing is not Showing.DISCLOSED):
        _refuse(
            "person",
            policy.person,
            "disclose that field: our mechanisms tell people apart by it, nobody can ask about it",
        )
    for place, value in (("budget.total", policy.total), ("person", policy.person)):
        if value is not None and not policy.has_noise:
            _refuse(place, value, "leave it out: no noise is added here")
    if policy.person is None and policy.person_total is not None:
        _refuse("budget.person", policy.person_total, "say by person which field tells people apart")
    if policy.person is None and policy.rows_per_person != 1:
        _refuse("rows_per_person", policy.rows_per_person, "say by person which field tells people apart")
    if policy.providers and policy.total is None:
        _refuse("budget.providers", len(policy.providers), "say by budget.total what they share")
    if policy.total is not None and not policy.delta:
        _refuse("budget.delta", policy.delta, "give one with a total, well below 1 over the number of people")
    if policy.total is not None and policy.epsilon is not None and policy.total < policy.epsilon:
        _refuse("budget.total", policy.total, f"give {policy.epsilon:g} or more: what one answer may cost")


def _providers(value: Any) -> dict[str, int]:
    """Return what percent of the budget each account may spend, accounts in small letters."""
    place = "budget.providers"
    if not isinstance(value, dict):
        _refuse(place, value, 'give a table of accounts and percents, e.g. { "0x…" = 60 }')
    shared: dict[str, int] = {}
    for account, percent in value.items():
        if not isinstance(account, str) or not ACCOUNT.fullmatch(account):
            _refuse(place, account, "give an account: 0x and 40 hex digits")
        if account.lower() in shared:
            _refuse(place, account, "list each account once")
        shared[account.lower()] = _whole(f"{place}.{account}", percent, 1, 100)
    if len(shared) > MAX_PROVIDERS:
        _refuse(place, f"{len(shared)} accounts", f"list at most {MAX_PROVIDERS}: there are no more seats")
    if sum(shared.values()) > 100:
        _refuse(
            place, f"{sum(shared.values())} percent", "give at most 100 in all: together they spend it once"
        )
    return shared


def _fields(value: Any) -> dict[str, FieldRule]:
    if not isinstance(value, dict):
        _refuse("fields", value, "give a table: [fields.NAME] with show")
    return {name: _field(f"fields.{name}", rule) for name, rule in value.items()}


def _field(place: str, value: Any) -> FieldRule:
    rule = _table(
        place,
        {"show": value} if isinstance(value, str) else value,
        ("show", "step", "keep", "period", "minimum", "maximum", "choices"),
    )
    showing = Showing(_choice(f"{place}.show", rule.get("show"), tuple(Showing)))
    ways = [way for way in ("step", "keep", "period") if way in rule]
    if showing is not Showing.GENERALISED:
        if ways:
            _refuse(f"{place}.{ways[0]}", rule[ways[0]], "leave it out: it belongs to generalised")
        return FieldRule(showing, **_declared(place, rule))
    if len(ways) != 1:
        _refuse(place, " and ".join(ways) or "generalised", "say how, in one way: step, keep or period")
    return FieldRule(
        showing,
        step=_number(f"{place}.step", rule["step"], 0, 1e300) if "step" in rule else None,
        keep=_whole(f"{place}.keep", rule["keep"], 0, 1000) if "keep" in rule else None,
        period=_choice(f"{place}.period", rule["period"], PERIODS) if "period" in rule else None,
        **_declared(place, rule),
    )


def _declared(place: str, rule: dict[str, Any]) -> dict[str, Any]:
    """Return what a field's values are declared to be: bounds, or choices."""
    if "choices" in rule:
        for other in ("minimum", "maximum"):
            if other in rule:
                _refuse(f"{place}.{other}", rule[other], "leave it out: choices are given")
        return {"choices": _choices(f"{place}.choices", rule["choices"])}
    if ("minimum" in rule) != ("maximum" in rule):
        missing = "maximum" if "minimum" in rule else "minimum"
        _refuse(f"{place}.{missing}", "none", "give both bounds, or none")
    if "minimum" not in rule:
        return {}
    low, high = (
        _number(f"{place}.{name}", rule[name], -(2.0**52), 2.0**52, is_open=False)
        for name in ("minimum", "maximum")
    )
    if not low < high:
        _refuse(f"{place}.maximum", high, "give one above the minimum")
    return {"minimum": low, "maximum": high}


def _choices(place: str, value: Any) -> tuple[str | int, ...]:
    is_whole = isinstance(value, list) and all(
        isinstance(one, int) and not isinstance(one, bool) for one in value
    )
    found = tuple(value) if is_whole else _words(place, value)
    if not 2 <= len(set(found)) == len(found) <= MAX_CHOICES:
        _refuse(place, value, f"list 2 to {MAX_CHOICES:,} texts or whole numbers, each once")
    return found


def _output(value: Any) -> tuple[OutputField, ...]:
    if not isinstance(value, dict):
        _refuse("output", value, "give a table: [output.NAME] with kind")
    fields = tuple(_output_field(name, one) for name, one in value.items())
    numbers = sum(max(one.count, len(one.choices)) for one in fields)
    if numbers > MAX_OUTPUT_NUMBERS:
        _refuse("output", f"{numbers} numbers", f"give at most {MAX_OUTPUT_NUMBERS} in all")
    return fields


def _output_field(name: str, value: Any) -> OutputField:
    place = f"output.{name}"
    one = _table(place, value, ("kind", "minimum", "maximum", "step", "count", "choices"))
    kind = _choice(f"{place}.kind", one.get("kind"), KINDS)
    wanted = {
        "number": {"minimum", "maximum", "step"},
        "choice": {"choices"},
        "counts": {"choices", "maximum"},
    }[kind]
    for key in sorted(wanted - set(one)):
        _refuse(f"{place}.{key}", "none", f"{kind} needs it: it bounds what comes out")
    for key in sorted(
        set(one)
        - wanted
        - {"kind"}
        - ({"count"} if kind == "number" else {"step"} if kind == "counts" else set())
    ):
        _refuse(f"{place}.{key}", one[key], f"leave it out: {kind} has none")
    choices = _words(f"{place}.choices", one.get("choices", []))
    if "choices" in wanted and len(choices) < 1:
        _refuse(f"{place}.choices", "none", "list one at least")
    if kind == "choice":
        return OutputField(name, kind, choices=choices)
    low = _number(f"{place}.minimum", one.get("minimum", 0), -1e300, 1e300, is_open=False)
    high = _number(f"{place}.maximum", one["maximum"], -1e300, 1e300, is_open=False)
    step = _number(f"{place}.step", one.get("step", 1), 0, 1e300)
    if not low < high or not math.isfinite((high - low) / step) or (high - low) / step > 2**53:
        _refuse(f"{place}.maximum", high, "give one above the minimum, at most 2^53 steps away")
    count = _whole(f"{place}.count", one.get("count", 1), 1, MAX_OUTPUT_NUMBERS)
    return OutputField(name, kind, low, high, step, count, choices)


def _limits(value: Any) -> Limits:
    given = _table("limits", value, tuple(LIMIT_UNITS))
    bounded = {"output_bytes": DEFAULT_OUTPUT_BYTES}
    for name, amount in given.items():
        field, unit = LIMIT_UNITS[name]
        bounded[field] = _whole(f"limits.{name}", amount, 0 if name == "log_bytes" else 1, 1 << 31) * unit
    return Limits(**bounded)


def _known(place: str, value: dict[str, Any], known: Collection[str]) -> None:
    for key in value:
        if key not in known:
            _refuse(f"{place}.{key}" if place else key, "unknown", f"give one of {', '.join(sorted(known))}")


def _table(place: str, value: Any, known: Collection[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(place, value, f"give a table with {', '.join(known)}")
    _known(place, value, known)
    return value


def _choice(place: str, value: Any, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        _refuse(place, value, f"give one of {', '.join(choices)}")
    return value


def _bool(place: str, value: Any) -> bool:
    if not isinstance(value, bool):
        _refuse(place, value, "give true or false")
    return value


def _whole(place: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        _refuse(place, value, f"give a whole number from {least} to {most:,}")
    return value


def _number(place: str, value: Any, low: float, high: float, *, is_open: bool = True) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not low <= value <= high or (is_open and value == low):
        _refuse(place, value, f"give a number {'above' if is_open else 'from'} {low:g}, up to {high:g}")
    return float(value)


def _words(place: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and WORD.fullmatch(one) for one in value):
        _refuse(place, value, "give a list of words: letters, digits, space, . _ -")
    if len(set(value)) != len(value):
        _refuse(place, value, "list each once")
    return tuple(value)


def _hashes(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and HASH.fullmatch(one) for one in value):
        _refuse("algorithms", value, "give a list of SHA-256, each as 64 small hex digits")
    return tuple(dict.fromkeys(value))


def _moment(place: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    elif isinstance(value, datetime.date):
        moment = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    else:
        _refuse(place, value, "give a date, e.g. 2027-01-31, or a time with its zone")
    return int(moment.timestamp())


def _refuse(place: str, value: object, fix: str) -> NoReturn:
    raise SpecificationError(f"policy.{place}" if place else "policy", value, fix)
