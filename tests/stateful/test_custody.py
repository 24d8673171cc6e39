"""Custody against its twin: deposits, pledges with and without signatures, reports and endings in any order, to the last unit."""

from __future__ import annotations

from functools import cache
from typing import Any

import boa
from eth_account import Account
from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sheaf.domain.errors import Refused
from sheaf.domain.ids import ZERO_ADDRESS
from sheaf.review.custody import CustodyTwin, Held, Sealed, typed_data
from tests.contracts.conftest import SUPPLY, TOKEN, load
from tests.contracts.market_world import MOCKS

GOVERNOR = str(boa.env.generate_address("custody governor"))
KEYS = [Account.from_key(keccak(f"keeper {i}".encode())) for i in range(3)]
KEEPERS = [key.address for key in KEYS]
CONTRIBUTORS = [str(boa.env.generate_address(f"custody contributor {i}")) for i in range(2)]
SEATS = tuple(str(boa.env.generate_address(f"custody seat {i}")) for i in range(5))
GRANT, SUBMISSIONS, QUORUM = 1000 * TOKEN, 5, 4
ROOT, CID, KEY, GOLD = (bytes([i]) * 32 for i in range(1, 5))

keepers = st.sampled_from(KEEPERS)
numbers = st.integers(1, SUBMISSIONS)
amounts = st.one_of(st.sampled_from([0, 1, GRANT]), st.integers(1, 400).map(lambda n: n * TOKEN))


@cache
def _deployed() -> tuple[Any, Any, Any]:
    token = load("rewards/MarketToken.vy").deploy(GOVERNOR, SUPPLY)
    parameters = load("governance/Parameters.vy").deploy(GOVERNOR, False)
    holdings = boa.load_partial(str(MOCKS / "Holdings.vy")).deploy()
    custody = load("review/Custody.vy").deploy(token, parameters, holdings, holdings, holdings)
    holdings.seat(list(SEATS), QUORUM)
    for account in KEEPERS:
        token.transfer(account, GRANT, sender=GOVERNOR)
        token.approve(custody, 2**256 - 1, sender=account)
    return token, holdings, custody


class Custody(RuleBasedStateMachine):
    """Contract and twin take the same steps; both do the same or refuse in the same words."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.holdings, self.custody = _deployed()
        self.twin = CustodyTwin()
        self._anchor = boa.env.anchor()
        self._anchor.__enter__()

    def teardown(self) -> None:
        self._anchor.__exit__(None, None, None)

    @initialize(values=st.lists(st.sampled_from([1, 7, 33 * TOKEN + 1, 200 * TOKEN]), min_size=5, max_size=5))
    def begin(self, values: list[int]) -> None:
        for number, value in enumerate(values, start=1):
            # The last one's custodian is its contributor.
            custodian = KEEPERS[number % 3] if number < SUBMISSIONS else CONTRIBUTORS[0]
            held = Held(CONTRIBUTORS[0], custodian, value, quorum=QUORUM, seats=SEATS)
            self.twin.held[number] = held
            made = (1, held.contributor, 5, 1, 1, 20, keccak(b"".join(self._words(number))))
            case = (1, GOVERNOR, held.contributor, 5, value, 400, 1, 2000)
            self.holdings.put(number, made, case)

    @rule(keeper=keepers, amount=amounts)
    def deposit(self, keeper: str, amount: int) -> None:
        if amount <= self.token.balanceOf(keeper):
            self._step("deposit", keeper, amount)

    @rule(keeper=keepers, amount=amounts)
    def leave(self, keeper: str, amount: int) -> None:
        self._step("leave", keeper, amount)

    @rule(keeper=keepers)
    def leave_with_everything(self, keeper: str) -> None:
        self._step("leave", keeper, self.twin.accounts[keeper].free)

    @rule(keeper=keepers)
    def withdraw(self, keeper: str) -> None:
        before = self.token.balanceOf(keeper)
        paid = self._step("withdraw", keeper)
        assert self.token.balanceOf(keeper) - before == (paid or 0)

    @rule(
        number=numbers, sender=st.sampled_from([*KEEPERS, *CONTRIBUTORS]), by=st.sampled_from([None, 0, 1, 2])
    )
    def pledge(self, number: int, sender: str, by: int | None) -> None:
        self._pledge(sender, number, by)

    @rule(number=numbers)
    def pledge_as_custodian(self, number: int) -> None:
        self._pledge(self.twin.held[number].custodian, number, None)

    @rule(
        number=numbers,
        phase=st.integers(1, 3),
        review=st.integers(1, 5),
        round_=st.integers(1, 2),
        decided=st.integers(0, 2),
    )
    def move(self, number: int, phase: int, review: int, round_: int, decided: int) -> None:
        """Other contracts act: what was excused is not opened again, but a jury may decide records."""
        held = self.twin.held[number]
        held.phase = max(held.phase, phase)
        held.review_phase = max(3, review) if number in self.twin.excused else review
        held.round, held.decided = round_, decided
        self.holdings.move(number, held.phase, held.review_phase, round_, decided)

    @rule(number=numbers)
    def open_to_votes(self, number: int) -> None:
        if number not in self.twin.excused and self.twin.held[number].phase == 1:
            self.move(number, 1, 1, 1, 0)

    @rule(number=numbers, seat=st.integers(0, 4), sender=st.sampled_from(SEATS))
    def report(self, number: int, seat: int, sender: str) -> None:
        self._step("report", sender, number, seat)

    @rule(number=numbers)
    def all_report(self, number: int) -> None:
        for seat, account in enumerate(SEATS):
            self._step("report", account, number, seat)

    @rule(number=numbers)
    def conclude(self, number: int) -> None:
        contributor = self.twin.held[number].contributor
        before = self.token.balanceOf(contributor)
        paid = self._both(lambda: self.twin.conclude(number), lambda: self.custody.conclude(number))
        assert self.token.balanceOf(contributor) - before == (paid or 0)

    @rule(seconds=st.sampled_from([1, 86_400, 172_800]))
    def time_passes(self, seconds: int) -> None:
        boa.env.time_travel(seconds=seconds)

    @invariant()
    def money_is_the_twins(self) -> None:
        """Every account, pledge and mask is the twin's, and every token is held or burned."""
        for keeper in KEEPERS:
            mine = self.twin.accounts[keeper]
            assert tuple(self.custody.account_of(keeper)) == (mine.free, mine.leaving, mine.release_at)
        for number in self.twin.held:
            assert tuple(self.custody.pledge_of(number)) == self.twin.pledges.get(number, (ZERO_ADDRESS, 0))
            assert self.custody.missing(number) == self.twin.missing[number]
            assert self.custody.is_excused(number) == (number in self.twin.excused)
        assert self.token.balanceOf(self.custody) == self.twin.balance
        assert self.token.totalSupply() == SUPPLY - self.twin.burned

    def _words(self, number: int) -> tuple[bytes, ...]:
        custodian = bytes.fromhex(self.twin.held[number].custodian[2:]).rjust(32, b"\0")
        return ROOT, CID, KEY, custodian, GOLD

    def _pledge(self, sender: str, number: int, by: int | None) -> None:
        held, signature = self.twin.held[number], b""
        if by is not None:
            data = typed_data(boa.env.evm.patch.chain_id, self.custody.address, 1, held.contributor, KEY)
            signature = bytes(KEYS[by].sign_typed_data(*data).signature)
        sealed = Sealed(ROOT, CID, KEY, held.custodian, GOLD)
        signer = None if by is None else KEEPERS[by]
        self._both(
            lambda: self.twin.pledge(sender, number, signer),
            lambda: self.custody.pledge(number, tuple(sealed), signature, sender=sender),
        )

    def _step(self, name: str, sender: str, *arguments: Any) -> Any:
        return self._both(
            lambda: getattr(self.twin, name)(sender, *arguments),
            lambda: getattr(self.custody, name)(*arguments, sender=sender),
        )

    def _both(self, twin: Any, contract: Any) -> Any:
        self.twin.now = boa.env.evm.patch.timestamp
        try:
            expected = twin()
        except Refused as refused:
            with boa.reverts(refused.reason):
                contract()
            return None
        contract()
        return expected


class TestCustody(Custody.TestCase):  # type: ignore[misc]
    """Deployed once, before the examples: each of them begins from there."""

    @classmethod
    def setUpClass(cls) -> None:
        _deployed()
