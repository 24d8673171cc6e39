"""The command `sheaf`: nouns and verbs, shell completion, exit codes.

Exit codes: 0 done · 1 refused · 2 bad input · 3 refused by the chain · 4 unreachable · 5 store · 6 does not match · 130 stopped.
"""

from __future__ import annotations

from typing import Annotated

import typer

from sheaf.cli import account, bundle, demo, network, node, request, review, stake, submission

app = typer.Typer(
    name="sheaf",
    help="An open market for AI training data: escrow in, verified data out.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

app.add_typer(account.app, name="account")
app.add_typer(request.app, name="request")
app.add_typer(submission.app, name="submission")
app.add_typer(stake.app, name="stake")
app.add_typer(review.app, name="review")
app.add_typer(node.validator, name="validator")
app.add_typer(node.custodian, name="custodian")
app.add_typer(bundle.app)
app.add_typer(network.app)
app.add_typer(demo.app)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)
    ] = False,
) -> None:
    """An open market for AI training data: escrow in, verified data out."""
    if version:
        from importlib.metadata import version as version_of

        typer.echo(version_of("sheaf"))
        raise typer.Exit()


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
