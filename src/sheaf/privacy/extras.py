"""The libraries that not every machine has: imported when first needed, and named where one is missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sheaf.domain.errors import InputError

SETUP = {
    "opendp": 'pip install "sheaf[statistics]"',
    "torch": "pip install torch opacus",
    "opacus": "pip install torch opacus",
    "sd_jwt": 'pip install "sheaf[disclosure]"',
    "jwcrypto": 'pip install "sheaf[disclosure]"',
    "dcap_qvl": 'pip install "sheaf[attestation]"',
}


def need(module: str) -> Any:
    """Return `module` of an optional library. Raises InputError with the command that installs it."""
    try:
        return import_module(module)
    except ImportError:
        root = module.partition(".")[0]
        raise InputError("library", root, f"is not installed: {SETUP[root]}") from None
