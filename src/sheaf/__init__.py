"""Sheaf: an open market for AI training data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sheaf import actions
    from sheaf.bootstrap import connect, local
    from sheaf.formats import load
    from sheaf.settings import Settings

__all__ = ["Settings", "actions", "connect", "load", "local"]

_HOMES = {
    "connect": "sheaf.bootstrap",
    "local": "sheaf.bootstrap",
    "load": "sheaf.formats",
    "Settings": "sheaf.settings",
}


def __getattr__(name: str) -> Any:
    """Import what was asked for only now: web3, polars and scikit-learn each take seconds to load."""
    from importlib import import_module

    if name == "actions":
        return import_module("sheaf.actions")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'sheaf' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
