"""Accounts: make, import, unlock, fund, and publish a reading key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError
from sheaf.domain.ids import ZERO_ADDRESS

if TYPE_CHECKING:
    from pathlib import Path

    from sheaf.actions.context import Context
    from sheaf.chain.signer import Signer
    from sheaf.domain.ids import Address
    from sheaf.review.standing import Known

GAS_MONEY_WEI = 10 * WAD


@dataclass(frozen=True)
class Balances:
    """What an account has, in smallest units: gas money, tokens in hand, tokens owed by the escrow, and its stake.

    `validator` is its number among the validators, or None; `release_at` is when unbonding stake may leave (Unix seconds). `standing` is
    what audits, appeals and gold have shown of it.
    """

    account: Address
    wei: int
    token: Address
    tokens: int
    owed: int
    staked: int
    unbonding: int
    locked: int
    release_at: int
    validator: int | None
    standing: Known


def create_account(directory: Path, name: str, password: str) -> Address:
    """Make a new account in the keystore `directory`, encrypted with `password`. Raises CredentialError if `name` is taken."""
    from sheaf.chain import keystore

    return keystore.create(directory, name, password)


def import_account(directory: Path, name: str, private_key: str, password: str) -> Address:
    """Put an existing private key (0x and 64 hexadecimal digits) into the keystore. Raises CredentialError."""
    from sheaf.chain import keystore

    return keystore.import_key(directory, name, private_key, password)


def list_accounts(directory: Path) -> dict[str, Address]:
    """Return the accounts of the keystore by name."""
    from sheaf.chain import keystore

    return keystore.accounts(directory)


def unlock(directory: Path, name: str, password: str) -> Signer:
    """Decrypt an account. Raises CredentialError if there is none of that name or the password is wrong."""
    from sheaf.chain import keystore

    return keystore.load(directory, name, password)


def local_account(ctx: Context, name: str, *, tokens: int = 10_000 * WAD, seed: int = 0) -> Context:
    """Return `ctx` acting as a throw-away account of a local market: funded, its reading key published.

    The key follows from `seed` and `name`: never use it where money is real. Raises InputError on any other network.
    """
    from sheaf.chain.signer import Signer

    _require_local(ctx, name)
    actor = ctx.acting_as(Signer(hashlib.sha256(f"sheaf local account {seed} {name}".encode()).digest()))
    fund_account(ctx, actor.account, tokens=tokens)
    register_key(actor)
    return actor


def fund_account(
    ctx: Context, address: Address, *, tokens: int = 1_000 * WAD, wei: int = GAS_MONEY_WEI
) -> None:
    """Give `address` gas money and market tokens from the faucet. Raises InputError on a network that is not local."""
    _require_local(ctx, address)
    assert ctx.faucet is not None
    ctx.faucet.give(address, wei, tokens)


def register_key(ctx: Context) -> str | None:
    """Publish this account's reading key; return the transaction, or None if the chain has it already."""
    from sheaf.registry import nodes

    public = ctx.reading_key.public
    if nodes.reading_key(ctx.chain, ctx.account) == public:
        return None
    return nodes.register(ctx.chain, ctx.sender, public).transaction


def balances(ctx: Context, address: Address | None = None, token: Address | None = None) -> Balances:
    """Return what an account (the acting one) has, of `token` (the market token)."""
    from sheaf.market import escrow
    from sheaf.review import stakes, standing

    account, token = address or ctx.account, token or ctx.token
    number = stakes.id_of(ctx.chain, account)
    position = stakes.position(ctx.chain, number) if number else None
    return Balances(
        account=account,
        wei=ctx.chain.balance(account),
        token=token,
        tokens=ctx.chain.at("MarketToken", token).call("balanceOf", account),
        owed=escrow.owed(ctx.chain, token, account),
        staked=position.amount if position else 0,
        unbonding=position.unbonding if position else 0,
        locked=position.locked if position else 0,
        release_at=position.release_at if position else 0,
        validator=number or None,
        standing=standing.known(ctx.chain, account),
    )


def require_funds(
    ctx: Context, token: Address, amount: int, purpose: str, who: Address | None = None
) -> None:
    """Raise InputError if `who` (the acting account) holds less than `amount` of `token`: before anything is sent."""
    held = ctx.chain.at("MarketToken", token).call("balanceOf", who or ctx.account)
    if held < amount:
        raise InputError(
            "balance", held, f"{purpose} takes {amount} of token {token}: get {amount - held} more first"
        )


def approve(ctx: Context, token: Address, spender: Address, amount: int) -> None:
    """Let `spender` take exactly `amount` of `token` from this account; no transaction if it may already."""
    erc20 = ctx.chain.at("MarketToken", token)
    allowed = erc20.call("allowance", ctx.account, spender)
    if allowed == amount:
        return
    # Tokens such as USDT refuse to change an allowance that is not zero to another that is not zero.
    if allowed and amount:
        erc20.send(ctx.sender, "approve", spender, 0)
    erc20.send(ctx.sender, "approve", spender, amount)


def _require_local(ctx: Context, value: object) -> None:
    if not ctx.is_local:
        raise InputError(
            "account", value, "this network has no faucet: send it gas money and tokens yourself"
        )


def require_address(field: str, address: str) -> Address:
    """Return `address` with its checksum (EIP-55). Raises InputError if it is malformed, mistyped or zero."""
    from sheaf.chain.signer import checksum

    found = checksum(field, address)
    if found == ZERO_ADDRESS:
        raise InputError(field, address, "give an account, not the zero address")
    return found
