"""What contracts say when they refuse, and what to do about it."""

from __future__ import annotations

from sheaf.domain.errors import Reverted

_INTERNAL = "only the market's own contracts call this: use the actions instead"
_WIRED = "the contracts are joined for good: make another deployment with `sheaf deploy`"
_DEPLOYER = "send it from the account that deployed the contracts"
_GOVERNOR = "send it from the governor's account"
_OWNER = "send it from the token owner's account"
_DEPLOY = "deploy again with values within the bounds that the contract states"
_ZERO = "give another address than zero"
_SIGNATURE = "ask the signer for the signature again, for this chain, contract and message"
_SEAT = "use the seats of the current round: see `sheaf submission status`"

FIXES: dict[str, dict[str, str]] = {
    "appointments": {
        "cannot be dismissed": "the power to release locks is for ever: dismiss other powers",
        "not appointed": _INTERNAL,
        "unknown powers": "give 1 (release), 2 (slash), 4 (draw), or sums of them",
    },
    "committees": {
        "block out of reach": "redraw: the draw is moved to a new block",
        "block within reach": "draw instead: the block of this draw can still be read",
        "drawn already": "nothing to do: the committee is seated",
        "fee too large": "lower the request's validator fee",
        "no such seat": _SEAT,
        "not pending": "only a pending or hung submission is drawn: see `sheaf submission status`",
        "not the deployer": _DEPLOYER,
        "nothing to wire": "give the addresses of the deployed contracts",
        "too early": "wait until the block after the target block of the draw",
        "value too large": "submit fewer records at once",
        "wired already": _WIRED,
    },
    "ecdsa": {"invalid signature": _SIGNATURE, "invalid signature `s` value": _SIGNATURE},
    "erc20": {
        "access is denied": _OWNER,
        "approve from the zero address": _ZERO,
        "approve to the zero address": _ZERO,
        "burn amount exceeds balance": "burn at most what the account holds",
        "burn from the zero address": _ZERO,
        "expired deadline": "sign a new permit with a later deadline",
        "insufficient allowance": "approve at least this amount for the contract first",
        "invalid signature": _SIGNATURE,
        "mint to the zero address": _ZERO,
        "minter is owner address": "the owner's right to mint goes with the ownership: name another account",
        "minter is the zero address": _ZERO,
        "new owner is the zero address": _ZERO,
        "transfer amount exceeds balance": "get more of the token first, or use a smaller amount",
        "transfer from the zero address": _ZERO,
        "transfer to the zero address": _ZERO,
    },
    "escrow": {
        "already wired": _WIRED,
        "amount too large": "use an amount below 2**128 of the token's smallest unit",
        "another token": "pay in the token that the request was opened with",
        "bonds too large": "submit fewer records at once",
        "fee not reserved": _INTERNAL,
        "no requests": "give the address of the deployed Requests",
        "not enough free": "ask the buyer to fund the request, or submit fewer records",
        "not enough free for the protocol fee": "ask the buyer to fund the request, or submit fewer records",
        "not requests": _INTERNAL,
        "not reserved": _INTERNAL,
        "not the deployer": _DEPLOYER,
        "nothing free": "everything is reserved or paid: reclaim again when submissions are settled",
        "nothing owed": "nothing to withdraw yet: settle a submission first",
        "pays do not add up": _INTERNAL,
        "takes more than reserved": _INTERNAL,
        "token refused": "the token did not move: check balance, allowance, and whether the token is paused or blocks an account",
        "token takes a fee on transfer": "choose a token that arrives in full",
    },
    "market_token": {
        "authorisation expired": "sign a new authorisation with a later end",
        "authorisation not yet valid": "wait until it begins, or sign one that begins earlier",
        "authorisation used": "sign a new authorisation with another nonce",
        "invalid signature": _SIGNATURE,
        "not the payee": "the payee itself has to send this",
    },
    "nodes": {"empty key": "give a reading key of 32 bytes that are not all zero"},
    "ownable": {"caller is not the owner": _OWNER, "new owner is the zero address": _ZERO},
    "parameters": {
        "bond below its floor": "keep bond_percent at or above bond_floor_percent",
        "no governor": _ZERO,
        "no treasury": _ZERO,
        "not proposed": "the governor has to propose this account first",
        "not the governor": _GOVERNOR,
        "out of bounds": "give a value within the parameter's bounds",
        "quorum": "give a quorum above half of the size and at most the size, and each tier at least the one below",
        "size must be odd": "give an odd number of seats",
        "small value above large": "keep small_value at or below large_value",
        "unknown": "give a parameter's number from 0 to 28",
        "unknown tier": "give 0 (small), 1 (middle) or 2 (large)",
        "unknown word": "give 0, 1, 2 or 3",
    },
    "requests": {
        "already cancelled": "nothing to do: reclaim what is free",
        "already wired": _WIRED,
        "amount too large": "use a smaller amount",
        "cancelled": "the buyer has closed this request: choose another",
        "committee is drawn": "the submission is being reviewed: wait for its verdict",
        "deadline is past": "give a deadline in the future",
        "deadline too far": "give an earlier deadline",
        "escrow below one record": "lock at least price and validator fee of one record",
        "fee above the maximum": "give a lower validator fee",
        "fee below the minimum": "give a higher validator fee",
        "lock rate below the floor": "give at least the lock rate that the governor has set for this token",
        "lock rate too far above the floor": "give at most ten times the lock rate that the governor has set for this token",
        "lock rate too large": "give a smaller lock rate",
        "may still be drawn": "draw its committee, or wait until draw_blocks have passed",
        "more records than are left": "submit at most as many records as the request still takes",
        "no committees or reviews": "give the addresses of the deployed contracts",
        "no custodian": "name the account that hands the key to the committee; your own will do",
        "no gold commitment": "commit to gold, or give 32 random bytes where there is none",
        "no key commitment": "give the commitment to the content key",
        "no lock rate": "give how many stake tokens one unit of the payment token is worth",
        "no price": "give a price above zero",
        "no records": "submit at least one record",
        "no root": "give the Merkle root of the records",
        "no scores": "give the address of the deployed Scores",
        "no such request": "see `sheaf request list`",
        "no such submission": "see `sheaf submission list`",
        "not a binary CIDv1 with sha2-256": "give the 36 bytes of a CIDv1 with sha2-256",
        "not pending": "it was settled or voided already: see `sheaf submission status`",
        "not the buyer": "send it from the account that opened the request",
        "not the deployer": _DEPLOYER,
        "nothing to add": "give an amount above zero",
        "past its deadline": "this request takes nothing any more: choose another",
        "paused": "new business is stopped for now; withdrawals work: try again later",
        "price too large": "use a lower price",
        "record limit out of bounds": "give a record limit above zero and below 2**32",
        "still running": "cancel the request first, or wait for its deadline",
        "the buyer cannot contribute": "submit from another account than the buyer's",
        "the stake token counts one for one": "use the lock rate 1.0 with this token",
        "token is not a contract": "give the address of a token on this network",
        "too many records for one submission": "split the records over several submissions",
    },
    "reviews": {
        "already committed": "nothing to do: the commitment is on chain and cannot be changed",
        "already revealed": "nothing to do: the review is open already",
        "already wired": _WIRED,
        "bits beyond the last record": "leave the bits after the last record zero",
        "challenge window is over": "the verdict stands: settle the submission",
        "commit window closed": "too late to commit: reveal, or wait for the tally",
        "leaves out a revealed seat": "include every seat that has revealed",
        "malformed signature": _SIGNATURE,
        "may still be enlarged": "draw the larger committee, or wait until draw_blocks have passed",
        "no committee": "draw the committee first",
        "no requests": "give the address of the deployed Requests",
        "no such seat in this round": _SEAT,
        "not committed": "only what was committed can be revealed: wait for the tally",
        "not decided": "wait for the tally of the reviews",
        "not held": "only a held submission is ruled upon",
        "not hung": "only a hung submission is finalised",
        "not open to votes": "the round is over: see `sheaf submission status`",
        "not requests": _INTERNAL,
        "not the arbiter": "send it from the arbiter's account",
        "not the deployer": _DEPLOYER,
        "not the governor": _GOVERNOR,
        "not the signature of this seat's validator": _SIGNATURE,
        "not this seat's validator": "send it from the account that sits there: see `sheaf submission status`",
        "not what round 1 left": "only records that round 1 left open can be decided now",
        "one account and salt per seat": "give as many salts as seats",
        "one commitment per seat": "give as many commitments as seats",
        "one signature per commitment": "give as many signatures as commitments",
        "opening does not match": "give exactly the bitmap and the salt that were committed",
        "record both rejected and hung": "a record has one verdict: clear one of the two bits",
        "reveal window closed": "too late to reveal: tally what was opened",
        "seat without a commitment": "leave out seats that have not committed",
        "still committing": "wait until all have committed or the commit window is over",
        "still in the challenge window": "settle when the challenge window is over: see `sheaf submission status`",
        "still open to votes": "wait until all have revealed or the reveal window is over",
        "wrong length": "give 32 bytes of bitmap for every 256 records, rounded up",
    },
    "scores": {
        "already scored": "nothing to do: the agreement has been counted",
        "already wired": _WIRED,
        "gold is counted": "nothing to do: the settlement knows of it",
        "gold is void": "nothing to do: the arbiter ruled that this gold counts for nothing",
        "keeper is named": "a request's keeper is named once: open another request",
        "malformed signature": _SIGNATURE,
        "no gold": "mark at least one record, or show no gold",
        "no keeper": _ZERO,
        "no requests": "give the address of the deployed Requests",
        "no sentence": "nothing to do: no slash waits for this account",
        "nobody opened": "there are no votes to score: the batch settles as it is",
        "not decided": "wait for the verdict; gold is shown before the settlement",
        "not the arbiter": "send it from the arbiter's account",
        "not the buyer": "send it from the account that opened the request",
        "not the deployer": _DEPLOYER,
        "not the gold that was committed to": "give exactly the gold, salt and submission that were committed to",
        "not the keeper's signature": "ask the request's keeper to sign this gold: see `sheaf request show`",
        "not the verdict": "give the bitmaps of the verdict that stands now",
        "not what the tally was shown": "give exactly the votes that round 1 was counted from",
        "sentence is not due": "wait until the time to void the gold is over",
        "too much gold": "mark at most 256 records",
        "wrong outside the gold": "mark as wrong only records that are gold",
    },
    "stakes": {
        "above the cap": "stake less: one account may hold no more than the cap",
        "below the least stake": "stake at least the minimum, or unbond everything",
        "cap out of range": _DEPLOY,
        "has a place": "nothing to do: this account has its number already",
        "jail is over already": _INTERNAL,
        "least stake out of range": _DEPLOY,
        "lock too large": "submit fewer records at once, or wait for larger stakes",
        "more than is bonded": "unbond at most what is staked",
        "no place left": "all places are taken: wait until a validator leaves",
        "not a validator": "stake first",
        "not jailed": "nothing to do: this validator weighs as it holds",
        "not locked": _INTERNAL,
        "not the governor": _GOVERNOR,
        "not this period": "redraw: the draw is moved to a block of the current period",
        "nothing to stake": "give an amount above zero",
        "nothing to unbond": "give an amount above zero",
        "nothing to withdraw": "nothing is free: unbond first, and wait for open reviews to be settled",
        "period out of range": _DEPLOY,
        "still jailed": "wait until the time in jail is over",
        "still unbonding": "wait until the unbonding time is over: see `sheaf account show`",
        "the place is taken": "name the place of a validator who has left",
        "the tree is full": "all places are taken: wait until a validator leaves",
        "there are free places": "stake without naming a place",
        "token takes a fee on transfer": "choose a stake token that arrives in full",
        "too few validators": "wait until enough validators have staked and are free of other locks",
        "too many seats": _INTERNAL,
        "transfer failed": "check the balance and approve the amount first",
        "unbonding out of range": _DEPLOY,
        "unknown validator": "give a validator's number from 1 on",
    },
}

_PANICS = {
    0x01: "an assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x32: "index out of range",
}
_UNSPOKEN = "the contract gave no reason: check amounts, allowances and that the address is a market contract"


def fix_for(reason: str) -> str:
    """Return what to do about a contract's refusal, or "" when it is not one of ours."""
    room, _, words = reason.partition(": ")
    return FIXES.get(room, {}).get(words, "")


def decode_revert(data: str | None, message: str = "") -> Reverted:
    """Return the refusal that revert data (0x…) spells: Error(string), Panic(uint256), or nothing at all."""
    from eth_abi.abi import decode

    raw = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
    try:
        if raw[:4] == bytes.fromhex("08c379a0"):
            reason = str(decode(["string"], raw[4:])[0])
            return Reverted(reason, fix_for(reason))
        if raw[:4] == bytes.fromhex("4e487b71"):
            code = int(decode(["uint256"], raw[4:])[0])
            return Reverted(
                f"contract: {_PANICS.get(code, f'panic {code:#x}')}",
                "use values within the contract's bounds",
            )
    except Exception:
        return Reverted("contract: unreadable revert data", _UNSPOKEN)
    # Some nodes put the reason into the message alone: "execution reverted: escrow: nothing owed".
    spoken = message.split("reverted: ", 1)[1].strip() if "reverted: " in message else ""
    if spoken:
        return Reverted(spoken, fix_for(spoken))
    return Reverted(
        f"contract: reverted{f' with {data[:10]}' if data and len(raw) >= 4 else ' without a reason'}",
        _UNSPOKEN,
    )
