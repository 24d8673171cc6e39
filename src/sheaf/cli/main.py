"""The command `sheaf`: nouns and verbs, shell completion, exit codes.

Exit codes: 0 done · 1 refused by a rule · 2 bad input · 3 refused by the chain · 4 unreachable · 5 store or file · 6 does not match ·
70 a fault of ours · 130 stopped · 141 nobody reads the output any more.
"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from sheaf.cli import (
    account,
    bonus,
    bundle,
    computation,
    compute,
    custody,
    dataset,
    demo,
    network,
    orders,
    privacy,
    quality,
    request,
    review,
    rights,
    specification,
    stake,
    submission,
    train,
    value,
)
from sheaf.cli.disputes import dispute
from sheaf.cli.frame.group import Door

app = typer.Typer(
    name="sheaf",
    cls=Door,
    help="An open market for AI training data: escrow in, verified data out.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

app.add_typer(account.app, name="account")
app.add_typer(specification.app, name="specification")
app.add_typer(request.app, name="request")
app.add_typer(submission.app, name="submission")
app.add_typer(stake.app, name="stake")
app.add_typer(review.app, name="review")
app.add_typer(dispute.app, name="dispute")
app.add_typer(bonus.app, name="bonus")
app.add_typer(dataset.app, name="dataset")
app.add_typer(network.validator, name="validator")
app.add_typer(network.custodian, name="custodian")
app.add_typer(custody.app, name="custody")
app.add_typer(quality.app, name="quality")
app.add_typer(train.app, name="train")
app.add_typer(privacy.app, name="privacy")
app.add_typer(compute.app, name="compute")
compute.app.add_typer(computation.app)
dataset.app.add_typer(orders.app)
dataset.app.add_typer(rights.app)
app.add_typer(value.app)
app.add_typer(bundle.app)
app.add_typer(network.app)
app.add_typer(demo.app)


@app.command("completion")
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Which shell.")],
) -> None:
    """Print the completion script of a shell, to be sourced in its start-up file.

    Example: sheaf completion bash
    """
    from typer._completion_shared import get_completion_script

    typer.echo(get_completion_script(prog_name="sheaf", complete_var="_SHEAF_COMPLETE", shell=shell))


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
