"""Parameters: every number that a vote may move, with the bounds that no vote can move (twin of Parameters.vy)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sheaf.domain.errors import InputError, Refused
from sheaf.domain.ids import ZERO_ADDRESS, Address

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer

CONTRACT = "Parameters"


@dataclass(frozen=True)
class Parameter:
    """One number: its default and bounds; `test_low` is the lower bound on test networks."""

    name: str
    default: int
    low: int
    high: int
    test_low: int


TABLE: tuple[Parameter, ...] = (
    Parameter("commit_seconds", 3600, 300, 86_400, 1),
    Parameter("reveal_seconds", 3600, 300, 86_400, 1),
    Parameter("challenge_seconds", 172_800, 86_400, 604_800, 1),
    Parameter("draw_delay_blocks", 2, 1, 64, 1),
    Parameter("draw_blocks", 7200, 300, 100_000, 10),
    Parameter("audit_bps", 1000, 300, 5000, 300),
    Parameter("missing_reveal_bps", 100, 0, 1000, 0),
    Parameter("ruling_seconds", 604_800, 86_400, 2_592_000, 1),
    Parameter("protocol_fee_bps", 250, 0, 1000, 0),
    Parameter("bond_percent", 20, 5, 50, 5),
    Parameter("fee_min_bps", 100, 1, 400, 1),
    Parameter("fee_max_bps", 2000, 400, 5000, 400),
    Parameter("request_max_seconds", 31_536_000, 86_400, 126_144_000, 1),
    Parameter("paused", 0, 0, 1, 0),
    Parameter("bond_floor_percent", 5, 1, 20, 1),
    Parameter("record_max", 16_384, 1, 16_384, 1),
    Parameter("small_size", 5, 3, 11, 1),
    Parameter("small_quorum", 4, 2, 11, 1),
    Parameter("middle_size", 7, 3, 11, 1),
    Parameter("middle_quorum", 5, 2, 11, 1),
    Parameter("large_size", 11, 3, 11, 1),
    Parameter("large_quorum", 8, 2, 11, 1),
    Parameter("small_value", 1000, 1, 100_000_000, 1),
    Parameter("large_value", 10_000, 1, 1_000_000_000, 1),
    Parameter("jury_size", 5, 3, 11, 1),
    Parameter("audit_size", 15, 3, 15, 1),
    Parameter("appeal_seconds", 86_400, 3600, 259_200, 1),
    Parameter("dispute_bond", 10, 1, 1_000_000, 1),
    Parameter("dispute_bond_bps", 1000, 0, 5000, 0),
    Parameter("jail_seconds", 604_800, 86_400, 7_776_000, 1),
    Parameter("jail_slash_bps", 1000, 0, 5000, 0),
    Parameter("skill_bps", 9500, 6000, 10_000, 6000),
)
WORDS = -(-len(TABLE) // 8)
"""Words of eight parameters each."""
IDS: dict[str, int] = {parameter.name: key for key, parameter in enumerate(TABLE)}
_SMALL_SIZE, _SMALL_VALUE = IDS["small_size"], IDS["small_value"]


def _defaults() -> list[int]:
    return [parameter.default for parameter in TABLE]


@dataclass
class ParametersTwin:
    """The rules of Parameters.vy in plain integers; refuses with the contract's own words."""

    governor: str
    is_test: bool = False
    values: list[int] = field(default_factory=_defaults)
    treasury: str = ""
    pending_governor: str = ZERO_ADDRESS
    lock_rate_floor_wad: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.governor == ZERO_ADDRESS:
            raise Refused("parameters: no governor")
        self.treasury = self.treasury or self.governor

    def get(self, key: int | str) -> int:
        """Return one parameter, by number or name."""
        return self.values[self._known(key)]

    def bounds(self, key: int | str) -> tuple[int, int]:
        """Return the least and the greatest value that a parameter may take here."""
        parameter = TABLE[self._known(key)]
        return (parameter.test_low if self.is_test else parameter.low), parameter.high

    def words(self) -> tuple[int, int, int]:
        """Return the first three words, all that a draw reads."""
        return self.word(0), self.word(1), self.word(2)

    def word(self, i: int) -> int:
        """Return eight parameters as the contract packs them: 32 bits each, the first lowest."""
        return sum(value << 32 * place for place, value in enumerate(self.values[8 * i : 8 * i + 8]))

    def set(self, sender: str, key: int | str, value: int) -> None:
        """Set one parameter within its bounds and the rules between parameters."""
        self._only_governor(sender)
        number = self._known(key)
        low, high = self.bounds(number)
        _require(low <= value <= high, "parameters: out of bounds")
        self._replace({number: value})

    def set_round(self, sender: str, tier: int, size: int, quorum: int) -> None:
        """Set the seats and the quorum of a tier (0 small, 1 middle, 2 large) at once."""
        self._only_governor(sender)
        _require(0 <= tier < 3, "parameters: unknown tier")
        number = _SMALL_SIZE + 2 * tier
        low, high = self.bounds(number)
        _require(low <= size <= high, "parameters: out of bounds")
        _require(quorum <= high, "parameters: quorum")
        self._replace({number: size, number + 1: quorum})

    def set_treasury(self, sender: str, treasury: str) -> None:
        """Name the account to which fees and forfeited bonds are owed."""
        self._only_governor(sender)
        _require(treasury != ZERO_ADDRESS, "parameters: no treasury")
        self.treasury = treasury

    def set_lock_rate_floor(self, sender: str, token: str, rate_wad: int) -> None:
        """Set the least stake per unit of `token` that a request may count its value with."""
        self._only_governor(sender)
        self.lock_rate_floor_wad[token] = rate_wad

    def propose_governor(self, sender: str, candidate: str) -> None:
        """Offer the office."""
        self._only_governor(sender)
        self.pending_governor = candidate

    def accept_governor(self, sender: str) -> None:
        """Take the office that was offered."""
        _require(sender == self.pending_governor, "parameters: not proposed")
        self.governor, self.pending_governor = sender, ZERO_ADDRESS

    def _only_governor(self, sender: str) -> None:
        _require(sender == self.governor, "parameters: not the governor")

    def _known(self, key: int | str) -> int:
        number = IDS.get(key, -1) if isinstance(key, str) else key
        _require(0 <= number < len(TABLE), "parameters: unknown")
        return number

    def _replace(self, changes: dict[int, int]) -> None:
        values = [changes.get(number, value) for number, value in enumerate(self.values)]
        key = min(changes)
        if _SMALL_SIZE <= key < _SMALL_VALUE:
            size, quorum = values[key - key % 2], values[key - key % 2 + 1]
            _require(size % 2 == 1, "parameters: size must be odd")
            _require(2 * quorum > size and quorum <= size, "parameters: quorum")
        elif key in (IDS["jury_size"], IDS["audit_size"]):
            _require(values[key] % 2 == 1, "parameters: size must be odd")
        elif key in (IDS["challenge_seconds"], IDS["ruling_seconds"]):
            _require(
                values[IDS["ruling_seconds"]] >= 2 * values[IDS["challenge_seconds"]],
                "parameters: ruling shorter than two challenge windows",
            )
        elif key in (_SMALL_VALUE, _SMALL_VALUE + 1):
            _require(values[_SMALL_VALUE] <= values[_SMALL_VALUE + 1], "parameters: small value above large")
        elif key in (IDS["bond_percent"], IDS["bond_floor_percent"]):
            _require(
                values[IDS["bond_floor_percent"]] <= values[IDS["bond_percent"]],
                "parameters: bond below its floor",
            )
        self.values = values


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def get(chain: Chain, name: str) -> int:
    """Return a parameter's value now. Raises InputError if there is none of this name."""
    return int(chain.call(CONTRACT, "get", _id(name)))


def every(chain: Chain) -> dict[str, int]:
    """Return all parameters by name, read in two calls."""
    words = [*chain.call(CONTRACT, "words"), chain.call(CONTRACT, "word", WORDS - 1)]
    return {name: (int(words[key // 8]) >> 32 * (key % 8)) & 0xFFFFFFFF for name, key in IDS.items()}


def set_parameter(chain: Chain, signer: Signer, name: str, value: int) -> Receipt:
    """Set a parameter as governor. Raises Reverted outside its bounds or the rules between parameters."""
    return chain.send(signer, CONTRACT, "set", _id(name), value)


def set_round(chain: Chain, signer: Signer, tier: int, size: int, quorum: int) -> Receipt:
    """Set the seats and the quorum of a tier (0 small, 1 middle, 2 large) as governor."""
    return chain.send(signer, CONTRACT, "set_round", tier, size, quorum)


def treasury(chain: Chain) -> Address:
    """Return the account to which protocol fees and forfeited bonds are owed."""
    return Address(chain.call(CONTRACT, "treasury"))


def lock_rate_floor_wad(chain: Chain, token: Address) -> int:
    """Return the least lock rate of requests paid in `token`; 0 is none."""
    return int(chain.call(CONTRACT, "lock_rate_floor_wad", token))


def _id(name: str) -> int:
    if name not in IDS:
        raise InputError("parameter", name, f"give one of {', '.join(IDS)}")
    return IDS[name]
