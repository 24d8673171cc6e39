"""What both tiers do: show a job's folders where it can reach them, give up root, run the self-test first, clean up after a killed node.

Started by root, the launcher shows folders in a private mount namespace (a job must not need the right to walk through root's home) and
drops to `uid` before the tier's own program begins; started by a user of no rights, it does so in a user namespace of its own.
Sources: namespaces(7), setpriv(1), unshare(1).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from sheaf.domain.errors import InputError, SandboxError
from sheaf.domain.job import Job, Outcome
from sheaf.sandbox import launch, runtime, selftest
from sheaf.sandbox.cgroup import Cgroup, Overhead

NOBODY = 65534
DEVICES = ("/dev/null", "/dev/urandom")
PIPE_BYTES = 1 << 16
FILES = 4096
WRITABLE = "/tmp"  # noqa: S108 -- the job's own
STAGE_PREFIX = "sheaf-stage-"
PACKAGES = {"bwrap": "bubblewrap", "runsc": "runsc"}  # of Debian; all else is in util-linux

# Joins the control groups named first; then, in mounts of its own, shows folders where `uid` can reach them and makes a place to write
# with a capped number of files (bubblewrap caps bytes alone); then becomes what follows.
# Arguments: number of control groups, their folders, stage, bytes and files to write, sources, "--", command.
LAUNCHER = """
set -eu
groups=$1; shift
while [ "$groups" -gt 0 ]; do echo $$ > "$1/cgroup.procs"; shift; groups=$((groups - 1)); done
stage=$1; bytes=$2; files=$3; shift 3
mount -t tmpfs -o mode=0755,size=1m,nr_inodes=128 sandbox "$stage"
mkdir "$stage/writable" "$stage/0" "$stage/1" "$stage/2"
mount -t tmpfs -o "mode=1777,size=$bytes,nr_inodes=$files,nosuid,nodev" sandbox "$stage/writable"
number=0
while [ "$1" != -- ]; do
    mount --bind -- "$1" "$stage/$number"
    shift; number=$((number + 1))
done
shift
exec "$@"
"""


class Stage:
    """Where a job's folders are shown on the host: `place` is the stage's own, `folder` the job's."""

    def __init__(self, place: str, folder: Path) -> None:
        self.place = place
        self.hidden = {**runtime.folders(), "/job": str(folder)}

    @property
    def shown(self) -> dict[str, str]:
        """What the job sees, read-only: {place inside: place outside}."""
        staged = {inside: f"{self.place}/{number}" for number, inside in enumerate(self.hidden)}
        return {**{one: one for one in runtime.system()}, **staged}

    @property
    def writable(self) -> str:
        """The folder of capped size outside."""
        return f"{self.place}/writable"


class Confined(ABC):
    """Runs jobs apart from the machine. `uid` and `gid` are what root drops to; `cgroup` is a folder delegated by the operator."""

    name: str
    program: ClassVar[str]  # that the tier is made of
    namespaces: ClassVar[tuple[str, ...]] = ("--mount",)
    overhead: ClassVar[Overhead]

    def __init__(self, uid: int = NOBODY, gid: int = NOBODY, cgroup: Path | None = None) -> None:
        for field, value in (("uid", uid), ("gid", gid)):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 31:
                raise InputError(f"sandbox.{field}", value, f"give one above 0, e.g. {NOBODY} (nobody)")
        self.uid, self.gid, self.cgroup = uid, gid, cgroup
        self._is_checked = False

    def check(self) -> None:
        """Run the self-test: a job tries what a job may never do. Raises SandboxError if anything succeeds or nothing runs."""
        sweep()
        selftest.check(self._run)
        self._is_checked = True

    def run(self, job: Job) -> Outcome:
        """Run `job`; the first call runs the self-test before it. Raises SandboxError, InputError."""
        if not self._is_checked:
            self.check()
        return self._run(job)

    def _run(self, job: Job) -> Outcome:
        folder = launch.checked_folder(job)
        for program in (self.program, "prlimit", "setpriv", "unshare", "mount"):
            if shutil.which(program) is None:
                package = PACKAGES.get(program, "util-linux")
                raise SandboxError(f"sandbox: {program} is not installed: apt-get install {package}")
        with contextlib.ExitStack() as stack:
            stage = Stage(stack.enter_context(_folder()), folder)
            given = [stack.enter_context(_pipe(data)) for data in self._given(job, stage)]
            group = Cgroup(self.cgroup, job.limits, self.overhead) if self.cgroup else None
            command = self._command(job, stage, given, group.folders if group else [])
            return launch.run(command, job, descriptors=given, on_end=group.remove if group else None)

    def _command(self, job: Job, stage: Stage, given: list[int], groups: list[str]) -> list[str]:
        """Return the whole command line: namespaces for the stage, launcher, and what the tier makes of them."""
        own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        room = [str(job.limits.disk_bytes), str(FILES)]
        return [
            *("unshare", *own, *self.namespaces, "--propagation", "private", "--"),
            *("sh", "-c", LAUNCHER, "sandbox", str(len(groups)), *groups, stage.place, *room, *stage.hidden.values(), "--"),
            *self._confine(job, stage, given),
        ]  # fmt: skip

    @abstractmethod
    def _given(self, job: Job, stage: Stage) -> list[bytes]:
        """Return what the tier's program reads from pipes, in the order in which `_confine` gets their numbers."""

    @abstractmethod
    def _confine(self, job: Job, stage: Stage, given: list[int]) -> list[str]:
        """Return the rest of the command line, from when the stage is laid out."""

    def _drop(self) -> list[str]:
        """Return the part of the command line that gives up root, or what looks like it in the stage's namespace, for good.

        In the latter CAP_SETFCAP stays allowed, without which the kernel lets nobody map that namespace's root.
        """
        is_root = os.geteuid() == 0
        identity = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"] if is_root else []
        bounding = "-all" if is_root else "-all,+setfcap"
        return ["setpriv", *identity, "--no-new-privs", "--inh-caps=-all", f"--bounding-set={bounding}", "--"]


def environment(job: Job) -> dict[str, str]:
    """Return the variables that a job finds."""
    threads = str(max(1, min(job.limits.threads // 2, len(os.sched_getaffinity(0)))))
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
    return {"HOME": WRITABLE, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", **dict.fromkeys(pools, threads)}


def python(job: Job, *more: str) -> list[str]:
    """Return the command line of the runner, as it is inside."""
    return [
        str(runtime.executable()), "-I", "-S", "-B", runtime.RUNNER, job.program, str(job.limits.threads), *more
    ]  # fmt: skip


def sweep() -> None:
    """Remove the empty folders on which nodes that were killed had mounted; all else of a job is gone with its processes."""
    for place in Path(tempfile.gettempdir()).glob(f"{STAGE_PREFIX}*"):
        with contextlib.suppress(OSError), _held(place):
            place.rmdir()


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    """Yield an empty folder to mount on, held against those who sweep."""
    place = Path(tempfile.mkdtemp(prefix=STAGE_PREFIX))
    try:
        with _held(place):
            place.chmod(0o711)
            yield str(place)
    finally:
        with contextlib.suppress(OSError):  # an empty folder, if a process that is dying still holds it
            place.rmdir()


@contextlib.contextmanager
def _held(place: Path) -> Iterator[None]:
    """Hold a folder's lock, which ends with this process. Raises OSError if another holds it."""
    number = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(number)


@contextlib.contextmanager
def _pipe(data: bytes) -> Iterator[int]:
    """Yield the reading end of a pipe that holds `data`, which is small enough to lie in it."""
    assert len(data) < PIPE_BYTES
    reading, writing = os.pipe()
    try:
        try:
            os.write(writing, data)
        finally:
            os.close(writing)
        yield reading
    finally:
        os.close(reading)
