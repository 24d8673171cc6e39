"""Each habit in a short world among judges that never err: what it gets is what the mechanism's arithmetic says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sheaf.simulation.agents import habits
from sheaf.simulation.run import Outcome, Scenario, play
from sheaf.simulation.world import Economy

SMALL = Economy(records=8, validators=5, skill=1.0, gold_share=0.0, parameters=())
BOND, FEE = 0.20, 0.04
REVIEW = 8 * FEE / 5
"""What one of five reviewers of a batch earns."""


def short(habit: str, rounds: int = 1, **more: int) -> Outcome:
    """Return what a world of one honest seller, five validators and a habit with one of them comes to."""
    return play(Scenario([habit], rounds=rounds, honest_sellers=1, strength=1, economy=SMALL, **more), 0)


def test_garbage_loses_its_bond_and_fee() -> None:
    """Seven of eight records by chance are wrong under four names: nobody gets more than the right ones are worth."""
    found = short("garbage-sybil")
    assert found.returns["garbage 1"] == pytest.approx(-8 * (BOND + FEE))
    assert found.market.precision == found.market.recall == 1.0


def test_half_honest_is_worse_than_honest() -> None:
    """The wrong half costs its bond and fee: so much less than the right half alone would have earned."""
    found = short("half-honest")
    assert found.gains["half-honest seller 1"] == pytest.approx(-4 * (BOND + FEE))
    assert found.market.bought == found.market.good == found.delivered == found.right == 12


@pytest.mark.parametrize(
    ("habit", "name"),
    [("recycler", "recycler"), ("near-duplicate", "near-duplicator"), ("front-runner", "front-runner")],
)
def test_copies_lose_bond_and_fee(habit: str, name: str) -> None:
    """What was sold before, as it is or moved a little, and a submission copied out of the mempool: refused whole; its maker is paid."""
    found = short(habit, rounds=2)
    assert found.returns[f"{name} 1"] == pytest.approx(-8 * (BOND + FEE))
    assert found.returns["honest seller 1"] == pytest.approx(16 * 0.5)


def test_a_thief_of_keys_loses_the_race_that_it_wins() -> None:
    """A custodian that sells what was entrusted to it may be drawn first: the lower number is paid, the copy loses bond and fee."""
    found = short("key-thief")
    assert found.returns["key thief 1"] == pytest.approx(-8 * (BOND + FEE))
    assert found.returns["honest robbed-seller 1"] == pytest.approx(8 * 0.5)


def test_trading_with_oneself_costs_the_fees() -> None:
    """Who owns both sides loses the reviewers' and the protocol's fee."""
    assert short("wash-trader").returns["wash trader 1"] == pytest.approx(-8 * (FEE + 0.025))


def test_a_name_is_spent_at_the_price_of_its_bonds() -> None:
    """Two rounds of good batches earn their margin; the garbage after them loses what garbage loses."""
    found = short("camouflage-seller", rounds=3)
    assert found.returns["camouflage seller 1"] == pytest.approx(16 * 0.5 - 8 * (BOND + FEE))


@pytest.mark.parametrize(
    ("habit", "rounds", "right"), [("ring", 1, 0), ("partial-ring", 1, 6), ("camouflage-validator", 3, 0), ("majority-ring", 1, 0)]
)  # fmt: skip
def test_one_voice_gets_no_garbage_through(habit: str, rounds: int, right: int) -> None:
    """With one seat of five a ring's garbage is rejected, whether it comes alone, among good records, or late."""
    found = short(habit, rounds=rounds)
    name = next(name for name in found.gains if name.startswith(habit.replace("-", " ")))
    assert found.market.precision == 1.0
    # Its seat reviews one or two batches a round, for a little less than all of the fee where it stands against the others.
    earned = found.returns[name] - right * 0.5 + (8 - right) * (BOND + FEE)
    assert 0.7 * REVIEW * rounds < earned < REVIEW * (rounds + 1)


def test_a_bribe_to_one_of_five_is_paid_for_nothing() -> None:
    """The garbage is rejected, and the briber owes what it promised: a fee and a tenth, for each vote in vain."""
    found = short("briber")
    assert found.returns["briber 1"] == pytest.approx(-8 * (BOND + FEE) - REVIEW * 1.1)
    assert found.market.precision == 1.0


@pytest.mark.parametrize("habit", ["lazy-validator", "vote-copier", "sharing-validator"])
def test_who_does_not_look_spends_nothing(habit: str) -> None:
    """Without gold, one of five who does not look where all records are good earns its fee and saves the effort."""
    found = short(habit)
    name = next(name for name in found.gains if name.startswith(habit.replace("-", " ")))
    looked = 8 * 0.002 if habit == "sharing-validator" else 0.0
    assert found.returns[name] == pytest.approx(REVIEW - looked, abs=0.01)


def test_gold_jails_who_approves_all() -> None:
    """After a few batches with gold, half of it wrong, one of six who never looks has lost a tenth of its stake, and nobody else any."""
    wide = Economy(records=12, validators=6, skill=1.0, gold_share=0.5, parameters=())
    found = play(Scenario(["lazy-validator"], rounds=3, strength=1, honest_sellers=1, economy=wide), 0)
    assert found.returns["lazy validator 1"] < -0.09 * wide.stake
    assert (found.market.jailed, found.market.lost) == (0, 0.0)
    assert found.market.precision == found.market.recall == 1.0


def test_a_veto_of_one_stops_nothing() -> None:
    """One of five who rejects all changes no verdict."""
    found = short("vetoing-validator")
    assert found.market.precision == found.market.recall == 1.0
    assert found.returns["honest seller 1"] == pytest.approx(8 * 0.5)


def test_a_buyer_that_will_not_pay_pays() -> None:
    """Cancelling, reclaiming and taking no delivery costs the contributor nothing, and the buyer all that it owes."""
    found = short("griefing-buyer")
    assert found.returns["griefing buyer 1"] == pytest.approx(-8 * (1 + FEE + 0.025))
    assert found.returns["honest seller-to-griefer 1"] == pytest.approx(8 * 0.5)


def test_a_withheld_key_costs_whoever_withheld_it() -> None:
    """Nobody can review a batch whose key does not come: the keeper loses its pledge, half of it to the contributor, whose bond returns."""
    found = short("griefing-keeper")
    assert found.returns["griefing keeper 1"] == pytest.approx(-8 * 1.5)
    assert found.returns["honest entrusting-seller 1"] == pytest.approx(8 * (0.75 - 0.5))
    assert all(found.returns[name] > 0 for name in found.honest)


def test_stealing_what_one_withholds_costs_more_than_it_earns() -> None:
    """The copy is paid, since nobody can read what it was copied from; the pledge is half as much again, and half of it the maker's."""
    found = short("withholding-thief")
    assert found.returns["withholding thief 1"] == pytest.approx(8 * (1 - 1.5))
    assert found.returns["honest entrusting-maker 1"] == pytest.approx(8 * (0.75 - 0.5))


def test_every_habit_has_its_test() -> None:
    """No habit is played in benchmarks alone."""
    text = Path(__file__).read_text()
    assert [name for name in habits() if not name.startswith("honest") and f'"{name}"' not in text] == []
