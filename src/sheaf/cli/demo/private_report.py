"""How the demo of data that never move tells its outcome to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.domain.amounts import format_amount

if TYPE_CHECKING:
    from sheaf.cli.demo.private import Attempts, Bought, Outcome
    from sheaf.cli.frame.paper import Paper


def show(out: Paper, outcome: Outcome) -> None:
    """Print the outcome."""
    answer = outcome.statistic.answer
    out.head("A statistic", f": ε = {outcome.statistic.epsilon:g}, nobody saw a record")
    rows = [
        [f"{value:,.4g}" if isinstance(value, float) else str(value) for value in row]
        for row in answer["rows"]
    ]
    out.table(answer["columns"], rows, right=answer["columns"][1:])
    _checked(out, outcome.statistic)
    out.head("A model", f": ε = {outcome.model.epsilon:g}, trained where the data lie")
    out.line(f"  tells {outcome.model.answer['accuracy']:.1%} of the buyer's own 169 tumours right")
    _checked(out, outcome.model)
    out.line(f"  the owner was paid {format_amount(outcome.income)}")
    out.head("Somebody tries to carry the data out")
    _attempts(out, outcome.attempts)
    together = outcome.together
    out.head("Five owners train together", ": the coordinator sees sums, never an update")
    out.line(
        f"  {together.rounds} rounds: {together.accuracy:.1%} of held-out digits right, {together.alone:.1%} by one owner alone"
    )
    out.line(f"{outcome.wall_seconds:.1f} s on this machine")


def _checked(out: Paper, bought: Bought) -> None:
    out.folded(f"receipt checked: {', '.join(bought.checked)}", "  ")


def _attempts(out: Paper, tried: Attempts) -> None:
    out.folded(f"any code over personal data: {tried.open_policy}", "  ")
    out.folded(f"own code instead of a method: {tried.unapproved}", "  ")
    out.folded(f"the same past the client, to the chain: {tried.unapproved_sent}, never taken on", "  ")
    if tried.bits_cap is None:
        out.folded(f"a program approved by mistake: {tried.whole_table}", "  ")
    else:
        out.folded(
            f"a program approved by mistake returns the table, {tried.bits_in_data:,} bits: what leaves is {tried.whole_table}; "
            f"the policy's form lets out {tried.bits_cap:.1f} bits at most",
            "  ",
        )
    out.folded(
        f"the same question {tried.repeated} times, to average the noise away: {tried.answered} answers, then the budget is spent",
        "  ",
    )
    out.line("  what was not answered was paid back" if tried.money_back else "  MONEY IS MISSING")
