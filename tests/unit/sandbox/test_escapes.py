"""The list of attempts to break out, each made in a true sandbox; and that they would get through where nothing holds them."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from sheaf.domain.job import Ending, Job, Limits, Outcome
from sheaf.domain.ports import Sandbox
from sheaf.sandbox import attempts, selftest
from sheaf.sandbox.unconfined import Unconfined

MIB = 1 << 20
SMALL = Limits(
    memory_bytes=512 * MIB,
    cpu_seconds=5,
    wall_seconds=20,
    disk_bytes=MIB,
    output_bytes=1000,
    log_bytes=1000,
    threads=8,
)
# What every user of a Linux machine can do where nothing holds him.
UNHELD = {
    "read_secret",
    "read_secret_through_link",
    "list_neighbours",
    "read_accounts",
    "read_processes",
    "read_kernel_settings",
    "write_given_folder",
    "find_devices",
    "find_tools",
    "make_process",
    "make_process_by_clone",
    "make_process_by_clone3",
    "make_process_sharing_memory",
    "make_namespace_by_clone",
    "run_program",
    "spawn_program",
    "reach_host_process",
    "find_host_process",
    "limit_host_process",
    "gain_rights_by_running",
    "run_unfiltered",
    "outlive_host",
    "socket_internet",
    "socket_datagram",
    "socket_local",
    "socket_kernel",
    "socket_pair",
    "connect_to_host",
    "connect_by_name",
    "inherit_environment",
    "call_memfd_create",
    "call_semget",
    "call_ptrace",
    "call_unshare_user",
    "call_io_uring_setup",
    "call_execveat",
    "call_personality",
    "call_own_filter",
}
HELD_APART = """
import ctypes, mmap, os, threading, time
def compute(folder, parameters):
"""


@pytest.fixture(scope="module")
def through(sandbox: Sandbox) -> dict[str, str]:
    """What got through when all attempts were made in one job."""
    return selftest.escaped(sandbox.run, attempts.ATTEMPTS)


@pytest.mark.parametrize("name", sorted(attempts.ATTEMPTS))
def test_attempt_is_held(name: str, through: dict[str, str]) -> None:
    """No attempt of the list gets through in the sandbox."""
    assert name not in through, f"{name}: {through[name]}"


def test_the_list_is_long_enough() -> None:
    """The list has at least fifty attempts."""
    assert len(attempts.ATTEMPTS) >= 50


@pytest.mark.usefixtures("_namespaces")
def test_attempts_get_through_where_nothing_holds_them() -> None:
    """The same program without a sandbox gets through: the attempts are real, and finding nothing says something."""
    assert set(selftest.escaped(Unconfined().run, UNHELD)) == UNHELD


def alone(sandbox: Sandbox, folder: Path, body: str, limits: Limits = SMALL) -> Outcome:
    """Run `body` as the whole of `compute`."""
    folder.chmod(0o755)
    program = folder / "job.py"
    program.write_text(HELD_APART + "\n".join(f"    {line}" for line in body.strip().splitlines()))
    program.chmod(0o644)
    return sandbox.run(Job(str(folder), "job.py", "{}", limits))


def refused(sandbox: Sandbox, folder: Path, body: str, error: str) -> None:
    """Assert that the job fails with `error` as the last line of its log."""
    outcome = alone(sandbox, folder, body)
    assert outcome.ending is Ending.FAILED, outcome
    assert error in outcome.log.decode()[-1000:], outcome


def test_memory_is_capped(sandbox: Sandbox, tmp_path: Path) -> None:
    """A job that takes more memory than its limit is refused it."""
    refused(sandbox, tmp_path, "return len(b'1' * (600 << 20))", "MemoryError")


def test_mapped_memory_is_capped(sandbox: Sandbox, tmp_path: Path) -> None:
    """Anonymous shared maps count too."""
    refused(sandbox, tmp_path, "return len(mmap.mmap(-1, 600 << 20))", "OSError")


def test_files_are_capped_in_bytes(sandbox: Sandbox, tmp_path: Path) -> None:
    """What a job writes is capped in sum, however many files it is spread over."""
    body = "for i in range(20):\n    open(f'/tmp/{i}', 'wb').write(b'1' * (100 << 10))\nreturn 'all'"
    refused(sandbox, tmp_path, body, "No space left on device")


def test_one_file_is_capped_in_bytes(sandbox: Sandbox, tmp_path: Path) -> None:
    """A file that is all hole cannot be longer than the limit either."""
    outcome = alone(sandbox, tmp_path, "open('hole', 'wb').truncate(2 << 20)\nreturn 'made'")
    assert outcome.ending is not Ending.FINISHED


def test_files_are_capped_in_number(bubblewrap: Sandbox, tmp_path: Path) -> None:
    """Empty files cost the kernel's memory: their number is capped. (gVisor's kernel is a process, whose memory is: test_gvisor.)"""
    refused(
        bubblewrap,
        tmp_path,
        "for i in range(5000):\n    open(f'/tmp/{i}', 'w').close()",
        "No space left on device",
    )


def test_threads_are_capped(sandbox: Sandbox, tmp_path: Path) -> None:
    """A job cannot start more threads than its limit."""
    body = "stop = threading.Event()\nfor i in range(50):\n    threading.Thread(target=stop.wait, daemon=True).start()\nreturn 50"
    refused(sandbox, tmp_path, body, "can't start new thread")


def test_descriptors_are_capped(sandbox: Sandbox, tmp_path: Path) -> None:
    """A job cannot hold descriptors without end."""
    refused(sandbox, tmp_path, "return [os.dup(0) for i in range(5000)]", "Too many open files")


def test_processor_time_is_capped(sandbox: Sandbox, tmp_path: Path) -> None:
    """A job that computes without end is ended when its processor time is used up."""
    limits = Limits(memory_bytes=512 * MIB, cpu_seconds=1, wall_seconds=60)
    assert alone(sandbox, tmp_path, "while True: pass", limits).ending is Ending.KILLED


def test_time_is_capped(sandbox: Sandbox, tmp_path: Path) -> None:
    """A job that does nothing without end is ended when its time is over."""
    limits = Limits(memory_bytes=512 * MIB, wall_seconds=1)
    outcome = alone(sandbox, tmp_path, "time.sleep(100)", limits)
    assert outcome.ending is Ending.OUT_OF_TIME
    assert outcome.seconds < 50


def test_output_is_capped(sandbox: Sandbox, tmp_path: Path) -> None:
    """One byte of output too many and none is kept."""
    assert alone(sandbox, tmp_path, "return b'1' * 1000").output == b"1" * 1000
    outcome = alone(sandbox, tmp_path, "return b'1' * 1001")
    assert (outcome.ending, outcome.output) == (Ending.OUTPUT_TOO_LARGE, b"")


def test_output_cannot_be_written_beside_the_result(sandbox: Sandbox, tmp_path: Path) -> None:
    """Writing into the output pipe directly is counted like any output; all is one pipe."""
    body = "for number in range(3, 10):\n    try: os.write(number, b'1' * 1001)\n    except OSError: pass\nreturn 1"
    assert alone(sandbox, tmp_path, body).ending is Ending.OUTPUT_TOO_LARGE


def test_log_is_capped(sandbox: Sandbox, tmp_path: Path) -> None:
    """A log without end neither stops the job nor fills the host."""
    outcome = alone(sandbox, tmp_path, "for i in range(2000): print('x' * 100)\nreturn 1")
    assert (outcome.ending, len(outcome.log), outcome.output) == (Ending.FINISHED, 1000, b"1")


def test_failure_gives_no_output(sandbox: Sandbox, tmp_path: Path) -> None:
    """What a job wrote before it failed is not kept: a failure tells that it failed and nothing else."""
    body = "for number in range(3, 10):\n    try: os.write(number, b'secret')\n    except OSError: pass\nraise ValueError(1)"
    assert alone(sandbox, tmp_path, body).output == b""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the conventions of x86")
@pytest.mark.parametrize(
    ("code", "answer"),
    [
        pytest.param("b8 29 00 00 00 cd 80 c3", b"-1", id="32 bits"),  # mov eax, 41; int 0x80; ret
        pytest.param("b8 27 00 00 40 0f 05 c3", None, id="x32"),  # mov eax, 0x40000027; syscall; ret
    ],
)
def test_foreign_conventions_kill(sandbox: Sandbox, tmp_path: Path, code: str, answer: bytes | None) -> None:
    """Machine code that calls the kernel by another convention, whose numbers mean other calls, is killed on the spot.

    gVisor's kernel has no convention of 32 bits: by whatever gate, 41 is `socket` (with 32 bits it would be `dup`), which is refused.
    """
    body = f"""
code = mmap.mmap(-1, 4096, prot=7)
code.write(bytes.fromhex("{code}"))
address = ctypes.addressof(ctypes.c_char.from_buffer(code))
return ctypes.CFUNCTYPE(ctypes.c_long)(address)()
"""
    outcome = alone(sandbox, tmp_path, body)
    is_refused = sandbox.name == "gvisor" and outcome.output == answer
    assert outcome.ending is Ending.KILLED or is_refused, outcome


def test_nothing_is_left_of_a_job(sandbox: Sandbox, tmp_path: Path) -> None:
    """What one job writes the next does not find, and nothing of a job stays on the host."""
    before = sorted(path.name for path in tmp_path.parent.iterdir())
    assert (
        alone(sandbox, tmp_path, "open('left', 'w').write('1')\nreturn os.listdir('/tmp')").output
        == b'["left"]'
    )
    assert alone(sandbox, tmp_path, "return os.listdir('/tmp')").output == b"[]"
    assert sorted(path.name for path in tmp_path.parent.iterdir()) == before


def test_what_a_job_sees(sandbox: Sandbox, tmp_path: Path) -> None:
    """The root shows the job, a Python, packages, a place to write, devices: nothing else of the host, and in `/dev` two at most.

    gVisor lets devices be used and not listed, and has places of its own, into which the job cannot look.
    """
    body = """
found = {}
for place in ('/', '/job', '/tmp', '/dev', '/dev/pts', '/proc', '/sys'):
    try: found[place] = sorted(os.listdir(place))
    except OSError: pass
return found
"""
    root = {"dev", "job", "lib", "lib64", "packages", "runner.py", "tmp", "usr", *_interpreter_root()}
    own = {"filter", "proc", "sys"} if sandbox.name == "gvisor" else set()
    seen = json.loads(alone(sandbox, tmp_path, body).output)
    assert set(seen.pop("/")) <= root | own
    devices = {"/dev/pts": []} if sandbox.name == "gvisor" else {"/dev": ["null", "urandom"]}
    assert seen == {"/job": ["job.py"], "/tmp": [], **devices}


def test_devices_work(sandbox: Sandbox, tmp_path: Path) -> None:
    """What is thrown away is gone, and random bytes come."""
    body = "open('/dev/null', 'wb').write(b'1')\nreturn len(open('/dev/urandom', 'rb').read(9))"
    assert alone(sandbox, tmp_path, body).output == b"9"


def _interpreter_root() -> set[str]:
    from sheaf.sandbox import runtime

    return {Path(place).parts[1] for place in runtime.folders()}
