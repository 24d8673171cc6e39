"""How the sandbox is closed: nobody runs as root, and what is missing or broken stops every job."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from sheaf.domain.errors import InputError, SandboxError
from sheaf.domain.job import Ending, Job, Limits, Outcome
from sheaf.domain.ports import Sandbox
from sheaf.sandbox import bubblewrap, launch, runtime, selftest
from sheaf.sandbox.bubblewrap import Bubblewrap
from sheaf.sandbox.cgroup import Cgroup
from sheaf.sandbox.unconfined import Unconfined


@pytest.mark.parametrize("uid", [0, -1, 1 << 31, True, "nobody", 1.5])
def test_root_is_refused(uid: object) -> None:
    """No job runs as uid 0, nor as what is no uid."""
    with pytest.raises(InputError, match=r"^sandbox\.uid: .*: give one above 0"):
        Bubblewrap(uid=uid)  # type: ignore[arg-type]


def test_rights_are_dropped_before_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Started by root, the command line becomes another user, for good, before bubblewrap is run."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    command = Bubblewrap(uid=1234, gid=1235)._command(
        Job(str(tmp_path), "a.py"), tmp_path, "stage", None, (3, 4)
    )
    drop = command[command.index("setpriv") : command.index("bwrap")]
    assert {"--reuid=1234", "--regid=1235", "--clear-groups", "--no-new-privs", "--bounding-set=-all"} <= set(
        drop
    )


def test_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where bubblewrap is not installed no job runs, and the package is named."""
    (tmp_path / "a.py").write_text("")
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: None)
    with pytest.raises(SandboxError, match=r"bwrap is not installed: apt-get install bubblewrap"):
        Bubblewrap().run(Job(str(tmp_path), "a.py"))


def test_self_test_fails_closed() -> None:
    """Where attempts get through, the self-test names one and no job is run."""
    with pytest.raises(SandboxError, match=r"self-test: \d+ of \d+ attempts got through, first \w+"):
        selftest.check(
            lambda job: Outcome(Ending.FINISHED, json.dumps({"read_secret": "x"}).encode(), b"", 0.0)
        )


def test_self_test_needs_a_job_that_runs() -> None:
    """Where no job can be run at all, the self-test fails too, with the reason that the machine gave."""
    with pytest.raises(SandboxError, match=r"self-test: failed: bwrap: No permissions to create"):
        selftest.check(lambda job: Outcome(Ending.FAILED, b"", b"\nbwrap: No permissions to create\n", 0.0))
    with pytest.raises(SandboxError, match=r"no job can be run here"):
        selftest.check(lambda job: Outcome(Ending.FAILED, b"", b"", 0.0))


def test_first_job_waits_for_the_self_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A job given to a sandbox that was never checked does not run before the self-test has passed."""
    ran: list[str] = []
    made = Bubblewrap()
    monkeypatch.setattr(
        made, "_run", lambda job: ran.append(job.program) or Outcome(Ending.FAILED, b"", b"", 0.0)
    )
    with pytest.raises(SandboxError, match="self-test"):
        made.run(Job(str(tmp_path), "a.py"))
    assert ran == ["attempts.py"]


def test_unconfined_is_no_sandbox() -> None:
    """The plain runner says that it keeps nothing apart."""
    with pytest.raises(SandboxError, match="keeps nothing apart"):
        Unconfined().check()


def test_program_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    """A launcher that is not there is the machine's fault, not the job's."""
    with pytest.raises(SandboxError, match=r"absent-launcher: No such file or directory"):
        launch.run(["absent-launcher"], Job(str(tmp_path), "a.py"))


def test_host_files_are_not_followed_through_links(tmp_path: Path) -> None:
    """A job whose program or folder is a link is refused: it could point at anything of the host."""
    (tmp_path / "a.py").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match=r"program: a\.py"):
        Unconfined().run(Job(str(tmp_path), "a.py"))
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="folder"):
        Unconfined().run(Job(str(tmp_path / "link"), "a.py"))


def test_environment_hash_is_stable() -> None:
    """The environment is named by 64 hex digits, the same at every call."""
    assert runtime.environment_hash() == runtime.environment_hash()
    assert len(bytes.fromhex(runtime.environment_hash())) == 32


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own such a folder")
def test_job_dies_with_its_host(sandbox: Sandbox, tmp_path: Path) -> None:
    """When the process that started a job is killed, the job does not go on: its pipe closes at once."""
    tmp_path.chmod(0o755)
    program = tmp_path / "a.py"
    program.write_text("import time\ndef compute(f, p):\n    print('up', flush=True)\n    time.sleep(60)")
    program.chmod(0o644)
    made = Bubblewrap()._command
    reading, writing = os.pipe()
    given = tuple(
        bubblewrap._pipe(data) for data in (bubblewrap.seccomp.program(), runtime.runner().read_bytes())
    )
    stage = tmp_path / "stage"
    stage.mkdir(mode=0o711)
    command = made(Job(str(tmp_path), "a.py"), tmp_path, str(stage), None, (given[0], given[1]))
    script = (
        "import subprocess, sys, os\nout = int(sys.argv[1])\n"
        "subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=out, stderr=out, close_fds=False)\nos.read(0, 1)"
    )
    host = subprocess.Popen(
        [str(runtime.executable()), "-c", script, str(writing), *command],
        pass_fds=(writing, *given),
        stdin=subprocess.PIPE,
    )
    for number in (writing, *given):
        os.close(number)
    os.read(reading, 100)
    host.kill()
    host.wait()
    while os.read(reading, 100):
        pass
    os.close(reading)


def _delegated(parent: Path, *names: str) -> None:
    parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        (parent / name).write_text("")


def test_control_group_of_version_2(tmp_path: Path) -> None:
    """Below a delegated folder a group is made with caps on memory, swap, processes and processor."""
    _delegated(tmp_path, "cgroup.controllers")
    group = Cgroup(tmp_path, Limits(memory_bytes=1 << 30, threads=2))
    (folder,) = map(Path, group.folders)
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        "memory.max": "1073741824",
        "memory.swap.max": "0",
        "pids.max": "10",
        "cpu.max": "200000 100000",
    }


def test_control_groups_of_version_1(tmp_path: Path) -> None:
    """Where each controller has a tree of its own, a group is made in each that is there."""
    _delegated(tmp_path / "memory")
    _delegated(tmp_path / "pids")
    group = Cgroup(tmp_path, Limits())
    assert [Path(folder).parent.name for folder in group.folders] == ["memory", "pids"]
    group.remove()
    assert not any(Path(folder).exists() for folder in group.folders)


def test_control_group_must_be_delegated(tmp_path: Path) -> None:
    """A folder that is none of control groups stops the job: a cap that is asked for is never left out."""
    with pytest.raises(SandboxError, match=r"sandbox\.cgroup: .*delegated"):
        Cgroup(tmp_path, Limits())
    with pytest.raises(SandboxError, match=r"sandbox\.cgroup: .*delegated"):
        Cgroup(tmp_path / "absent", Limits())
