"""What every Sandbox promises about jobs; that nothing gets out is the claim of tests/unit/sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sheaf.domain.errors import InputError
from sheaf.domain.job import Ending, Job, Limits
from sheaf.domain.ports import Sandbox
from sheaf.sandbox.unconfined import Unconfined

SMALL = Limits(memory_bytes=1 << 30, output_bytes=1000, log_bytes=100, wall_seconds=60)


@pytest.fixture(params=["unconfined", "bubblewrap", "gvisor"])
def runs(request: pytest.FixtureRequest) -> Sandbox:
    if request.param == "unconfined":
        return Unconfined()
    found: Sandbox = request.getfixturevalue(request.param)
    return found


def job(folder: Path, source: str, parameters: object = None, limits: Limits = SMALL) -> Job:
    folder.chmod(0o755)
    (folder / "program.py").write_text(source)
    return Job(str(folder), "program.py", json.dumps(parameters), limits)


def test_result_is_the_output(runs: Sandbox, tmp_path: Path) -> None:
    """What `compute` returns comes back as one line of JSON, its keys sorted; parameters and the folder's files reach it."""
    (tmp_path / "data.txt").write_text("twelve")
    source = "def compute(folder, given):\n    return {'b': given['x'] + 1, 'a': open(folder + '/data.txt').read()}"
    outcome = runs.run(job(tmp_path, source, {"x": 1}))
    assert (outcome.ending, outcome.output) == (Ending.FINISHED, b'{"a": "twelve", "b": 2}')
    assert outcome.seconds > 0


def test_bytes_are_left_as_they_are(runs: Sandbox, tmp_path: Path) -> None:
    """Bytes are put out unchanged, up to the last one that is allowed."""
    assert (
        runs.run(job(tmp_path, "def compute(f, p): return bytes(range(256)) * 3")).output
        == bytes(range(256)) * 3
    )


def test_numbers_of_numpy_are_numbers(runs: Sandbox, tmp_path: Path) -> None:
    """Installed packages are there, and arrays become lists."""
    source = "import numpy as np\ndef compute(f, p): return {'m': np.eye(2), 'n': np.float64(1.5)}"
    assert json.loads(runs.run(job(tmp_path, source)).output) == {"m": [[1, 0], [0, 1]], "n": 1.5}


def test_too_much_output_is_none(runs: Sandbox, tmp_path: Path) -> None:
    """Output beyond its limit ends the job and is dropped whole."""
    outcome = runs.run(job(tmp_path, "def compute(f, p): return b'1' * 10**7"))
    assert (outcome.ending, outcome.output) == (Ending.OUTPUT_TOO_LARGE, b"")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def compute(f, p): raise ValueError('not today')", "not today"),
        ("def compute(f, p): return float('nan')", "not JSON compliant"),
        ("def compute(f, p): return object()", "return JSON or bytes"),
        ("x = 1", "compute"),
        ("def compute(", "SyntaxError"),
        ("raise SystemExit(3)", ""),
        ("\x00", "null bytes"),
    ],
)
def test_failure_is_an_outcome(runs: Sandbox, tmp_path: Path, source: str, reason: str) -> None:
    """Whatever a program does wrong, the job has failed, has no output, and the reason is in the log."""
    limits = Limits(memory_bytes=1 << 30, log_bytes=2000)
    outcome = runs.run(job(tmp_path, source, limits=limits))
    assert (outcome.ending, outcome.output) == (Ending.FAILED, b"")
    assert reason in outcome.log.decode()


def test_print_is_log(runs: Sandbox, tmp_path: Path) -> None:
    """What a program prints is in the log, which is cut at its limit, and never in the output."""
    outcome = runs.run(job(tmp_path, "def compute(f, p):\n    print('x' * 500)\n    return 1"))
    assert (outcome.output, outcome.log) == (b"1", b"x" * 100)


def test_time_ends_a_job(runs: Sandbox, tmp_path: Path) -> None:
    """A job is ended when its time is over."""
    limits = Limits(memory_bytes=1 << 30, wall_seconds=1)
    outcome = runs.run(job(tmp_path, "import time\ndef compute(f, p): time.sleep(60)", limits=limits))
    assert (outcome.ending, outcome.output) == (Ending.OUT_OF_TIME, b"")


def test_large_parameters_arrive_whole(runs: Sandbox, tmp_path: Path) -> None:
    """Parameters larger than a pipe holds arrive; a program that fails before it reads them does no harm."""
    outcome = runs.run(job(tmp_path, "def compute(f, p): return len(p)", "x" * 500_000))
    assert outcome.output == b"500000"


@pytest.mark.parametrize("program", ["../program.py", "/etc/passwd", "", ".hidden", "a b", 7, "a\n"])
def test_program_is_a_name(program: object) -> None:
    """A program's name cannot lead out of its folder."""
    with pytest.raises(InputError, match=r"^program: "):
        Job("folder", program)  # type: ignore[arg-type]


def test_absent_folder_and_program_are_refused(runs: Sandbox, tmp_path: Path) -> None:
    """A folder or program that is not there is the caller's fault, said before anything runs."""
    with pytest.raises(InputError, match=r"^folder: "):
        runs.run(Job(str(tmp_path / "absent"), "program.py"))
    with pytest.raises(InputError, match=r"^program: "):
        runs.run(Job(str(tmp_path), "program.py"))


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "1", 1 << 60])
@pytest.mark.parametrize(
    "name", ["memory_bytes", "cpu_seconds", "wall_seconds", "disk_bytes", "output_bytes", "threads"]
)
def test_limits_are_bounded(name: str, value: object) -> None:
    """A limit is a whole number from 1 up to what a machine can have."""
    with pytest.raises(InputError, match=rf"^limits\.{name}: .*: give a whole number from 1 to"):
        Limits(**{name: value})  # type: ignore[arg-type]
