"""The kinds of parameter that a check takes: each has a default, a line on what it does, and a door that lets in nothing else.

Values come from a request's specification, so they are JSON: numbers, strings, booleans, lists, objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from sheaf.domain.errors import SpecificationError

MAX_NAMES = 1000
MAX_TEXT = 1000


class Parameter(Protocol):
    """One parameter of a check."""

    @property
    def default(self) -> Any:
        """What holds where a specification says nothing."""
        ...

    @property
    def meaning(self) -> str:
        """What it does, in a sentence."""
        ...

    @property
    def form(self) -> str:
        """What it takes, in a few words."""
        ...

    def settle(self, where: str, value: Any) -> Any:
        """Return `value` in its settled form. Raises SpecificationError naming the place `where` if it cannot be taken."""
        ...


@dataclass(frozen=True)
class Choice:
    """One of some values, the default first; `Choice((False, True), …)` is a switch."""

    values: tuple[Any, ...]
    meaning: str = ""

    @property
    def default(self) -> Any:
        """The first value."""
        return self.values[0]

    @property
    def form(self) -> str:
        """The values."""
        return " or ".join(f"`{_shown(value)}`" for value in self.values)

    def settle(self, where: str, value: Any) -> Any:
        """Return the value if it is one of those listed. Raises SpecificationError."""
        # by type as well, since True == 1 and 1.0 == 1
        if not any(type(value) is type(known) and value == known for known in self.values):
            _refuse(where, value, f"use one of {', '.join(map(_shown, self.values))}")
        return value


@dataclass(frozen=True)
class Number:
    """A number from `least` to `most`, whole or not; with the default None it may be left out."""

    default: float | None
    least: float
    most: float
    meaning: str = ""
    is_whole: bool = False

    @property
    def form(self) -> str:
        """The bounds."""
        return f"{'whole number' if self.is_whole else 'number'}, {self.least:g} to {self.most:g}"

    def settle(self, where: str, value: Any) -> float | None:
        """Return the number, as int where it is whole, as float otherwise. Raises SpecificationError."""
        if value is None and self.default is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # NaN is in no range; the range comes first, since no float holds a huge int
        if not is_number or not self.least <= value <= self.most or (self.is_whole and value != int(value)):
            _refuse(where, value, f"give a {self.form}")
        return int(value) if self.is_whole else float(value)


@dataclass(frozen=True)
class Text:
    """A text of at most `longest` characters; `is_field` says that it names a field of the schema, empty none."""

    default: str
    meaning: str = ""
    longest: int = MAX_TEXT
    is_field: bool = False

    @property
    def form(self) -> str:
        """The length."""
        return f"text of at most {self.longest} characters"

    def settle(self, where: str, value: Any) -> str:
        """Return the text. Raises SpecificationError for other types, and for text too long or that UTF-8 cannot hold."""
        if not isinstance(value, str) or len(value) > self.longest or _is_torn(value):
            _refuse(where, value, f"give {self.form}")
        return value


@dataclass(frozen=True)
class Names:
    """Distinct names of fields, sorted when settled: order says nothing. `known` limits them; empty, any name may stand."""

    default: tuple[str, ...] = ()
    meaning: str = ""
    known: tuple[str, ...] = ()

    @property
    def form(self) -> str:
        """The names, where they are limited."""
        return f"some of {', '.join(f'`{name}`' for name in self.known)}" if self.known else "names of fields"

    def settle(self, where: str, value: Any) -> tuple[str, ...]:
        """Return the names as a sorted tuple. Raises SpecificationError for a foreign, doubled or torn name."""
        if not isinstance(value, list | tuple) or len(value) > MAX_NAMES:
            _refuse(where, value, f"give a list of {self.known or 'names of fields'}")
        for place, name in enumerate(value):
            if not isinstance(name, str) or not name or len(name) > MAX_TEXT or _is_torn(name):
                _refuse(f"{where}[{place}]", name, "give a name")
            if self.known and name not in self.known:
                _refuse(f"{where}[{place}]", name, f"use some of {', '.join(self.known)}")
        if len(set(value)) < len(value):
            _refuse(where, next(name for name in value if value.count(name) > 1), "name each once")
        return tuple(sorted(value))


@dataclass(frozen=True)
class PerField:
    """A value of one kind for each of some fields: an object of field name → value."""

    of: Parameter
    meaning: str = ""
    default: Mapping[str, Any] = field(default_factory=dict)

    @property
    def form(self) -> str:
        """What stands behind each name."""
        return f"object: field → {self.of.form}"

    def settle(self, where: str, value: Any) -> dict[str, Any]:
        """Return the object, each value settled, by name. Raises SpecificationError naming the field."""
        if not isinstance(value, Mapping):
            _refuse(where, value, f"give an {self.form}")
        names = Names().settle(where, list(value))
        return {name: self.of.settle(f"{where}.{name}", value[name]) for name in names}


def fields_named(kind: Parameter, value: Any) -> tuple[str, ...]:
    """Return the fields of records that a settled value of a parameter names."""
    if isinstance(kind, PerField):
        return tuple(value)
    if isinstance(kind, Names) and not kind.known:
        return tuple(value)
    return (value,) if isinstance(kind, Text) and kind.is_field and value else ()


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_torn(text: str) -> bool:
    """Tell whether a text holds half a surrogate pair, which has no bytes."""
    return any("\ud800" <= mark <= "\udfff" for mark in text)


def _refuse(where: str, value: Any, fix: str) -> NoReturn:
    raise SpecificationError(where, value, fix)
