"""The filter of system calls, written as classic BPF by hand: what is listed is allowed, all else fails.

A job may read and write what its file system shows, take memory, run threads and look at the clock. It may not make processes
(`fork`, `vfork`, `clone` without CLONE_THREAD; `clone3`, whose flags a filter cannot see, is said to be absent, so that libraries
fall back on `clone`), namespaces, sockets, memory files, shared memory, mounts, keys, traces or io_uring, and may signal nobody but
its own threads. Calls in a foreign convention (32 bits, x32) kill it. Sources: seccomp(2), linux/seccomp.h, linux/filter.h.
"""

from __future__ import annotations

import errno
import platform
import struct
from typing import NamedTuple

from sheaf.domain.errors import InputError
from sheaf.sandbox.system_calls import AARCH64, X86_64

ALLOW = 0x7FFF0000
KILL_PROCESS = 0x80000000
ERRNO = 0x00050000
LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # places in struct seccomp_data
X32_BIT = 0x40000000
CLONE_THREAD = 0x00010000
CLONE_NAMESPACES = 0x00020000 | 0x00000080 | 0x7E000000  # NEWNS, NEWTIME, NEWCGROUP to NEWNET
IOCTLS = (
    0x5401,
    0x541B,
    0x5421,
    0x5450,
    0x5451,
    0x5413,
)  # TCGETS FIONREAD FIONBIO FIONCLEX FIOCLEX TIOCGWINSZ
# SET_NAME GET_NAME SET_VMA GET_DUMPABLE GET_SECCOMP GET_NO_NEW_PRIVS


class Machine(NamedTuple):
    """One kind of processor: its AUDIT_ARCH, its numbers of system calls."""

    architecture: int
    calls: dict[str, dict[str, int]]


MACHINES = {"x86_64": Machine(0xC000003E, X86_64), "aarch64": Machine(0xC00000B7, AARCH64)}
Instruction = tuple[int, int, int, int]


def program(machine: str = "", *, is_running: bool = False) -> bytes:
    """Return the filter for `machine` (default: this one) as an array of `struct sock_filter`. Raises InputError for another kind.

    With `is_running` it is laid upon the job's own process, which then needs no `execve` any more and is not allowed it.
    """
    name = machine or platform.machine()
    if name not in MACHINES:
        raise InputError("machine", name, f"run jobs on one of {', '.join(MACHINES)}")
    refused = ("execve",) if is_running else ()
    code = _instructions(MACHINES[name], name == "x86_64", refused)
    return b"".join(struct.pack("<HBBI", *one) for one in code)


def _instructions(machine: Machine, has_x32: bool, refused: tuple[str, ...]) -> list[Instruction]:
    code: list[Instruction] = [
        (LOAD_WORD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, machine.architecture),
        _give(KILL_PROCESS),
        (LOAD_WORD, 0, 0, NUMBER),
    ]
    if has_x32:
        code += [(AT_LEAST, 0, 1, X32_BIT), _give(KILL_PROCESS)]
    looked_at = machine.calls["looked_at"]
    code += _case(looked_at["clone"], _clone())
    code += _case(looked_at["ioctl"], _one_of(1, IOCTLS, errno.ENOTTY))
    code += _case(looked_at["prctl"], _one_of(0, PRCTLS, errno.EPERM))
    code += _case(looked_at["prlimit64"], _one_of(0, (0,), errno.EPERM))  # its own limits alone
    for number in machine.calls["absent"].values():
        code += _case(number, [_give(ERRNO | errno.ENOSYS)])
    for group in ("files", "memory", "threads", "signals", "itself", "time"):
        for name, number in machine.calls[group].items():
            if name not in refused:
                code += _case(number, [_give(ALLOW)])
    return [*code, _give(ERRNO | errno.EPERM)]


def _case(number: int, block: list[Instruction]) -> list[Instruction]:
    """Run `block`, which must return, if the call is `number`; the accumulator holds the number before and after."""
    return [(EQUAL, 0, len(block), number), *block]


def _clone() -> list[Instruction]:
    """Allow a thread, refuse a process and every new namespace."""
    return [
        (LOAD_WORD, 0, 0, ARGUMENTS),
        (AND, 0, 0, CLONE_THREAD | CLONE_NAMESPACES),
        (EQUAL, 0, 1, CLONE_THREAD),
        _give(ALLOW),
        _give(ERRNO | errno.EPERM),
    ]


def _one_of(argument: int, values: tuple[int, ...], otherwise: int) -> list[Instruction]:
    """Allow the call if the low word of `argument` is one of `values`; the kernel reads these arguments as 32 bits."""
    code: list[Instruction] = [(LOAD_WORD, 0, 0, ARGUMENTS + 8 * argument)]
    for value in values:
        code += [(EQUAL, 0, 1, value), _give(ALLOW)]
    return [*code, _give(ERRNO | otherwise)]


def _give(action: int) -> Instruction:
    return (RETURN, 0, 0, action)


PRCTLS = (15, 16, 0x53564D41, 3, 21, 39)
