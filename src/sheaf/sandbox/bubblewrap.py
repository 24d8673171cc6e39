"""The first tier: bubblewrap in namespaces of its own, a filter of system calls, limits of the host, never as uid 0.

The job sees an empty root that cannot be written, its folder as `/job`, Python and its packages, `/tmp` of a capped size, `null` and
`urandom`. There is no `/proc`, no network, no other process.
Source: bubblewrap 0.8.0, bwrap(1), namespaces(7).
"""

from __future__ import annotations

from sheaf.domain.job import Job
from sheaf.sandbox import launch, runtime, seccomp
from sheaf.sandbox.cgroup import Overhead
from sheaf.sandbox.confined import DEVICES, NOBODY, WRITABLE, Confined, Stage, environment, python


class Bubblewrap(Confined):
    """Runs jobs under bubblewrap: the host's kernel behind a filter."""

    name = "bubblewrap"
    program = "bwrap"
    overhead = Overhead(processes=8)  # shell, bubblewrap, its first process

    def _given(self, job: Job, stage: Stage) -> list[bytes]:
        return [seccomp.program(), runtime.runner().read_bytes()]

    def _confine(self, job: Job, stage: Stage, given: list[int]) -> list[str]:
        """Return limits, drop of rights, bubblewrap with its namespaces, mounts, environment and filter, runner."""
        filtered, runner = map(str, given)
        command = [*launch.limits_command(launch.rlimits(job.limits)), *self._drop(), "bwrap"]
        command += ["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent"]
        command += ["--new-session", "--cap-drop", "ALL", "--hostname", "sandbox"]
        command += ["--uid", str(NOBODY), "--gid", str(NOBODY), "--clearenv"]
        for inside, outside in sorted(stage.shown.items()):
            command += ["--ro-bind", outside, inside]
        for name, target in runtime.links().items():
            command += ["--symlink", target, f"/{name}"]
        for device in DEVICES:
            command += ["--dev-bind", device, device]
        command += ["--ro-bind-data", runner, runtime.RUNNER]
        command += ["--bind", stage.writable, WRITABLE, "--remount-ro", "/", "--chdir", WRITABLE]
        for name, value in environment(job).items():
            command += ["--setenv", name, value]
        return [*command, "--seccomp", filtered, "--", *python(job)]
