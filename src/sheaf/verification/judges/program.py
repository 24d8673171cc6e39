"""Any executable as a judge: records in as JSON lines, one verdict a line out.

The program reads one JSON object per record from standard input (bytes as base64, times as ISO 8601, all values named as in the
schema) and writes for each, in the same order, a line that is `true`, `false`, `1`, `0`, or `{"approve": true, "reason": "…"}`.
It must end with status 0. Whatever else happens is an error and never a vote.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sheaf.domain.errors import InputError, shorten
from sheaf.domain.verdict import Finding
from sheaf.verification.pipeline import refusal

if TYPE_CHECKING:
    import pyarrow as pa

    from sheaf.domain.request import Specification

TIMEOUT_SECONDS = 600.0
LINE_BYTES = 4096
"""What a verdict line may take on average; a program that writes more is stopped."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    approve: bool
    reason: str = ""


class Program:
    """A judge that runs `command` once for each set of records, without a shell.

    The program gets none of our environment (which may hold secrets), only PATH, LANG and `environment`; title, instructions and
    label of the request stand in SHEAF_REQUEST as JSON. It, and all it started, is killed after `timeout_seconds`.
    """

    def __init__(
        self,
        command: tuple[str, ...],
        timeout_seconds: float = TIMEOUT_SECONDS,
        environment: dict[str, str] | None = None,
    ) -> None:
        if not command or not all(part and "\0" not in part for part in command[:1]):
            raise InputError("judge", "program:", "name a command, such as program:./judge.py --strict")
        self.command, self.timeout_seconds = command, timeout_seconds
        self._environment = {"PATH": _PATH, "LANG": "C.UTF-8", **(environment or {})}

    def judge(self, records: pa.Table, specification: Specification) -> NDArray[np.bool_]:
        """Return shape (n,): what the program said. Raises InputError where it failed, was late, or said too little."""
        return self.explain(records, specification)[0]

    def explain(
        self, records: pa.Table, specification: Specification
    ) -> tuple[NDArray[np.bool_], list[Finding]]:
        """Return what the program said, and a finding with its reason for every record that it refuses."""
        if not records.num_rows:
            return np.zeros(0, dtype=np.bool_), []
        lines = self._run(records, specification)
        if len(lines) != records.num_rows:
            raise self._failed(f"{len(lines)} lines", f"write one line per record: {records.num_rows}")
        said = [self._read(line, number) for number, line in enumerate(lines, 1)]
        findings = [
            refusal(i, "refused", detail=shorten(one.reason, 200) if one.reason else "")
            for i, one in enumerate(said)
            if not one.approve
        ]
        return np.array([one.approve for one in said], dtype=np.bool_), findings

    def _read(self, line: bytes, number: int) -> _Said:
        with contextlib.suppress(msgspec.MsgspecError):
            said = msgspec.json.decode(line)
            if said in (0, 1) and isinstance(said, bool | int):
                return _Said(bool(said))
            return msgspec.convert(said, _Said)
        text = line.decode(errors="replace")
        raise self._failed(f"line {number}: {text!r}", 'write true, false, 1, 0 or {"approve": true}')

    def _run(self, records: pa.Table, specification: Specification) -> list[bytes]:
        """Return the program's lines."""
        limit = LINE_BYTES * records.num_rows
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as complaints:
            _write(records, given)
            try:
                process = subprocess.Popen(
                    self.command,
                    stdin=given,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    env={**self._environment, "SHEAF_REQUEST": _request(specification)},
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                raise self._failed(reason or "cannot start", "give the path of an executable file") from None
            said, is_late = self._heard(process, limit)
            if is_late:
                raise self._failed("too slow", f"judge all records within {self.timeout_seconds:g} seconds")
            if len(said) > limit:
                raise self._failed("says too much", f"write at most {LINE_BYTES} bytes a line")
            if process.returncode:
                raise self._failed(f"status {process.returncode}", _last_words(complaints))
        return said.splitlines()

    def _heard(self, process: subprocess.Popen[bytes], limit: int) -> tuple[bytes, bool]:
        """Return what the process wrote, at most limit + 1 bytes, and whether it was stopped for being late."""
        assert process.stdout is not None
        expired = threading.Event()

        def stop() -> None:
            expired.set()
            _kill(process)

        alarm = threading.Timer(self.timeout_seconds, stop)
        alarm.start()
        try:
            said = process.stdout.read(limit + 1)
            if len(said) <= limit:  # wait without reaping, so that its id stays its own until all is killed
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        finally:
            alarm.cancel()
            alarm.join()
            _kill(process)  # and what it may have left running in its session
            process.stdout.close()
            process.wait()
        return said, expired.is_set()

    def _failed(self, value: str, fix: str) -> InputError:
        return InputError(f"judge {shorten(self.command[0], 40)}", value, fix)


def _request(specification: Specification) -> str:
    told = {name: getattr(specification, name) for name in ("title", "instructions", "label")}
    return msgspec.json.encode(told).decode()


def _write(records: pa.Table, file: IO[bytes]) -> None:
    encoder = msgspec.json.Encoder()
    for batch in records.to_batches(max_chunksize=1024):
        rows: list[dict[str, Any]] = batch.to_pylist()
        file.write(encoder.encode_lines(rows))
    file.seek(0)


def _last_words(complaints: IO[bytes]) -> str:
    complaints.seek(max(0, complaints.seek(0, os.SEEK_END) - 400))
    lines = complaints.read().decode(errors="replace").split("\n")
    said = [line for line in lines if line.strip()]
    return shorten(said[-1], 200) if said else "the program wrote nothing to standard error"


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
