"""`sheaf specification`: write what a request asks for, and hear of every mistake in it before money is locked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sheaf.cli.frame.faults import USAGE
from sheaf.cli.frame.paper import Paper
from sheaf.cli.session import Session
from sheaf.cli.verb import verb
from sheaf.domain.errors import InputError

if TYPE_CHECKING:
    from sheaf.actions.quality.specification import Lint

app = typer.Typer(no_args_is_help=True, help="Specifications: begin one, check one.")

TEMPLATE = """\
# What a request asks for (docs/formats.md). Open it with:
#   sheaf request open FILE --price 1 --escrow 500 --records 400 --account buyer

title = "Labelled sentences"

# An SPDX licence under which records are delivered; LicenseRef-… takes its text from `terms`.
licence = "CC-BY-4.0"

# What it is for, and what reviewers are to look at; free text.
description = "Short sentences with what they are about."
instructions = "Approve a record when its label is what the sentence is about."
# terms = "Text that binds beside the licence."

# The field that reviewers judge; leave it out if they judge whole records.
label = "label"

# One record, in the subset of JSON Schema of docs/formats.md. Records have no other fields.
[schema]
type = "object"
required = ["text", "label"]

[schema.properties.text]
type = "string"
minLength = 1
maxLength = 1000

[schema.properties.label]
type = "string"
enum = ["sport", "weather", "other"]

# The objective checks (docs/verification.md). These three are the default.
[[checks]]
name = "commitment"

[[checks]]
name = "schema"

[[checks]]
name = "duplicates"
parameters = { scope = "market" }
"""


@verb(app, "new")
def new(
    session: Session,
    file: Annotated[Path | None, typer.Argument(help="A file that does not exist yet.")] = None,
) -> None:
    """Write a specification to begin with, every line explained, to a file or to standard output.

    Example: sheaf specification new digits.toml
    """
    if file is None:
        session.answer({"specification": TEMPLATE}, lambda out: out.block(TEMPLATE))
        return
    if file.suffix.lower() != ".toml":
        raise InputError("file", file, "give a name that ends in .toml")
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(TEMPLATE)
    except FileExistsError:
        raise InputError("file", file, "it exists: give another name") from None
    session.answer({"file": str(file)}, lambda out: out.line(f"{file} written; edit it, then check it"))


@verb(app, "check")
def check(
    session: Session,
    file: Annotated[Path, typer.Argument(help="Specification, TOML or JSON.")],
    sample: Annotated[Path | None, typer.Option(help="Records that would be published with it.")] = None,
    price: Annotated[
        int | None,
        typer.Option(help="Price of a record in the token's smallest unit, to hear what it costs."),
    ] = None,
    records: Annotated[int, typer.Option(help="Records wanted, for the cost.")] = 1,
    fee_bps: Annotated[int, typer.Option(help="Reviewers' fee in hundredths of a per cent.")] = 400,
    gold_bps: Annotated[
        int,
        typer.Option(help="Share of records with known answers, in hundredths of a per cent; 0 for none."),
    ] = 1500,
) -> None:
    """Check a specification: every mistake and trap in it, what it asks of records, what it will and will not catch, what it costs.

    Example: sheaf specification check digits.toml --sample gold.csv --price 1000000 --records 500
    """
    from sheaf.actions.quality.specification import Plan, lint

    found = lint(file, sample, Plan(price, records, fee_bps, gold_bps))
    session.answer(found, lambda out: _show(out, found))
    if not found.is_valid:
        raise typer.Exit(USAGE)


def _show(out: Paper, found: Lint) -> None:
    for kind, colour, remarks in (("mistake ", "red", found.mistakes), ("trap ", "yellow", found.traps)):
        for one in remarks:
            out.line((kind, colour), f"{one.field}: {one.value}: {one.fix}")
    if found.specification is not None:
        wanted = found.specification
        out.pairs({"asks for": wanted.title, "licence": wanted.licence, "label": wanted.label or "none"})
        out.pairs({f"field {name}": rule for name, rule in _fields(wanted.schema).items()})
        out.pairs({"checks": ", ".join(use.name for use in wanted.checks)})
        out.head("asks of every record")
        for line in found.asks:
            out.line(line)
        out.head("does not ask, though there is a check for it")
        for line in found.does_not_ask:
            out.line(line)
        out.head("will catch, under the usual parameters")
        for catch in found.catches:
            out.line(catch.against)
            out.folded(f"{catch.by}: {catch.value:,.3g} {catch.unit}", "    ")
        out.head("will not catch")
        for line in found.misses:
            out.folded(line, "")
    if found.cost is not None:
        import msgspec

        out.head("costs, in the token's smallest unit")
        out.pairs(
            {
                name.replace("_", " "): f"{value:,}"
                for name, value in msgspec.structs.asdict(found.cost).items()
            }
        )


def _fields(schema: dict[str, object]) -> dict[str, str]:
    """Return the fields of a record with their type, and whether they are needed."""
    properties, required = schema.get("properties"), schema.get("required", [])
    assert isinstance(properties, dict) and isinstance(required, list)
    return {
        name: f"{part.get('format') or part.get('type', 'any')}{'' if name in required else ', may be missing'}"
        for name, part in properties.items()
    }
