"""Datatokens: one kind of use of one dataset as an ERC-20 token (twin of Datatoken.vy, and the calls upon it)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sheaf.domain.errors import Refused

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer
    from sheaf.domain.ids import Address

CONTRACT = "Datatoken"


@dataclass
class DatatokenTwin:
    """The balances of one datatoken; who may mint and who uses is for those to say who hold it."""

    balances: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def supply(self) -> int:
        """All uses that were made and are not used."""
        return sum(self.balances.values())

    def mint(self, to: str, amount: int) -> None:
        """Make tokens."""
        self.balances[to] += amount

    def consume(self, account: str) -> None:
        """Burn one token of who uses it."""
        if self.balances[account] == 0:
            raise Refused("datatoken: no use left")
        self.balances[account] -= 1

    def transfer(self, sender: str, to: str, amount: int) -> None:
        """Hand tokens on."""
        if self.balances[sender] < amount:
            raise Refused("erc20: transfer amount exceeds balance")
        self.balances[sender] -= amount
        self.balances[to] += amount


def balance(chain: Chain, datatoken: Address, account: Address) -> int:
    """Return how many uses an account holds; 0 where the datatoken was not made yet."""
    if chain.request("eth_getCode", datatoken, "latest") in ("0x", "0x0"):
        return 0
    return int(chain.at(CONTRACT, datatoken).call("balanceOf", account))


def give(chain: Chain, signer: Signer, datatoken: Address, to: Address, uses: int) -> Receipt:
    """Give uses away, as the dataset's owner."""
    return chain.at(CONTRACT, datatoken).send(signer, "mint", to, uses)
