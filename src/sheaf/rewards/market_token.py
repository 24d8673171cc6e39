"""MarketToken: the token that is staked and paid with, and transfers by signature alone (twin of MarketToken.vy)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sheaf.domain.errors import InputError, Refused
from sheaf.domain.ids import ZERO_ADDRESS, Address

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer

CONTRACT = "MarketToken"
NAME, VERSION = "Sheaf", "1"
FOREVER = 2**256 - 1

_TRANSFER_FIELDS = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)
_FIELDS: dict[str, tuple[tuple[str, str], ...]] = {
    "Permit": (
        ("owner", "address"),
        ("spender", "address"),
        ("value", "uint256"),
        ("nonce", "uint256"),
        ("deadline", "uint256"),
    ),
    "TransferWithAuthorization": _TRANSFER_FIELDS,
    "ReceiveWithAuthorization": _TRANSFER_FIELDS,
    "CancelAuthorization": (("authorizer", "address"), ("nonce", "bytes32")),
}


@dataclass(frozen=True)
class Authorization:
    """A transfer that its sender signs and somebody else brings (EIP-3009)."""

    sender: str
    to: str
    value: int
    nonce: bytes
    valid_after: int = 0
    valid_before: int = FOREVER


@dataclass
class MarketTokenTwin:
    """The rules of MarketToken.vy in plain integers; refuses with the contract's own words.

    Signatures are stood for by the account that made them: `signer`.
    """

    owner: str
    supply: int
    now: int = 0
    balances: dict[str, int] = field(default_factory=dict)
    allowances: dict[tuple[str, str], int] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    used: set[tuple[str, bytes]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.balances.setdefault(self.owner, self.supply)

    def balance_of(self, account: str) -> int:
        """Return what an account holds."""
        return self.balances.get(account, 0)

    def transfer(self, sender: str, to: str, value: int) -> None:
        """Move `value` of the sender's."""
        _require(sender != ZERO_ADDRESS, "erc20: transfer from the zero address")
        _require(to != ZERO_ADDRESS, "erc20: transfer to the zero address")
        _require(self.balance_of(sender) >= value, "erc20: transfer amount exceeds balance")
        self.balances[sender] = self.balance_of(sender) - value
        self.balances[to] = self.balance_of(to) + value

    def burn(self, sender: str, value: int) -> None:
        """Destroy `value` of the sender's."""
        _require(self.balance_of(sender) >= value, "erc20: burn amount exceeds balance")
        self.balances[sender] = self.balance_of(sender) - value
        self.supply -= value

    def approve(self, owner: str, spender: str, value: int) -> None:
        """Let `spender` move up to `value` of the owner's."""
        _require(spender != ZERO_ADDRESS, "erc20: approve to the zero address")
        self.allowances[owner, spender] = value

    def transfer_from(self, spender: str, owner: str, to: str, value: int) -> None:
        """Move `value` of another's, within what that one allowed."""
        allowed = self.allowances.get((owner, spender), 0)
        if allowed != FOREVER:
            _require(allowed >= value, "erc20: insufficient allowance")
            self.allowances[owner, spender] = allowed - value
        self.transfer(owner, to, value)

    def transfer_with_authorization(self, authorization: Authorization, signer: str) -> None:
        """Transfer by a signature, once, while it is valid."""
        self._authorise(authorization, signer)
        self.transfer(authorization.sender, authorization.to, authorization.value)

    def receive_with_authorization(self, caller: str, authorization: Authorization, signer: str) -> None:
        """Take by a signature what it gives to the caller."""
        _require(caller == authorization.to, "market_token: not the payee")
        self.transfer_with_authorization(authorization, signer)

    def cancel_authorization(self, authorizer: str, nonce: bytes, signer: str) -> None:
        """Make an unused authorisation worthless."""
        _require((authorizer, nonce) not in self.used, "market_token: authorisation used")
        _require(authorizer == signer, "market_token: invalid signature")
        self.used.add((authorizer, nonce))

    def _authorise(self, authorization: Authorization, signer: str) -> None:
        key = (authorization.sender, authorization.nonce)
        _require(self.now > authorization.valid_after, "market_token: authorisation not yet valid")
        _require(self.now < authorization.valid_before, "market_token: authorisation expired")
        _require(key not in self.used, "market_token: authorisation used")
        _require(authorization.sender == signer, "market_token: invalid signature")
        self.used.add(key)


def typed_data(chain_id: int, token: str, kind: str, message: dict[str, Any]) -> dict[str, Any]:
    """Return the EIP-712 document that is signed for a Permit, or a Transfer-, Receive- or CancelAuthorization.

    `message` has the fields that EIP-2612 or EIP-3009 name. Raises InputError for another kind or other fields.
    """
    if kind not in _FIELDS:
        raise InputError("kind", kind, f"give one of {', '.join(_FIELDS)}")
    if set(message) != {name for name, _ in _FIELDS[kind]}:
        wanted = ", ".join(name for name, _ in _FIELDS[kind])
        raise InputError("message", ", ".join(message), f"give the fields {wanted}")
    domain = {"name": NAME, "version": VERSION, "chainId": chain_id, "verifyingContract": token}
    domain_types = {
        "name": "string",
        "version": "string",
        "chainId": "uint256",
        "verifyingContract": "address",
    }
    return {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in domain_types.items()],
            kind: [{"name": name, "type": type_} for name, type_ in _FIELDS[kind]],
        },
        "primaryType": kind,
        "domain": domain,
        "message": message,
    }


def authorization_message(authorization: Authorization) -> dict[str, Any]:
    """Return the fields of a transfer authorisation under the names of EIP-3009."""
    return {
        "from": authorization.sender,
        "to": authorization.to,
        "value": authorization.value,
        "validAfter": authorization.valid_after,
        "validBefore": authorization.valid_before,
        "nonce": authorization.nonce,
    }


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def balance_of(chain: Chain, account: Address) -> int:
    """Return what an account holds, in the token's smallest unit."""
    return int(chain.call(CONTRACT, "balanceOf", account))


def allowance(chain: Chain, owner: Address, spender: Address) -> int:
    """Return how much of the owner's `spender` may move."""
    return int(chain.call(CONTRACT, "allowance", owner, spender))


def transfer(chain: Chain, signer: Signer, to: Address, value: int) -> Receipt:
    """Send `value` to `to`. Raises Reverted if the signer holds less."""
    return chain.send(signer, CONTRACT, "transfer", to, value)


def approve(chain: Chain, signer: Signer, spender: Address, value: int) -> Receipt:
    """Let `spender` move up to `value` of the signer's."""
    return chain.send(signer, CONTRACT, "approve", spender, value)


def bring(
    chain: Chain, signer: Signer, authorization: Authorization, signature: tuple[int, bytes, bytes]
) -> Receipt:
    """Bring a transfer authorisation that its sender signed as (v, r, s); the signer here pays the gas, nothing else."""
    fields = authorization_message(authorization).values()
    return chain.send(signer, CONTRACT, "transferWithAuthorization", *fields, *signature)
