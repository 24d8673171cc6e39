"""What all tests share: actors named by role, seeds, and a wall around the machine."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import subprocess
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

_STEPS = 50
_CALM = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile(
    "quick",
    max_examples=20,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=_CALM,
)
settings.register_profile(
    "fuzz",
    max_examples=-(-int(os.environ.get("SHEAF_FUZZ_STEPS", "26000")) // _STEPS),
    stateful_step_count=_STEPS,
    deadline=None,
    suppress_health_check=_CALM,
    print_blob=True,
)
settings.load_profile("fuzz" if "SHEAF_FUZZ_STEPS" in os.environ else "quick")


@pytest.fixture(autouse=True, scope="session")
def _no_network_but_loopback() -> Any:
    """Refuse connections that would leave the machine: a test that needs the world is no test of ours."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to reach {address[0]}: only loopback is allowed")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session")
def _namespaces() -> None:
    """Skip where this machine lets nobody make a user namespace: then no job can be kept apart at all."""
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    own = ["unshare", "--user", "--map-root-user", "true"]
    for command in [[*drop, *own], ["unshare", "--mount", "true"]] if os.geteuid() == 0 else [own]:
        made = subprocess.run(command, capture_output=True, text=True)
        if made.returncode:
            pytest.skip(
                f"this machine does not let jobs be kept apart: {' '.join(command)}: {made.stderr.strip()}"
            )


@pytest.fixture(scope="session")
def bubblewrap(_namespaces: None) -> Any:
    """The first tier, which has passed its self-test."""
    from sheaf.sandbox.bubblewrap import Bubblewrap

    return _checked(Bubblewrap())


@pytest.fixture(scope="session")
def gvisor(_namespaces: None) -> Any:
    """The second tier, which has passed its self-test."""
    from sheaf.sandbox.gvisor import Gvisor

    return _checked(Gvisor())


def _checked(made: Any) -> Any:
    if shutil.which(made.program) is None:
        pytest.skip(f"{made.name}'s {made.program} is not installed: .ci/run names the package")
    made.check()
    return made


def _account(number: int) -> str:
    from eth_account import Account

    return str(Account.from_key(number.to_bytes(32, "big")).address)


@pytest.fixture(scope="session")
def buyer() -> str:
    return _account(0xB0)


@pytest.fixture(scope="session")
def contributor() -> str:
    return _account(0xC0)


@pytest.fixture(scope="session")
def validator() -> str:
    return _account(0xA0)


@pytest.fixture(scope="session")
def outsider() -> str:
    return _account(0xF0)
