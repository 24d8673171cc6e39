"""How the sandbox is closed: nobody runs as root, and what is missing or broken stops every job."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sheaf.domain.errors import InputError, SandboxError
from sheaf.domain.job import Ending, Job, Limits, Outcome
from sheaf.sandbox import confined, launch, runtime, selftest
from sheaf.sandbox.bubblewrap import Bubblewrap
from sheaf.sandbox.cgroup import Cgroup, Overhead
from sheaf.sandbox.confined import Confined, Stage
from sheaf.sandbox.gvisor import Gvisor
from sheaf.sandbox.unconfined import Unconfined

TIERS = pytest.mark.parametrize("tier", [Bubblewrap, Gvisor])


@TIERS
@pytest.mark.parametrize("uid", [0, -1, 1 << 31, True, "nobody", 1.5])
def test_root_is_refused(tier: type[Confined], uid: object) -> None:
    """No job runs as uid 0, nor as what is no uid."""
    with pytest.raises(InputError, match=r"^sandbox\.uid: .*: give one above 0"):
        tier(uid=uid)  # type: ignore[arg-type]


@TIERS
def test_rights_are_dropped_first(
    tier: type[Confined], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Started by root, the command line becomes another user, for good, before bubblewrap or runsc is run."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    made = tier(uid=1234, gid=1235)
    command = made._command(Job(str(tmp_path), "a.py"), Stage("stage", tmp_path), [3, 4], [])
    drop = set(command[command.index("setpriv") : command.index(tier.program)])
    assert {
        "--reuid=1234",
        "--regid=1235",
        "--clear-groups",
        "--no-new-privs",
        "--bounding-set=-all",
    } <= drop


@pytest.mark.parametrize(("tier", "package"), [(Bubblewrap, "bubblewrap"), (Gvisor, "runsc")])
def test_missing_program_is_named(
    tier: type[Confined], package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where a tier's program is not installed no job runs, and the package is named."""
    (tmp_path / "a.py").write_text("")
    monkeypatch.setattr(confined.shutil, "which", lambda name: None)
    with pytest.raises(
        SandboxError, match=f"^sandbox: {tier.program} is not installed: apt-get install {package}$"
    ):
        tier().run(Job(str(tmp_path), "a.py"))


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


@TIERS
def test_first_job_waits_for_the_self_test(
    tier: type[Confined], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A job given to a sandbox that was never checked does not run before the self-test has passed."""
    ran: list[str] = []
    made = tier()
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


def test_environment_hash_names_the_sandbox() -> None:
    """The environment is named by 64 hex digits, the same at every call, and other ones for another sandbox."""
    hashes = {name: runtime.environment_hash(name) for name in ("bubblewrap", "gvisor", "unconfined")}
    assert hashes == {name: runtime.environment_hash(name) for name in hashes}
    assert len(set(hashes.values())) == 3
    assert len(bytes.fromhex(hashes["gvisor"])) == 32


# A node that runs one job and hands on whatever it reads of it.
HOST = """
import os, sys
from sheaf.domain.job import Job
from sheaf.sandbox import bubblewrap, gvisor
tier = {"bubblewrap": bubblewrap.Bubblewrap, "gvisor": gvisor.Gvisor}[sys.argv[1]]()
read = os.read
os.read = lambda number, size: (data := read(number, size), os.write(int(sys.argv[3]), data))[0]
tier._is_checked = True
tier.run(Job(sys.argv[2], "a.py"))
"""


def test_job_dies_with_its_host(sandbox: Confined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a node is killed in the middle of a job, every process of it ends, and the next node removes what it left on the disk."""
    places = tmp_path / "places"
    places.mkdir(mode=0o755)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    program = tmp_path / "a.py"
    program.write_text("import os, time\ndef compute(f, p):\n    os.write(2, b'up')\n    time.sleep(60)")
    program.chmod(0o644)
    source = Path(confined.__file__).parents[2]
    reading, writing = os.pipe()
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, sandbox.name, str(tmp_path), str(writing)],
        pass_fds=(writing,),
        stdin=subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join([str(source), *sys.path]), "TMPDIR": str(places)},
    )
    os.close(writing)
    assert os.read(reading, 2) == b"up"
    (stage,) = places.iterdir()
    assert _processes(stage)
    host.kill()
    host.wait()
    os.close(reading)
    deadline = time.monotonic() + 20
    while _processes(stage) and time.monotonic() < deadline:
        os.sched_yield()
    assert not _processes(stage)
    assert list(stage.iterdir()) == []
    monkeypatch.setattr(confined.tempfile, "gettempdir", lambda: str(places))
    confined.sweep()
    assert list(places.iterdir()) == []
    assert sandbox.run(Job(str(tmp_path), "a.py", limits=Limits(wall_seconds=1))).ending is Ending.OUT_OF_TIME


def _processes(stage: Path) -> list[str]:
    """Return the processes that have mounts of a stage: all those of its job, and nobody else."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(stage) in (process / "mountinfo").read_text():
                found.append((process / "cmdline").read_text())
    return found


def test_sweeping_leaves_what_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of a job that runs is held; those of nobody are removed, and so is nothing else, not even a link of that name."""
    monkeypatch.setattr(confined.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "kept").mkdir()
    (tmp_path / "sheaf-stage-full").mkdir()
    (tmp_path / "sheaf-stage-full" / "file").touch()
    (tmp_path / "sheaf-stage-link").symlink_to(tmp_path / "kept")
    with confined._folder() as used:
        (tmp_path / "sheaf-stage-left").mkdir()
        confined.sweep()
        found = sorted(path.name for path in tmp_path.iterdir())
        assert found == sorted(["kept", "sheaf-stage-full", "sheaf-stage-link", Path(used).name])
    assert not Path(used).exists()


def _delegated(parent: Path, *names: str) -> None:
    parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        (parent / name).write_text("")


def test_control_group_of_version_2(tmp_path: Path) -> None:
    """Below a delegated folder a group is made with caps on memory, swap, processes and processor."""
    _delegated(tmp_path, "cgroup.controllers")
    group = Cgroup(tmp_path, Limits(memory_bytes=1 << 30, threads=2), Overhead(8, 1 << 20))
    (folder,) = map(Path, group.folders)
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        "memory.max": "1074790400",
        "memory.swap.max": "0",
        "pids.max": "10",
        "cpu.max": "200000 100000",
    }


def test_control_groups_of_version_1(tmp_path: Path) -> None:
    """Where each controller has a tree of its own, a group is made in each that is there."""
    _delegated(tmp_path / "memory")
    _delegated(tmp_path / "pids")
    group = Cgroup(tmp_path, Limits(), Overhead(8))
    assert [Path(folder).parent.name for folder in group.folders] == ["memory", "pids"]
    group.remove()
    assert not any(Path(folder).exists() for folder in group.folders)


def test_group_is_removed_when_its_processes_have_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left in a group is killed, and the group removed as soon as the kernel lets it go."""
    _delegated(tmp_path / "pids")
    group = Cgroup(tmp_path, Limits(), Overhead(8))
    (folder,) = map(Path, group.folders)
    left = subprocess.Popen(["sleep", "60"])
    (folder / "cgroup.procs").write_text(f"{left.pid}\n")
    tries, remove = [], Path.rmdir

    def busy_at_first(place: Path) -> None:
        tries.append(left.poll())
        if len(tries) < 3:
            raise OSError(errno.EBUSY, "processes are dying")
        (place / "cgroup.procs").unlink()
        remove(place)

    monkeypatch.setattr(Path, "rmdir", busy_at_first)
    group.remove()
    assert left.wait() == -signal.SIGKILL
    assert len(tries) == 3
    assert not folder.exists()


def test_control_group_must_be_delegated(tmp_path: Path) -> None:
    """A folder that is none of control groups stops the job: a cap that is asked for is never left out."""
    with pytest.raises(SandboxError, match=r"sandbox\.cgroup: .*delegated"):
        Cgroup(tmp_path, Limits(), Overhead(8))
    with pytest.raises(SandboxError, match=r"sandbox\.cgroup: .*delegated"):
        Cgroup(tmp_path / "absent", Limits(), Overhead(8))
