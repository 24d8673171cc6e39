"""How standing moves the weight of stake."""

from __future__ import annotations

from typing import Any

import boa

from tests.contracts.conftest import MAX_STAKE, TOKEN, WEIGH, next_period


def test_standing_weighs_up_to_twice_from_the_next_period(
    stakes: Any, bond: Any, deployer: str, validators: list[str], judge_power: Any
) -> None:
    """A score adds its share to the weight, from the next period on, whatever is staked later; never above the cap; jail silences it."""
    scorer = str(boa.env.generate_address("scorer"))
    stakes.appoint(scorer, WEIGH, sender=deployer)
    bond(validators[0], 100 * TOKEN)
    bond(validators[1], MAX_STAKE // 2 + TOKEN)
    next_period()
    stakes.weigh(1, TOKEN // 2, sender=scorer)
    stakes.weigh(2, TOKEN, sender=scorer)
    assert stakes.weight(1) == 100 and stakes.score_of(1) == TOKEN // 2
    next_period()
    assert (stakes.weight(1), stakes.weight(2)) == (150, MAX_STAKE // TOKEN)
    bond(validators[0], 11 * TOKEN)
    judge_power.slash(1, TOKEN)
    stakes.jail(2, 2**40, sender=judge_power.actor)
    next_period()
    assert (stakes.weight(1), stakes.weight(2)) == (165, 0)
    stakes.weigh(2, 0, sender=scorer)
    stakes.free(2, sender=judge_power.actor)
    stakes.weigh(1, 0, sender=scorer)
    next_period()
    assert (stakes.weight(1), stakes.weight(2)) == (110, MAX_STAKE // TOKEN // 2 + 1)
    with boa.reverts("stakes: score above one"):
        stakes.weigh(1, TOKEN + 1, sender=scorer)
    for number in (0, 3):
        with boa.reverts("stakes: unknown validator"):
            stakes.weigh(number, 1, sender=scorer)
