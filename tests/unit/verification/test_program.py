"""Any program as a judge."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from sheaf.domain.errors import InputError
from sheaf.domain.request import Specification
from sheaf.verification.judges import named
from sheaf.verification.judges.program import Program

SPECIFICATION = Specification(title="cats", schema={}, licence="CC0-1.0", label="x", instructions="be strict")
RECORDS = pa.table({"x": [1, 2, 3], "image": [b"\x89", None, b""], "word": ["é\n", "b", None]})


def asking(code: str, timeout_seconds: float = 30, **environment: str) -> Program:
    return Program((sys.executable, "-c", code), timeout_seconds, environment)


LOOP = "import json,sys,os\nfor line in sys.stdin:\n r = json.loads(line)\n "


@pytest.mark.parametrize(
    "say",
    [
        "print(str(r['x'] == 2).lower())",
        "print(int(r['x'] == 2))",
        "print(json.dumps({'approve': r['x'] == 2}))",
    ],
)
def test_one_line_is_one_verdict(say: str) -> None:
    """true and false, 1 and 0, and objects all mean the same."""
    assert asking(LOOP + say).judge(RECORDS, SPECIFICATION).tolist() == [False, True, False]


def test_reasons_are_kept() -> None:
    """A reason comes back with the record it was given for, on one line."""
    say = "print(json.dumps({'approve': False, 'reason': f\"saw {r['word']!r} {r['image']}\\nx\"}))"
    approved, findings = asking(LOOP + say).explain(RECORDS, SPECIFICATION)
    assert not approved.any() and [finding.record for finding in findings] == [0, 1, 2]
    assert [f.detail for f in findings] == ["saw 'é\\n' iQ== x", "saw 'b' None x", "saw None x"]


def test_the_request_is_told_and_our_environment_is_not() -> None:
    """The program learns title, instructions and label; nothing of our own environment reaches it."""
    os.environ["SHEAF_TEST_SECRET"] = "secret"
    told = {"title": "cats", "instructions": "be strict", "label": "x"}
    say = f"print(int(json.loads(os.environ['SHEAF_REQUEST']) == {told} and 'SHEAF_TEST_SECRET' not in os.environ))"
    try:
        assert asking(LOOP + say).judge(RECORDS, SPECIFICATION).all()
    finally:
        del os.environ["SHEAF_TEST_SECRET"]


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("print(1)", "1 lines: write one line per record: 3"),
        ("print('1\\n1\\n1\\n1')", "4 lines"),
        ("pass", "0 lines"),
        ("print('1\\n2\\n1')", "line 2: '2'"),
        ("print('1\\nyes\\n1')", "line 2: 'yes'"),
        ("print('1\\n\\n1')", "line 2: ''"),
        ("print('1\\n[]\\n1')", r"line 2: '\[\]'"),
        ("print('1\\n1.0\\n1')", "line 2: '1.0'"),
        ("print('1\\n{\"approve\": 1}\\n1')", "line 2"),
        ('print(\'1\\n{"approve": true, "x": 1}\\n1\')', "line 2"),
        ("import sys; sys.stdout.buffer.write(b'1\\n\\xff\\n1')", "line 2"),
        ("print('1\\n1\\n1'); raise SystemExit('no model found')", "status 1: no model found"),
        ("print('1\\n1\\n1'); raise SystemExit(3)", "status 3: the program wrote nothing"),
        ("import os; os.kill(os.getpid(), 9)", "status -9"),
        ("print('1' * 100_000)", "says too much"),
    ],
)
def test_whatever_is_not_a_verdict_is_an_error(code: str, complaint: str) -> None:
    """Too few or too many lines, other values, a crash after a full answer: an error in one line, never a vote."""
    with pytest.raises(InputError, match=complaint) as refused:
        asking(code).judge(RECORDS, SPECIFICATION)
    assert "\n" not in str(refused.value)


def test_a_program_that_hangs_is_stopped_with_all_it_started(tmp_path: Path) -> None:
    """After its time a program is killed, and so is what it left running."""
    lock = tmp_path / "held"
    code = (
        "import fcntl,os,subprocess,sys,time\n"
        f"f = open({str(lock)!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); os.set_inheritable(f.fileno(), True)\n"
        "subprocess.Popen(['sleep', '1000'], close_fds=False)\nprint('1\\n1\\n1', flush=True)\ntime.sleep(1000)\n"
    )
    with pytest.raises(InputError, match="too slow: judge all records within 1 seconds"):
        asking(code, timeout_seconds=1).judge(RECORDS, SPECIFICATION)
    import fcntl

    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # would wait for ever were the grandchild alive


def test_a_program_need_not_read() -> None:
    """One that answers without reading everything it is given is heard all the same."""
    many = pa.table({"x": ["y" * 100] * 5000})
    assert asking("print('0\\n' * 5000, end='')").judge(many, SPECIFICATION).shape == (5000,)


def test_no_records_no_program() -> None:
    """Nothing is started for an empty table."""
    assert Program(("/no/such/program",)).judge(RECORDS.slice(0, 0), SPECIFICATION).shape == (0,)


@pytest.mark.parametrize("command", [("/no/such/program",), ("/",), ("./a\0b",)])
def test_a_command_that_cannot_start_is_refused(command: tuple[str, ...]) -> None:
    """A path that is absent, a directory or malformed is an error in one line."""
    with pytest.raises(InputError, match=r"^judge"):
        Program(command).judge(RECORDS, SPECIFICATION)


@pytest.mark.parametrize("name", ["program:", "program:  ", "program:'open", "magic", "svm", ""])
def test_names_of_judges_are_refused_in_one_line(name: str) -> None:
    """An unknown kind, an empty command, or a classifier without a sample."""
    with pytest.raises(InputError):
        named(name, None, SPECIFICATION)


def test_a_program_is_named_with_its_arguments() -> None:
    """`program:` is followed by a command line, split as a shell would."""
    judge = named(f"program:{shlex.quote(sys.executable)} -c 'print(\"1\\n0\\n1\")'", None, SPECIFICATION)
    assert judge.judge(RECORDS, SPECIFICATION).tolist() == [True, False, True]
