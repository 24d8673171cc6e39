"""No isolation at all: a job as a plain process with capped time and output, for one's own code at home and to measure the others by."""

from __future__ import annotations

import sysconfig

from sheaf.domain.errors import SandboxError
from sheaf.domain.job import Job, Outcome
from sheaf.sandbox import launch, runtime


class Unconfined:
    """Runs jobs as what they are: programs with all rights of whoever starts them. Never for code of others."""

    name = "unconfined"

    def check(self) -> None:
        """Refuse: this keeps nothing apart."""
        raise SandboxError("sandbox: unconfined keeps nothing apart: take bubblewrap for code of others")

    def run(self, job: Job) -> Outcome:
        """Run `job` in a process of its own. Raises InputError for its folder or program."""
        folder = launch.checked_folder(job)
        python = [
            str(runtime.executable()),
            "-I",
            "-S",
            "-B",
            str(runtime.runner()),
            job.program,
            str(job.limits.threads),
        ]
        return launch.run([*python, str(folder), sysconfig.get_paths()["purelib"]], job)
