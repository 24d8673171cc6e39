"""What runs first inside the sandbox: it caps threads, loads the job's program, calls it, and writes the output; standard library only.

Called as `python -I -S -B inside.py PROGRAM THREADS`, with the parameters on standard input; where the tier cannot lay the filter of
system calls upon it from outside, FOLDER, PACKAGES and the filter's file follow, and it does so itself before anything else. The
program's `print` goes to the log; the output pipe is moved away from descriptor 1 before any of its lines are run, and is no secret: one
pipe is all there is.
"""

from __future__ import annotations

import json
import os
import sys

PACKAGES = "/packages"
FOLDER = "/job"


def main(
    program: str, threads: str, folder: str = FOLDER, packages: str = PACKAGES, filter_file: str = ""
) -> None:
    """Run `compute(folder, parameters)` of `program` and write what it returns."""
    import resource
    from pathlib import Path

    if filter_file:
        _filter(Path(filter_file).read_bytes())
    parameters = json.loads(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_NPROC, (int(threads), int(threads)))
    output = os.dup(1)
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    sys.path.append(packages)
    path = Path(folder, program)
    names = {"__name__": "job", "__file__": str(path)}
    exec(compile(path.read_bytes(), program, "exec"), names)  # noqa: S102 -- this is what the sandbox is for
    result = names["compute"](folder, parameters)  # type: ignore[operator]
    data = bytes(result) if isinstance(result, bytes | bytearray | memoryview) else encoded(result)
    while data:
        data = data[os.write(output, data) :]


def _filter(code: bytes) -> None:
    """Give up new rights and every system call that the filter `code` (an array of `struct sock_filter`) does not allow, for good.

    Raises OSError if the kernel does not take it: then nothing of the job is run. Source: seccomp(2).
    """
    import ctypes

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))

    libc = ctypes.CDLL(None, use_errno=True)
    given = ctypes.byref(Program(len(code) // 8, code))
    for option, value, more in ((38, 1, None), (22, 2, given)):  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
        if libc.prctl(option, ctypes.c_ulong(value), more, None, None):
            raise OSError(ctypes.get_errno(), "the filter of system calls is not taken")


def encoded(result: object) -> bytes:
    """Return `result` as one line of JSON, keys sorted; arrays and numbers of numpy become lists and numbers."""
    return json.dumps(result, sort_keys=True, allow_nan=False, default=_plain).encode()


def _plain(value: object) -> object:
    plain = getattr(value, "tolist", None)
    if plain is None:
        raise TypeError(f"the output holds a {type(value).__name__}: return JSON or bytes")
    return plain()


if __name__ == "__main__":
    main(*sys.argv[1:])
