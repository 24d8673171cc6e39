"""Requests and Escrow before verdicts that say whatever the test needs: no validators, no draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import boa

from sheaf.domain.ids import ZERO_ADDRESS
from tests.contracts.market_world import CID, FOREVER, GOLD, KEY, MOCKS, PARAMETERS, ROOT, TOKEN, source

SEATS = tuple(str(boa.env.generate_address(f"seat {i}")) for i in range(23))
BUYER, CONTRIBUTOR, OUTSIDER, DEPLOYER, TREASURY = (
    str(boa.env.generate_address(f"desk {role}"))
    for role in ("buyer", "contributor", "outsider", "deployer", "treasury")
)


@dataclass(frozen=True)
class Desk:
    """The deployed contracts, and their calls with what can be left out left out."""

    token: Any
    parameters: Any
    escrow: Any
    requests: Any
    verdicts: Any
    standing: Any

    def terms(self, **changes: Any) -> tuple[Any, ...]:
        """Return terms that can be opened, with some of them changed."""
        standard = {
            "token": self.token.address, "price": 1, "fee_bps": 400, "record_limit": 1000, "deadline": self.now + 86_400,
            "lock_rate_wad": TOKEN, "spec": CID, "amount": 500,
        }  # fmt: skip
        return tuple((standard | changes).values())

    def open(self, **changes: Any) -> int:
        """Open a request as the buyer."""
        return int(self.requests.open(self.terms(**changes), sender=BUYER))

    def submit(self, request: int, records: int = 50, **changes: Any) -> int:
        """Submit as the contributor."""
        offer = {"root": ROOT, "cid": CID, "key": KEY, "custodian": CONTRIBUTOR, "gold": GOLD} | changes
        sender = offer.pop("sender", CONTRIBUTOR)
        return int(self.requests.submit(request, records, *offer.values(), sender=sender))

    def decide(self, submission: int, approved: int, rejected: int, **changes: Any) -> None:
        """Let the review of a submission be decided."""
        standard = {
            "approved": approved, "rejected": rejected, "decided_first": approved + rejected, "first_size": 5, "size": 5,
            "opened_mask": 31, "accounts": list(SEATS[:5]), "forfeit_to": ZERO_ADDRESS,
        }  # fmt: skip
        self.verdicts.draw(submission)
        self.verdicts.decide(submission, tuple((standard | changes).values()))

    def rate(self, submission: int, factors: Sequence[int], approved: int = 0, rejected: int = 0) -> None:
        """Let the members of a submission have earned these shares of their fees, and some of its records be gold."""
        self.verdicts.rate(submission, (approved, rejected, list(factors)))

    def set(self, name: str, value: int) -> None:
        """Set a parameter."""
        self.parameters.set(PARAMETERS[name], value, sender=DEPLOYER)

    def owed(self, account: str) -> int:
        """Return what an account is owed."""
        return int(self.escrow.owed(self.token, account))

    @property
    def now(self) -> int:
        """The time of the current block."""
        return int(boa.env.evm.patch.timestamp)


def deploy_desk(token: Any | None = None) -> Desk:
    """Deploy it all; payments are in `token`, by default one that does what it is told."""
    verdicts = boa.load_partial(str(MOCKS / "Verdicts.vy")).deploy()
    with boa.env.prank(DEPLOYER):
        stake_token = source("rewards/MarketToken.vy").deploy(DEPLOYER, 10**12 * TOKEN)
        token = token or stake_token
        parameters = source("governance/Parameters.vy").deploy(DEPLOYER, True)
        parameters.set_treasury(TREASURY)
        escrow = source("market/Escrow.vy").deploy()
        standing = source("review/Standing.vy").deploy(parameters)
        standing.propose_feeder(DEPLOYER)
        requests = source("market/Requests.vy").deploy(parameters, escrow, stake_token, standing)
        escrow.wire(requests)
        requests.wire(verdicts, verdicts, verdicts)
        for account in (BUYER, CONTRIBUTOR, OUTSIDER):
            stake_token.transfer(account, 10**11 * TOKEN)
    for account in (BUYER, CONTRIBUTOR, OUTSIDER):
        stake_token.approve(escrow, FOREVER, sender=account)
    return Desk(token, parameters, escrow, requests, verdicts, standing)
