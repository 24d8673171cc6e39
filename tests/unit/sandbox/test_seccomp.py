"""The filter of system calls, run by an interpreter of classic BPF for both kinds of processor."""

from __future__ import annotations

import errno
import struct

import pytest

from sheaf.domain.errors import InputError
from sheaf.sandbox import attempts, seccomp
from sheaf.sandbox.seccomp import ALLOW, ERRNO, KILL_PROCESS, MACHINES

CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3, IOCTL = 435, {"x86_64": 16, "aarch64": 29}
THREAD = 0x3D0F00  # what pthread_create gives clone
REFUSED = ERRNO | errno.EPERM


def decide(
    machine: str, number: int, *arguments: int, architecture: int = 0, is_running: bool = False
) -> int:
    """Run the filter as the kernel does: linux/filter.h, on struct seccomp_data in little-endian order."""
    data = struct.pack(
        "<iIQ6Q", number, architecture or MACHINES[machine].architecture, 0, *(*arguments, *[0] * 6)[:6]
    )
    code = list(struct.iter_unpack("<HBBI", seccomp.program(machine, is_running=is_running)))
    place = word = 0
    while True:
        kind, yes, no, value = code[place]
        place += 1
        if kind == seccomp.LOAD_WORD:
            word = struct.unpack_from("<I", data, value)[0]
        elif kind == seccomp.AND:
            word &= value
        elif kind == seccomp.EQUAL:
            place += yes if word == value else no
        elif kind == seccomp.AT_LEAST:
            place += yes if word >= value else no
        else:
            assert kind == seccomp.RETURN
            return value


@pytest.fixture(params=sorted(MACHINES))
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_calls_of_attempts_are_refused(machine: str) -> None:
    """Every call that the escape list makes is refused on both kinds of processor."""
    column = 0 if machine == "x86_64" else 1
    for name, call in attempts.CALLS.items():
        number = call[column]
        if number is not None:
            assert decide(machine, number, *(one & (2**64 - 1) for one in call[2])) == REFUSED, name


def test_only_threads_are_cloned(machine: str) -> None:
    """`clone` makes threads and nothing else: no process, and no namespace even with CLONE_THREAD."""
    assert decide(machine, CLONE[machine], THREAD) == ALLOW
    assert decide(machine, CLONE[machine], 17) == REFUSED
    for shift in (7, 17, 25, 26, 27, 28, 29, 30):
        assert decide(machine, CLONE[machine], THREAD | 1 << shift) == REFUSED
    assert decide(machine, CLONE3, 0) == ERRNO | errno.ENOSYS


def test_listed_calls_are_allowed(machine: str) -> None:
    """Reading, memory and threads work; the numbers of both tables are those of the kernel's headers."""
    known = {
        "x86_64": {"read": 0, "mmap": 9, "futex": 202, "getrandom": 318},
        "aarch64": {"read": 63, "mmap": 222, "futex": 98, "getrandom": 278},
    }
    table = MACHINES[machine].calls
    numbers = {name: number for group in table.values() for name, number in group.items()}
    for name, number in known[machine].items():
        assert numbers[name] == number
        assert decide(machine, number) == ALLOW


def test_running_program_stays_the_same(machine: str) -> None:
    """The filter of a process that is the job already lets it do all that the other does, but become another program."""
    differing = [
        number for number in range(600) if decide(machine, number) != decide(machine, number, is_running=True)
    ]
    execve = {"x86_64": 59, "aarch64": 221}[machine]
    assert differing == [execve]
    assert decide(machine, execve, is_running=True) == REFUSED


def test_everything_else_is_refused(machine: str) -> None:
    """Of all numbers up to 600, only those in the table are ever allowed."""
    numbers = {number for group in MACHINES[machine].calls.values() for number in group.values()}
    for number in range(600):
        if number not in numbers:
            assert decide(machine, number) == REFUSED


def test_foreign_architecture_kills(machine: str) -> None:
    """A call by another architecture, or with the bit of x32, ends the process."""
    assert decide(machine, 0, architecture=0x40000003) == KILL_PROCESS
    if machine == "x86_64":
        assert decide(machine, 0x40000000) == KILL_PROCESS


def test_no_call_pushes_into_a_terminal(machine: str) -> None:
    """Of the requests to devices only those about one's own descriptors pass; TIOCSTI and TIOCLINUX do not."""
    assert decide(machine, IOCTL[machine], 1, 0x5401) == ALLOW
    for request in (0x5412, 0x541C, 0x5422, 0):
        assert decide(machine, IOCTL[machine], 1, request) == ERRNO | errno.ENOTTY


def test_other_machines_are_refused() -> None:
    """A processor whose numbers are not known runs no job."""
    with pytest.raises(InputError, match=r"machine: riscv64: run jobs on one of x86_64, aarch64"):
        seccomp.program("riscv64")
