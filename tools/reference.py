"""Write docs/reference from the code, and compare.

    python -m tools.reference write
    python -m tools.reference check

Five pages: parameters (from the contract itself, deployed in memory), contracts (functions and events from the artifacts),
errors (revert texts from the sources, with what to do from the chain room), the command line (from Typer's help) and checks
(from their `CHECK`).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

from tools.contracts import CONTRACTS, ROOT, artifact_path, deployables

REFERENCE = ROOT / "docs" / "reference"
HEAD = "<!-- Written by `make reference`; edit the code instead. -->\n\n"
REVERT = re.compile(r'(?:assert\b[^#]*?,|\braise)\s*"([a-z][a-z_ ]*: [^"]*)"')


def parameters() -> str:
    """Return the page of the numbers that a vote may move, asked from the contract's own views."""
    import boa

    source = next(path for path in deployables() if path.stem == "Parameters")
    deployer = boa.load_partial(str(source))
    governor = boa.env.generate_address()
    real, test = deployer.deploy(governor, False), deployer.deploy(governor, True)
    lines = [
        "# Parameters",
        "",
        "Every number that a vote may move, with the bounds that no vote can move.",
        "Networks made for tests have wider lower bounds.",
        "",
        "| id | name | default | least | most | least on test networks |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for number in range(24):
        (low, high), (test_low, _) = real.bounds(number), test.bounds(number)
        value = real.get(number)
        lines.append(
            f"| {number} | `{real.name_of(number)}` | {value:,} | {low:,} | {high:,} | {test_low:,} |"
        )
    return "\n".join(lines) + "\n"


def contracts() -> str:
    """Return the page of functions and events of every contract."""
    lines = [
        "# Contracts",
        "",
        "Functions and events, from the compiled artifacts. A field marked · is indexed: logs can be filtered by it.",
    ]
    for source in sorted(deployables(), key=lambda path: path.stem):
        artifact = json.loads(artifact_path(source).read_text())
        notice = _notice(source.read_text())
        lines += [
            "",
            f"## {source.stem}",
            "",
            notice,
            "",
            f"`src/sheaf/contracts/{source.relative_to(CONTRACTS)}`, ",
        ]
        lines[-1] += f"{artifact['runtime_bytes']:,} bytes."
        lines += ["", "| function | takes | gives | |", "|---|---|---|---|"]
        functions = sorted(
            (e for e in artifact["abi"] if e["type"] == "function"), key=lambda e: str(e["name"])
        )
        lines += [
            f"| `{e['name']}` | {_types(e['inputs'])} | {_types(e['outputs'])} | {_kind(e['stateMutability'])} |"
            for e in functions
        ]
        if events := sorted(
            (e for e in artifact["abi"] if e["type"] == "event"), key=lambda e: str(e["name"])
        ):
            lines += ["", "| event | fields |", "|---|---|"]
            lines += [f"| `{e['name']}` | {_types(e['inputs'])} |" for e in events]
    return "\n".join(lines) + "\n"


def errors() -> str:
    """Return the page of what contracts refuse, in their words, and of the tree of Python's errors."""
    from sheaf.domain import errors as tree

    texts: dict[str, set[str]] = {}
    for path in sorted(CONTRACTS.rglob("*.vy")):
        for text in REVERT.findall(path.read_text()):
            texts.setdefault(text, set()).add(path.stem)
    fixes = _fixes()
    lines = [
        "# Errors",
        "",
        "## What contracts refuse",
        "",
        "| revert | raised in | what to do |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{text}` | {', '.join(sorted(found))} | {fixes(text)} |" for text, found in sorted(texts.items())
    ]
    drawing = (tree.__doc__ or "").partition("\n")[2].strip("\n")
    return "\n".join([*lines, "", "## What Python raises", "", "```", drawing, "```"]) + "\n"


def command_line() -> str:
    """Return the page of the command line: what every command does, takes and shares."""
    from typer.main import get_command

    from sheaf.cli.main import app
    from sheaf.cli.verb import SHARED

    root: Any = get_command(app)
    lines = [
        "# Command line",
        "",
        "Every command that acts takes these options too:",
        "",
        "| option | |",
        "|---|---|",
    ]
    shown = _first_verb(root)
    lines += [_option(parameter) for parameter in shown.params if parameter.name in SHARED]

    def visit(command: Any, path: str) -> None:
        lines.extend(["", f"## `{path}`", "", *_help(command.help or "")])
        if children := sorted(getattr(command, "commands", {}).items()):
            rows = [
                f"| `{path} {name}` | {child.get_short_help_str(200)} |"
                for name, child in children
                if not child.hidden
            ]
            lines.extend(["", "| command | |", "|---|---|", *rows])
        own = [
            parameter
            for parameter in command.params
            if parameter.name not in SHARED and not parameter.name.endswith("completion")
        ]
        if own:
            lines.extend(["", "| takes | |", "|---|---|", *map(_option, own)])
        for name, child in children:
            if not child.hidden:
                visit(child, f"{path} {name}")

    visit(root, "sheaf")
    return "\n".join(lines) + "\n"


def checks() -> str:
    """Return the page of the checks a specification may name, with their parameters."""
    from sheaf.verification.checks import known

    lines = ["# Checks", "", "What a specification may name under `checks`, and the parameters it may set."]
    for check in known():
        said = (sys.modules[check.run.__module__].__doc__ or "").strip().partition("\n\n")[0]
        lines += ["", f"## `{check.name}` {check.version}", "", " ".join(said.split())]
        if check.parameters:
            lines += ["", "| parameter | takes | default | |", "|---|---|---|---|"]
        lines += [
            f"| `{name}` | {kind.form} | {_default(kind.default)} | {kind.meaning} |"
            for name, kind in check.parameters.items()
        ]
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "parameters.md": parameters,
    "contracts.md": contracts,
    "errors.md": errors,
    "cli.md": command_line,
    "checks.md": checks,
}


def main(arguments: list[str]) -> int:
    """Run the tool; return the exit status."""
    if arguments not in (["write"], ["check"]):
        print("usage: python -m tools.reference write|check", file=sys.stderr)
        return 2
    stale = []
    for name, page in PAGES.items():
        path, text = REFERENCE / name, HEAD + page()
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if arguments == ["write"]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    if arguments == ["check"] and stale:
        print(
            f"docs/reference: {', '.join(stale)}: not what the code says: run `make reference`",
            file=sys.stderr,
        )
        return 1
    return 0


def _types(fields: list[dict[str, Any]]) -> str:
    return ", ".join(f"{f['name']} {_type(f)}".strip() + (" ·" if f.get("indexed") else "") for f in fields)


def _type(field: dict[str, Any]) -> str:
    if not str(field["type"]).startswith("tuple"):
        return f"`{field['type']}`"
    inner = ", ".join(f"{part['name']} {part['type']}" for part in field["components"])
    return f"`({inner}){field['type'][5:]}`"


def _kind(mutability: str) -> str:
    return {"view": "view", "pure": "view", "payable": "payable"}.get(mutability, "")


def _notice(source: str) -> str:
    found = re.search(r"@notice\s+(.*?)(?=\n\s*@|\n\s*\"\"\")", source, re.DOTALL)
    stop = re.search(r"@custom:stop\s+(.*?)(?=\n\s*@|\n\s*\"\"\")", source, re.DOTALL)
    said = [" ".join(match[1].split()) for match in (found, stop) if match]
    return " *How it is stopped:* ".join(said)


def _fixes() -> Callable[[str], str]:
    """Return what to do about a revert text, where the chain room knows."""
    try:
        from sheaf.chain.advice import fix_for
    except ImportError:
        return lambda text: ""
    return fix_for


def _default(value: Any) -> str:
    if value is None or (not isinstance(value, bool | int | float) and not value):
        return "none"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


def _first_verb(command: Any) -> Any:
    while getattr(command, "commands", None):
        command = next(child for _, child in sorted(command.commands.items()))
    return command


def _help(text: str) -> list[str]:
    """Return a command's help, its example as code."""
    lines: list[str] = []
    for line in text.replace("\b", "").replace("\f", "").strip().splitlines():
        head, mark, example = line.strip().partition("Example: ")
        lines.append(f"{head}`{example}`" if mark else line.strip())
    return lines


def _option(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    is_argument = parameter.param_type_name == "argument"
    if is_argument:
        names = f"`{(parameter.metavar or parameter.name).upper()}`"
    said = (getattr(parameter, "help", None) or "").rstrip(".")
    default = parameter.default
    notes = [said] if said else []
    if parameter.required and not is_argument:
        notes.append("required")
    elif isinstance(default, int | float | str) and not isinstance(default, bool) and default != "":
        notes.append(f"default `{default}`")
    return f"| {names} | {'; '.join(notes)} |"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
