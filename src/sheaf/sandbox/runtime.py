"""The Python that a job gets: which folders of the host it is made of, and the hash that names it in receipts."""

from __future__ import annotations

import hashlib
import platform
import sys
import sysconfig
from functools import cache
from importlib import metadata
from pathlib import Path

from sheaf.domain import canonical
from sheaf.sandbox import seccomp

PACKAGES = "/packages"
RUNNER = "/runner.py"
SYSTEM_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
ROOT_LINKS = ("lib", "lib64")


def system() -> list[str]:
    """Return the folders and files of the system that are shown where they are: libraries, and the interpreter if it is the system's."""
    shown = [place for place in SYSTEM_LIBRARIES if Path(place).is_dir()]
    shown += [
        f"/{link}" for link in ROOT_LINKS if Path("/", link).is_dir() and not Path("/", link).is_symlink()
    ]
    return [*shown, str(executable())] if _is_system() else shown


def folders() -> dict[str, str]:
    """Return which other folders are shown: {place inside: place outside}. At most three with the job's; no shell and no tool is there.

    The interpreter keeps its place, for it may have been built for that; installed packages are at `/packages`, the runner comes as a file.
    """
    interpreter = str(Path(sys.base_prefix).resolve())
    packages = str(Path(sysconfig.get_paths()["purelib"]).resolve())
    return {PACKAGES: packages} if _is_system() else {PACKAGES: packages, interpreter: interpreter}


def runner() -> Path:
    """Return the file that runs first in the sandbox."""
    return Path(__file__).with_name("inside.py").resolve()


def _is_system() -> bool:
    return Path(sys.base_prefix).resolve().is_relative_to("/usr")


def links() -> dict[str, str]:
    """Return the symbolic links at the sandbox's root, as the host has them: {name: target}."""
    return {link: str(Path("/", link).readlink()) for link in ROOT_LINKS if Path("/", link).is_symlink()}


def executable() -> Path:
    """Return the interpreter itself, links followed."""
    return Path(sys.executable).resolve()


@cache
def environment_hash(sandbox: str) -> str:
    """Return 64 hex digits that name the environment: interpreter, processor, packages with versions, filter of system calls, sandbox."""
    packages = sorted({f"{one.metadata['Name']}=={one.version}".lower() for one in metadata.distributions()})
    document = {
        "interpreter": f"{platform.python_implementation()} {platform.python_version()}",
        "processor": platform.machine(),
        "packages": packages,
        "sandbox": sandbox,
        "filter": hashlib.sha256(seccomp.program()).hexdigest(),
    }
    return hashlib.sha256(canonical.json_bytes(document)).hexdigest()
