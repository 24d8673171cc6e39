"""Stakes against its twin: random sequences of everything that anyone can do, with time and blocks passing in between."""

from __future__ import annotations

from functools import cache
from typing import Any

import boa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sheaf.domain.errors import Refused
from sheaf.domain.ids import ZERO_ADDRESS
from sheaf.review.stakes import DRAW, RELEASE, SLASH, WEIGH, Draw, StakesTwin
from tests.contracts.conftest import SUPPLY, TOKEN, load

PERIOD_BLOCKS, UNBONDING_SECONDS, MIN_STAKE, MAX_STAKE = 8, 100, 10 * TOKEN, 1000 * TOKEN
GOVERNOR = str(boa.env.generate_address("governor"))
JUDGE = str(boa.env.generate_address("judge"))
NEWCOMER = str(boa.env.generate_address("newcomer"))
ACCOUNTS = [str(boa.env.generate_address(f"stateful {i}")) for i in range(10)]
GRANT = 5000 * TOKEN

accounts = st.sampled_from(ACCOUNTS)
amounts = st.one_of(
    st.sampled_from([0, 1, TOKEN - 1, MIN_STAKE, MIN_STAKE - 1, MAX_STAKE, MAX_STAKE + 1]),
    st.integers(1, 1200).map(lambda n: n * TOKEN),
    st.integers(0, 1200 * TOKEN),
)
numbers = st.integers(1, len(ACCOUNTS))


@cache
def _deployed() -> tuple[Any, Any]:
    token = load("rewards/MarketToken.vy").deploy(GOVERNOR, SUPPLY)
    parameters = load("governance/Parameters.vy").deploy(GOVERNOR, True)
    stakes = load("review/Stakes.vy").deploy(
        token.address, parameters.address, PERIOD_BLOCKS, UNBONDING_SECONDS, MIN_STAKE, MAX_STAKE
    )
    for account in ACCOUNTS:
        token.transfer(account, GRANT, sender=GOVERNOR)
        token.approve(stakes, 2**256 - 1, sender=account)
    return token, stakes


class Stakes(RuleBasedStateMachine):
    """Contract and twin take the same steps; both do the same or refuse in the same words."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.stakes = _deployed()
        self.twin = StakesTwin(GOVERNOR, PERIOD_BLOCKS, UNBONDING_SECONDS, MIN_STAKE, MAX_STAKE)
        self.locks: list[tuple[list[int], int]] = []
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()
        self._step("appoint", GOVERNOR, JUDGE, DRAW | RELEASE | SLASH | WEIGH)

    def teardown(self) -> None:
        try:
            self._compare_all()
        finally:
            self._anchor.__exit__(None, None, None)

    @rule(account=accounts, amount=amounts)
    def stake(self, account: str, amount: int) -> None:
        if amount <= self.token.balanceOf(account):
            self._step("stake", account, amount)

    @rule(account=accounts, amount=amounts)
    def unbond(self, account: str, amount: int) -> None:
        self._step("unbond", account, amount)

    @rule(account=accounts)
    def unbond_everything(self, account: str) -> None:
        position = self.twin.position(self.twin.ids.get(account, 0))
        self._step("unbond", account, position.amount - position.unbonding)

    @rule(account=accounts)
    def withdraw(self, account: str) -> None:
        before = self.token.balanceOf(account)
        paid = self._step("withdraw", account)
        assert self.token.balanceOf(account) - before == (paid or 0)

    @rule(account=accounts, affiliate=accounts)
    def declare(self, account: str, affiliate: str) -> None:
        self._step("declare", account, affiliate)

    @rule(
        seed=st.binary(min_size=32, max_size=32),
        count=st.integers(0, 6),
        lock=st.integers(0, 60).map(lambda n: n * 10 * TOKEN),
        excluded=st.lists(accounts, max_size=5),
        seated=st.lists(numbers, max_size=3, unique=True),
    )
    def draw(self, seed: bytes, count: int, lock: int, excluded: list[str], seated: list[int]) -> None:
        draw, period = Draw(seed, count, lock, tuple(excluded), tuple(seated)), self._now()
        picked = self._both(
            lambda: self.twin.pick_and_lock(JUDGE, draw, period),
            lambda: self.stakes.pick_and_lock(seed, period, count, lock, excluded, seated, sender=JUDGE),
        )
        if picked:
            assert not {self.twin.ids.get(account) for account in excluded} & set(picked)
            assert not set(seated) & set(picked) and len(set(picked)) == count
            self.locks.append((list(picked), lock))

    @rule(number=st.integers(0, len(ACCOUNTS) + 1), lock=amounts)
    def lock(self, number: int, lock: int) -> None:
        """Whoever took a job is locked without a draw, but for no more than it holds free."""
        if number > len(self.twin.validators) and lock == 0:
            return
        free = self.twin.position(number).amount - self.twin.position(number).locked
        self._step("lock", JUDGE, number, lock)
        if number and lock <= free:
            self.locks.append(([number], lock))

    @precondition(lambda self: self.locks)
    @rule(data=st.data(), mask=st.integers(0, 63), penalty=amounts)
    def release(self, data: st.DataObject, mask: int, penalty: int) -> None:
        ids, lock = self.locks.pop(data.draw(st.integers(0, len(self.locks) - 1)))
        self._step("release", JUDGE, ids, lock, mask, penalty)

    @rule(numbers=st.lists(numbers, max_size=3), amount=amounts)
    def release_what_is_not_locked(self, numbers: list[int], amount: int) -> None:
        locked = [self.twin.position(number).locked for number in numbers]
        if any(amount > held for held in locked):
            self._step("release", JUDGE, numbers, amount, 0, 0)

    @rule(number=numbers, amount=amounts, to=st.sampled_from([ZERO_ADDRESS, JUDGE]))
    def slash(self, number: int, amount: int, to: str) -> None:
        self._step("slash", JUDGE, number, amount, to)

    @rule(number=numbers, seconds=st.sampled_from([0, 1, UNBONDING_SECONDS, 10 * UNBONDING_SECONDS]))
    def jail(self, number: int, seconds: int) -> None:
        self._now()
        self._step("jail", JUDGE, number, self.twin.now + seconds)

    @rule(number=numbers, score_wad=st.sampled_from([0, 1, TOKEN // 3, TOKEN - 1, TOKEN, TOKEN + 1]))
    def weigh(self, number: int, score_wad: int) -> None:
        self._step("weigh", JUDGE, number, score_wad)

    @rule(sender=st.sampled_from([JUDGE, NEWCOMER, NEWCOMER, *ACCOUNTS]), number=numbers)
    def free(self, sender: str, number: int) -> None:
        self._step("free", sender, number)

    @rule(sender=st.sampled_from([NEWCOMER, *ACCOUNTS]), number=numbers)
    def usurp(self, sender: str, number: int) -> None:
        """Whoever was not appointed takes nothing."""
        self._step("slash", sender, number, TOKEN, sender)
        self._step("release", sender, [number], 0, 1, TOKEN)
        self._step("jail", sender, number, 2**40)
        self._step("lock", sender, number, 0)
        self._step("weigh", sender, number, TOKEN)
        self._step("appoint", sender, sender, SLASH)

    @rule(blocks=st.integers(1, 2 * PERIOD_BLOCKS))
    def blocks_pass(self, blocks: int) -> None:
        boa.env.time_travel(blocks=blocks)

    @rule(seconds=st.sampled_from([1, UNBONDING_SECONDS // 2, UNBONDING_SECONDS, 2 * UNBONDING_SECONDS]))
    def time_passes(self, seconds: int) -> None:
        boa.env.time_travel(seconds=seconds)

    @invariant()
    def sums_are_the_twins(self) -> None:
        """All weight and all tokens that are held are the twin's; locks are those of the draws not yet released."""
        self._now()
        assert self.stakes.total_weight() == sum(self.twin.weights())
        assert self.token.balanceOf(self.stakes) == self.twin.held
        held = [self.twin.position(n + 1) for n in range(len(self.twin.validators))]
        assert sum(position.locked for position in held) == sum(len(ids) * lock for ids, lock in self.locks)
        assert all(position.unbonding <= position.amount for position in held)

    @rule()
    def compare_all(self) -> None:
        self._compare_all()

    def _compare_all(self) -> None:
        """Every position and weight is the twin's, and every token is held, outside, or burned."""
        self._now()
        for number, weight in enumerate(self.twin.weights(), start=1):
            held = self.twin.position(number)
            expected = (held.amount, held.locked, held.unbonding, held.release_at)
            assert tuple(self.stakes.position(number)) == expected
            assert self.stakes.weight(number) == weight
            assert self.stakes.jailed_until(number) == self.twin.jailed_until(number)
        assert self.token.totalSupply() == SUPPLY - self.twin.burned
        outside = sum(self.token.balanceOf(account) for account in [*ACCOUNTS, JUDGE])
        assert outside + self.twin.held + self.twin.burned == GRANT * len(ACCOUNTS)

    def _now(self) -> int:
        self.twin.block = boa.env.evm.patch.block_number
        self.twin.now = boa.env.evm.patch.timestamp
        return self.twin.period

    def _step(self, name: str, sender: str, *arguments: Any) -> Any:
        self._now()
        return self._both(
            lambda: getattr(self.twin, name)(sender, *arguments),
            lambda: getattr(self.stakes, name)(*arguments, sender=sender),
        )

    def _both(self, twin: Any, contract: Any) -> Any:
        try:
            expected = twin()
        except Refused as refused:
            with boa.reverts(refused.reason):
                contract()
            return None
        answer = contract()
        if expected is not None:
            assert (list(answer) if isinstance(expected, list) else answer) == expected
        return expected


class TestStakes(Stakes.TestCase):  # type: ignore[misc]
    """Deployed once, before the examples: each of them begins from there."""

    @classmethod
    def setUpClass(cls) -> None:
        _deployed()
