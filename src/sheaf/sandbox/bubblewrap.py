"""The first tier: bubblewrap in namespaces of its own, a filter of system calls, limits of the host, never as uid 0.

The job sees an empty root that cannot be written, its folder as `/job`, Python and its packages, `/tmp` of a capped size, `null` and
`urandom`. There is no `/proc`, no network, no other process. Started by root, the launcher shows these folders in a private mount
namespace (a job must not need the right to walk through root's home) and drops to `uid` before bubblewrap begins.
Source: bubblewrap 0.8.0, bwrap(1), namespaces(7).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from sheaf.domain.errors import InputError, SandboxError
from sheaf.domain.job import Job, Outcome
from sheaf.sandbox import launch, runtime, seccomp, selftest
from sheaf.sandbox.cgroup import Cgroup

NOBODY = 65534
DEVICES = ("/dev/null", "/dev/urandom")
PIPE_BYTES = 1 << 16
FILES = 4096
WRITABLE = "/tmp"  # noqa: S108 -- the job's own

# Joins the control groups named first; then, in mounts of its own, shows folders where `uid` can reach them and makes a place to write
# with a capped number of files (bubblewrap caps bytes alone); then becomes what follows.
# Arguments: number of control groups, their folders, stage, bytes and files to write, sources, "--", command.
LAUNCHER = """
set -eu
groups=$1; shift
while [ "$groups" -gt 0 ]; do echo $$ > "$1/cgroup.procs"; shift; groups=$((groups - 1)); done
stage=$1; bytes=$2; files=$3; shift 3
mount -t tmpfs -o mode=0755,size=64k,nr_inodes=64 sandbox "$stage"
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


class Bubblewrap:
    """Runs jobs under bubblewrap. `uid` and `gid` are what root drops to; `cgroup` is a folder delegated by the operator."""

    name = "bubblewrap"

    def __init__(self, uid: int = NOBODY, gid: int = NOBODY, cgroup: Path | None = None) -> None:
        for field, value in (("uid", uid), ("gid", gid)):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 31:
                raise InputError(f"sandbox.{field}", value, f"give one above 0, e.g. {NOBODY} (nobody)")
        self.uid, self.gid, self.cgroup = uid, gid, cgroup
        self._is_checked = False

    def check(self) -> None:
        """Run the self-test: a job tries what a job may never do. Raises SandboxError if anything succeeds or nothing runs."""
        selftest.check(self._run)
        self._is_checked = True

    def run(self, job: Job) -> Outcome:
        """Run `job`; the first call runs the self-test before it. Raises SandboxError, InputError."""
        if not self._is_checked:
            self.check()
        return self._run(job)

    def _run(self, job: Job) -> Outcome:
        folder = launch.checked_folder(job)
        for program in ("bwrap", "prlimit", "setpriv", "unshare", "mount"):
            if shutil.which(program) is None:
                package = "bubblewrap" if program == "bwrap" else "util-linux"
                raise SandboxError(f"sandbox: {program} is not installed: apt-get install {package}")
        group = Cgroup(self.cgroup, job.limits) if self.cgroup else None
        stage = tempfile.mkdtemp(prefix="sheaf-stage-")
        given = (_pipe(seccomp.program()), _pipe(runtime.runner().read_bytes()))
        try:
            Path(stage).chmod(0o711)
            command = self._command(job, folder, stage, group, given)
            return launch.run(command, job, descriptors=given, on_end=group.remove if group else None)
        finally:
            for number in given:
                os.close(number)
            with contextlib.suppress(OSError):  # an empty folder, if a process that is dying still holds it
                Path(stage).rmdir()

    def _command(
        self, job: Job, folder: Path, stage: str, group: Cgroup | None, given: tuple[int, int]
    ) -> list[str]:
        """Return the whole command line: namespace for the stage, launcher, limits, drop of rights, bubblewrap, runner."""
        hidden = {**runtime.folders(), "/job": str(folder)}
        staged = {inside: f"{stage}/{number}" for number, inside in enumerate(hidden)}
        places = {**{one: one for one in runtime.system()}, **staged}
        groups = group.folders if group else []
        is_root = os.geteuid() == 0
        private = ["--mount", "--propagation", "private", "--"]
        room = [str(job.limits.disk_bytes), str(FILES)]
        return [
            *("unshare", *([] if is_root else ["--user", "--map-root-user"]), *private),
            *(
                "sh",
                "-c",
                LAUNCHER,
                "sandbox",
                str(len(groups)),
                *groups,
                stage,
                *room,
                *hidden.values(),
                "--",
            ),
            *launch.limits_command(job.limits),
            *self._drop(is_root),
            *_bwrap(job, places, f"{stage}/writable", given),
            *(
                str(runtime.executable()),
                "-I",
                "-S",
                "-B",
                runtime.RUNNER,
                job.program,
                str(job.limits.threads),
            ),
        ]

    def _drop(self, is_root: bool) -> list[str]:
        """Return the part of the command line that gives up root, or what looks like it in the stage's namespace, for good.

        In the latter bubblewrap still needs CAP_SETFCAP, without which the kernel lets nobody map that namespace's root.
        """
        identity = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"] if is_root else []
        bounding = "-all" if is_root else "-all,+setfcap"
        return ["setpriv", *identity, "--no-new-privs", "--inh-caps=-all", f"--bounding-set={bounding}", "--"]


def _bwrap(job: Job, places: dict[str, str], writable: str, given: tuple[int, int]) -> list[str]:
    """Return bubblewrap's part: namespaces, mounts, environment, filter; `given` holds filter and runner."""
    filtered, runner = map(str, given)
    command = [
        "bwrap",
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
    ]
    command += ["--cap-drop", "ALL", "--hostname", "sandbox"]
    command += ["--uid", str(NOBODY), "--gid", str(NOBODY), "--clearenv"]
    for inside, outside in sorted(places.items()):
        command += ["--ro-bind", outside, inside]
    for name, target in runtime.links().items():
        command += ["--symlink", target, f"/{name}"]
    for device in DEVICES:
        command += ["--dev-bind", device, device]
    command += ["--ro-bind-data", runner, runtime.RUNNER]
    command += ["--bind", writable, WRITABLE, "--remount-ro", "/", "--chdir", WRITABLE]
    for name, value in _environment(job).items():
        command += ["--setenv", name, value]
    return [*command, "--seccomp", filtered, "--"]


def _environment(job: Job) -> dict[str, str]:
    threads = str(max(1, min(job.limits.threads // 2, len(os.sched_getaffinity(0)))))
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
    return {"HOME": WRITABLE, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0", **dict.fromkeys(pools, threads)}


def _pipe(data: bytes) -> int:
    """Return the reading end of a pipe that holds `data`, which is small enough to lie in it."""
    assert len(data) < PIPE_BYTES
    reading, writing = os.pipe()
    try:
        os.write(writing, data)
    finally:
        os.close(writing)
    return reading
