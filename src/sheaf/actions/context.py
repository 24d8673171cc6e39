"""What every action is given: the network, the store, the mailbox, and who acts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from sheaf.domain.errors import CredentialError
from sheaf.domain.ids import Address

if TYPE_CHECKING:
    from pathlib import Path

    from sheaf.actions.cases.docket import Docket
    from sheaf.chain.devchain import Devchain
    from sheaf.chain.rpc import Chain
    from sheaf.chain.signer import Signer
    from sheaf.domain.ports import Mailbox, Store
    from sheaf.store.envelope import ReadingKey


class Faucet(Protocol):
    """Gives gas money and market tokens away, on local networks only."""

    def give(self, account: Address, wei: int, tokens: int) -> None:
        """Send `wei` and `tokens` (smallest unit of the market token) to `account`."""
        ...


@dataclass(frozen=True)
class Context:
    """One account's view of one market. Contexts of several accounts share everything but the signer.

    `home` keeps journals, `docket` the cases as the chain tells them. `faucet` is None where money is real, `engine` None where
    time is. `confirmations` is how many blocks must lie upon an event before something secret is given out because of it,
    `ignored` which letters were not taken, by reason. `entropy` gives so many secret bytes; only a market of play money may know a seed.
    """

    chain: Chain
    store: Store
    mailbox: Mailbox
    home: Path
    docket: Docket
    signer: Signer | None = None
    faucet: Faucet | None = None
    engine: Devchain | None = None
    confirmations: int = 0
    ignored: dict[str, set[bytes]] = field(default_factory=dict)
    entropy: Callable[[int], bytes] = os.urandom

    def acting_as(self, signer: Signer) -> Context:
        """Return the same market with another account acting."""
        return replace(self, signer=signer)

    @property
    def sender(self) -> Signer:
        """Who signs. Raises CredentialError when nobody is unlocked."""
        if self.signer is None:
            raise CredentialError("account", "none", "name an account and unlock it first")
        return self.signer

    @property
    def account(self) -> Address:
        """The address of who acts. Raises CredentialError when nobody is unlocked."""
        return self.sender.address

    @cached_property
    def reading_key(self) -> ReadingKey:
        """The key to which others seal letters for this account; derived, so it is lost only with the account itself."""
        from sheaf.store.envelope import ReadingKey

        return ReadingKey.from_bytes(self.sender.derive_secret(b"reading key"))

    @property
    def token(self) -> Address:
        """The market token's address."""
        return self.chain.address_of("MarketToken")

    @property
    def is_local(self) -> bool:
        """Whether money is play money here."""
        return self.faucet is not None

    @property
    def market(self) -> str:
        """The market's name in topics, seals and folders: chain id and the address of its request book."""
        return f"{self.chain.chain_id}-{self.chain.address_of('Requests').lower()}"

    @property
    def folder(self) -> Path:
        """Where this account keeps its journals of this market."""
        return self.home / "journal" / self.market / self.account.lower()
