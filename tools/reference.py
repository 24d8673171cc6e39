"""Write docs/reference from the code, and compare.

    python -m tools.reference write
    python -m tools.reference check

Four pages: parameters (from the contract itself, deployed in memory), contracts (functions and events from the artifacts),
errors (revert texts from the sources, with what to do from the chain room) and the command line (from Typer's help).
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
    lines = ["# Contracts", "", "Functions and events, from the compiled artifacts."]
    for source in deployables():
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
    """Return the page of the command line: the help of every command."""
    import click
    import typer.main

    from sheaf.cli.main import app

    lines = ["# Command line"]

    def visit(command: click.Command, path: str, parent: click.Context | None) -> None:
        context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent, terminal_width=100)
        lines.extend(["", f"## {path}", "", "```", _plain_help(command, context), "```"])
        for name, child in sorted(getattr(command, "commands", {}).items()):
            if not child.hidden:
                visit(child, f"{path} {name}", context)

    visit(typer.main.get_command(app), "sheaf", None)
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "parameters.md": parameters,
    "contracts.md": contracts,
    "errors.md": errors,
    "cli.md": command_line,
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
        from sheaf.chain.reverts import fix_for
    except ImportError:
        return lambda text: ""
    return fix_for


def _plain_help(command: Any, context: Any) -> str:
    import click

    formatter = click.HelpFormatter(width=100)
    click.Command.format_usage(command, context, formatter)
    click.Command.format_help_text(command, context, formatter)
    click.Command.format_options(command, context, formatter)
    if hasattr(command, "commands"):
        rows = [
            (name, child.get_short_help_str(80))
            for name, child in sorted(command.commands.items())
            if not child.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
    return "\n".join(line.rstrip() for line in formatter.getvalue().strip().splitlines())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
