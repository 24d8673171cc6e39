"""The rules of the house that a machine can hold; every exception is listed here with its reason."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tools.reference import REVERT

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "sheaf"
CONTRACTS = SOURCE / "contracts"

FILE_LINES = 500
FUNCTION_LINES = 60
PARAMETERS = 6
ROOM_FILES = 12
INSTITUTIONS = {"registry", "market", "review", "rewards", "governance"}
FORBIDDEN_NAMES = {
    "utils",
    "util",
    "common",
    "helpers",
    "helper",
    "misc",
    "manager",
    "base",
    "legacy",
    "old",
    "new",
    "tmp",
}
VERSIONED_NAME = re.compile(r"(^|_)v[0-9]+($|_)|_(old|new|legacy|copy|bak)$")
PLACEHOLDER_NAMES = re.compile(r"\b(alice|bob|carol|charlie|eve|mallory)\b", re.IGNORECASE)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|home|root|Users|opt)/\w|(?<![\w.])/tmp/(?!\{)\w")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\braise NotImplementedError\b")

LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}
MANY_PARAMETERS: dict[str, str] = {
    "src/sheaf/actions/request.py:open_request": "a request has that many terms; all but context and specification go by name",
    "src/sheaf/simulation/__main__.py:main": "options of a command line",
    "src/sheaf/review/reviews.py:reveal": "chain, signer, and the five things that the contract's call is made of",
}
FULL_ROOMS: dict[str, str] = {
    "src/sheaf/actions": "one verb, one file: it is the list of what one can do",
    "src/sheaf/cli": "one noun, one file",
    "src/sheaf/review": "one twin for each contract, and the pure parts of three of them",
    "src/sheaf/simulation/agents": "one habit, one file",
}
# Contracts that are nothing but an implementation of a port, whose interface is the port's.
PORTS = {"BlockBeacon": "IBeacon"}
ENVIRONMENT_READERS = {
    "src/sheaf/bootstrap.py": "the one place where real parts are chosen and joined",
    "src/sheaf/settings.py": "typed settings are read from the environment",
    "src/sheaf/nodes/supervisor.py": "hands the environment on, unread, to the processes that it starts",
}


@cache
def tracked() -> tuple[Path, ...]:
    """All files that are in the repository or about to be: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.splitlines()]
    else:  # a source archive without its history
        paths = [path for path in ROOT.rglob("*") if not {".venv", "node_modules", ".git"} & set(path.parts)]
    return tuple(sorted(path for path in paths if path.is_file()))


def ending(*suffixes: str) -> list[Path]:
    return [path for path in tracked() if path.suffix in suffixes]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def functions(path: Path) -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    found = []

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((f"{prefix}{child.name}", child))
                walk(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.ClassDef):
                walk(child, f"{prefix}{child.name}.")
            else:
                walk(child, prefix)

    walk(tree(path), "")
    return found


def deployables() -> list[Path]:
    return sorted(path for path in CONTRACTS.rglob("*.vy") if path.name[0].isupper())


def snake(camel: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", camel).lower()


def none(found: list[str]) -> None:
    assert not found, "\n  " + "\n  ".join(found)


def test_files_are_short() -> None:
    """No Python or Vyper file has more than 500 lines, but those listed with a reason."""
    lengths = {name(path): len(path.read_text().splitlines()) for path in ending(".py", ".vy", ".vyi")}
    none([f"{file}: {n} lines" for file, n in lengths.items() if n > FILE_LINES and file not in LONG_FILES])


def test_functions_are_short() -> None:
    """No Python function has more than 60 lines, but those listed with a reason."""
    found = []
    for path in ending(".py"):
        for title, node in functions(path):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > FUNCTION_LINES and f"{name(path)}:{title}" not in LONG_FUNCTIONS:
                found.append(f"{name(path)}:{title}: {lines} lines")
    none(found)


def test_functions_take_few_parameters() -> None:
    """No function of the package takes more than six parameters, `self` and options of a command line apart."""
    found = []
    for path in ending(".py"):
        if not path.is_relative_to(SOURCE) or path.is_relative_to(SOURCE / "cli"):
            continue
        for title, node in functions(path):
            given = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            count = len([argument for argument in given if argument.arg not in ("self", "cls")])
            if count > PARAMETERS and f"{name(path)}:{title}" not in MANY_PARAMETERS:
                found.append(f"{name(path)}:{title}: {count} parameters")
    none(found)


def test_rooms_are_small() -> None:
    """A room has at most a dozen modules; a folder inside it counts on its own."""
    modules = [
        path for path in ending(".py", ".vy") if path.is_relative_to(SOURCE) and path.stem != "__init__"
    ]
    rooms = Counter(name(path.parent) for path in modules)
    none([f"{room}: {n} files" for room, n in rooms.items() if n > ROOM_FILES and room not in FULL_ROOMS])


def test_no_attics() -> None:
    """No file or folder has a name that says nothing, and nothing old lies beside the new."""
    found = []
    for path in tracked():
        for part in (*path.relative_to(ROOT).parts[:-1], path.stem):
            if part.lower() in FORBIDDEN_NAMES or VERSIONED_NAME.search(part.lower()):
                found.append(name(path))
    none(sorted(set(found)))


@pytest.mark.parametrize("contract", deployables(), ids=lambda path: path.stem)
def test_contract_has_its_four_places(contract: Path) -> None:
    """Every deployable contract has an interface, a twin in the room of its name, a folder of tests and a page of documentation."""
    room, noun = contract.parent.name, snake(contract.stem)
    wanted = [
        CONTRACTS / "interfaces" / f"{PORTS.get(contract.stem, f'I{contract.stem}')}.vyi",
        SOURCE / room / f"{noun}.py",
        ROOT / "tests" / "contracts" / room / noun,
        ROOT / "docs" / f"{room}.md",
        contract.parent / "artifacts" / f"{contract.stem}.json",
    ]
    none([f"{name(path)} is not there" for path in wanted if not path.exists()])


@pytest.mark.parametrize("contract", deployables(), ids=lambda path: path.stem)
def test_contract_says_how_it_is_stopped(contract: Path) -> None:
    """Every deployable contract names itself, says what it is and how it is stopped."""
    text = contract.read_text()
    none([f"{name(contract)}: no {tag}" for tag in ("@title", "@notice", "@custom:stop") if tag not in text])


def test_contracts_carry_their_licence() -> None:
    """Every Vyper source states AGPL-3.0-only in a SPDX header."""
    line = "SPDX-License-Identifier: AGPL-3.0-only"
    none([name(path) for path in ending(".vy", ".vyi") if line not in path.read_text()[:400]])


def test_reverts_name_their_contract() -> None:
    """Every revert text of a contract begins with the name of a contract or module: `"escrow: nothing owed"`."""
    known = {snake(path.stem).replace("_", " ") for path in CONTRACTS.rglob("*.vy")}
    found = []
    for path in CONTRACTS.rglob("*.vy"):
        for text in REVERT.findall(path.read_text()):
            if text.partition(":")[0].replace("_", " ") not in known:
                found.append(f"{name(path)}: {text!r}")
    none(found)


def test_every_revert_is_reached() -> None:
    """Every text with which a contract refuses is expected by a test of contracts."""
    expected = "".join(
        path.read_text() for path in ending(".py") if path.is_relative_to(ROOT / "tests" / "contracts")
    )
    texts = {text for path in CONTRACTS.rglob("*.vy") for text in REVERT.findall(path.read_text())}
    none(sorted(text for text in texts if text not in expected))


def test_institutions_have_one_contract_each() -> None:
    """Every room of institutions has the folder of contracts of the same name, and no room is empty."""
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    missing = [room for room in sorted(rooms & INSTITUTIONS) if not any((CONTRACTS / room).glob("*.vy"))]
    none([f"src/sheaf/{room} has no contract" for room in missing])


def test_only_settings_read_the_environment() -> None:
    """The environment is read in settings and bootstrap alone."""
    found = []
    for path in ending(".py"):
        if not path.is_relative_to(SOURCE) or name(path) in ENVIRONMENT_READERS:
            continue
        for node in ast.walk(tree(path)):
            reads = isinstance(node, ast.Attribute) and node.attr in (
                "environ",
                "environb",
                "getenv",
                "putenv",
            )
            imports = isinstance(node, ast.ImportFrom) and node.module == "os"
            names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
            if reads or (imports and names & {"environ", "getenv"}):
                found.append(f"{name(path)}:{getattr(node, 'lineno', 0)}")
    none(found)


def test_domain_has_no_world() -> None:
    """The domain has no input or output, no clock and no randomness."""
    worldly = {
        "os",
        "io",
        "sys",
        "time",
        "random",
        "secrets",
        "socket",
        "pathlib",
        "shutil",
        "subprocess",
        "web3",
        "logging",
    }
    found = []
    for path in (SOURCE / "domain").glob("*.py"):
        for module in imported(path):
            if module.partition(".")[0] in worldly:
                found.append(f"{name(path)} imports {module}")
    none(found)


def test_sciences_know_no_chain() -> None:
    """Sciences take tables and numbers: they import neither wallets nor sockets nor the chain's libraries."""
    foreign = {"web3", "eth_account", "eth_tester", "eth", "socket", "requests", "aiohttp", "urllib"}
    found = []
    for path in [
        file for room in ("verification", "valuation", "privacy") for file in (SOURCE / room).rglob("*.py")
    ]:
        found += [
            f"{name(path)} imports {module}"
            for module in imported(path)
            if module.partition(".")[0] in foreign
        ]
    none(found)


def imported(path: Path) -> list[str]:
    """Names of the modules that `path` imports anywhere in its text."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


def test_only_nodes_and_doors_are_async() -> None:
    """The inside is synchronous: `async` is found in nodes and the gateway alone."""
    found = []
    for path in ending(".py"):
        if path.is_relative_to(SOURCE) and path.relative_to(SOURCE).parts[0] not in ("nodes", "gateway"):
            found += [name(path) for node in ast.walk(tree(path)) if isinstance(node, ast.AsyncFunctionDef)]
    none(sorted(set(found)))


def test_nothing_in_the_package_imports_the_workshop() -> None:
    """The package imports neither tests nor benchmarks nor tools."""
    outside = {"tests", "benchmarks", "tools", "boa", "hypothesis", "pytest"}
    found = []
    for path in ending(".py"):
        if path.is_relative_to(SOURCE):
            found += [
                f"{name(path)}: {module}" for module in imported(path) if module.partition(".")[0] in outside
            ]
    none(found)


def test_actors_are_named_by_role() -> None:
    """Actors are buyer, contributor, validator, outsider: no names of persons."""
    paths = [path for path in ending(".py", ".vy", ".md") if path != Path(__file__)]
    none([name(path) for path in paths if PLACEHOLDER_NAMES.search(path.read_text())])


def test_the_project_speaks_of_itself_alone() -> None:
    """No file names an absolute path of somebody's machine."""
    paths = [
        path
        for path in ending(".py", ".vy", ".vyi", ".md", ".toml", ".json", ".sh", "")
        if path != Path(__file__)
    ]
    found = []
    for path in paths:
        if path.stat().st_size < 2**20 and path.name not in ("LICENSE", ".gitignore"):
            found += [
                f"{name(path)}: {m.group()}" for m in MACHINE_PATHS.finditer(path.read_text(errors="replace"))
            ]
    none(found)


def test_nothing_is_left_unfinished() -> None:
    """No source has a note that something is still to be done."""
    paths = [path for path in ending(".py", ".vy", ".sh") if path != Path(__file__)]
    none([f"{name(path)}: {m.group()}" for path in paths for m in UNFINISHED.finditer(path.read_text())])


def test_tests_claim_something() -> None:
    """Every test has a docstring: its claim."""
    found = []
    for path in ending(".py"):
        if path.is_relative_to(ROOT / "tests") and path.name.startswith("test_"):
            titles = [(title, node) for title, node in functions(path) if node.name.startswith("test_")]
            found += [f"{name(path)}:{title}" for title, node in titles if not ast.get_docstring(node)]
    none(found)


def test_tests_do_not_sleep() -> None:
    """No test waits by the clock."""
    found = []
    for path in ending(".py"):
        if path.is_relative_to(ROOT / "tests"):
            calls = [node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
            found += [
                name(path) for call in calls if isinstance(call, ast.Attribute) and call.attr == "sleep"
            ]
    none(sorted(set(found)))


def test_exceptions_are_still_needed() -> None:
    """Every exception listed above is about something that exists and still needs it."""
    found = []
    for file in LONG_FILES:
        if not (ROOT / file).exists() or len((ROOT / file).read_text().splitlines()) <= FILE_LINES:
            found.append(f"LONG_FILES: {file}")
    known = {f"{name(p)}:{title}": node for p in ending(".py") for title, node in functions(p)}
    for title in LONG_FUNCTIONS:
        if title not in known or (known[title].end_lineno or 0) - known[title].lineno + 1 <= FUNCTION_LINES:
            found.append(f"LONG_FUNCTIONS: {title}")
    found += [f"MANY_PARAMETERS: {title}" for title in MANY_PARAMETERS if title not in known]
    found += [f"ENVIRONMENT_READERS: {file}" for file in ENVIRONMENT_READERS if not (ROOT / file).exists()]
    none(found)
