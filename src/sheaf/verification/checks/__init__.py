"""Objective checks, one file each: deterministic programs that a specification names by (name, version).

A new check is one new file here that defines `CHECK`; its reasons enter the table of reasons by themselves.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sheaf.domain.errors import SpecificationError
from sheaf.domain.request import CheckUse
from sheaf.domain.verdict import Finding
from sheaf.verification.batch import Batch
from sheaf.verification.parameters import Parameter
from sheaf.verification.reasons import Reason


@dataclass(frozen=True)
class Check:
    """A check: `run` takes a batch and all parameters, and returns what it finds against single records.

    `parameters` gives each parameter by name. `needs` says of a batch what is missing for the check to say anything about it
    ("" if nothing is): where something is, `run` finds nothing. Only a check that `reads_sample` is given the buyer's sample. Where
    a `decisive` check finds anything, the checks after it are not run.
    """

    name: str
    version: int
    run: Callable[[Batch, Mapping[str, Any]], list[Finding]]
    reasons: tuple[Reason, ...]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    decisive: bool = False
    reads_sample: bool = False
    needs: Callable[[Batch], str] = lambda batch: ""

    def settled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters with defaults filled in. Raises SpecificationError for an unknown name or value."""
        for name, value in given.items():
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise SpecificationError(
                    f"checks.{self.name}.{name}", value, f"this check takes the parameters: {known}"
                )
        return {
            name: kind.settle(f"checks.{self.name}.{name}", given.get(name, kind.default))
            for name, kind in self.parameters.items()
        }


@cache
def known() -> tuple[Check, ...]:
    """Return every check, by name and version."""
    found = [
        importlib.import_module(f"{__name__}.{module.name}").CHECK
        for module in pkgutil.iter_modules(__path__)
    ]
    return tuple(sorted(found, key=lambda check: (check.name, check.version)))


def find(name: str, version: int = 1) -> Check:
    """Return the check of this name and version. Raises SpecificationError if there is none."""
    for check in known():
        if (check.name, check.version) == (name, version):
            return check
    names = ", ".join(f"{check.name} {check.version}" for check in known())
    raise SpecificationError("checks", f"{name} {version}", f"use one of {names}")


def resolve(uses: tuple[CheckUse, ...]) -> list[tuple[Check, dict[str, Any]]]:
    """Return the checks with their parameters, in order. Raises SpecificationError for what is unknown or named twice."""
    named = [use.name for use in uses]
    for use in uses:
        if named.count(use.name) > 1:
            raise SpecificationError("checks", use.name, "name each check once")
    return [((check := find(use.name, use.version)), check.settled(use.parameters)) for use in uses]
