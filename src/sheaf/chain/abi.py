"""Contracts' language: calls, results and events between Python values and bytes (https://docs.soliditylang.org/en/latest/abi-spec.html)."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sheaf.domain.errors import InputError
from sheaf.domain.ids import Address

_TYPES: dict[tuple[str, ...], Any] = {}


@lru_cache(maxsize=65_536)
def checksum_of(address: str) -> Address:
    """Return a well-formed address with its checksum (EIP-55)."""
    from eth_utils.address import to_checksum_address

    return Address(to_checksum_address(address))


class Function:
    """One function of a contract: `encode(args)` gives call data, `decode(data)` the result.

    A struct is a named tuple with the contract's field names, several results are a tuple, addresses carry checksums.
    """

    def __init__(self, contract: str, entry: dict[str, Any]) -> None:
        self.contract, self.name = contract, entry["name"]
        self.inputs, self.outputs = entry.get("inputs", []), entry.get("outputs", [])
        self.types = [type_of(part) for part in self.inputs]
        self.signature = f"{self.name}({','.join(self.types)})"
        self.selector = digest(self.signature)[:4]
        self._output_types = [type_of(part) for part in self.outputs]

    def encode(self, args: tuple[Any, ...]) -> bytes:
        """Return the call data. Raises InputError for a wrong number of arguments or a value outside its type."""
        return self.selector + encode_arguments(f"{self.contract}.{self.name}", self.inputs, args)

    def arguments(self, data: bytes) -> tuple[Any, ...] | None:
        """Return what a call was given, from its call data; None if the data is not a call of this function."""
        from eth_abi.abi import decode
        from eth_abi.exceptions import DecodingError

        if data[:4] != self.selector:
            return None
        try:
            return tuple(decode(self.types, data[4:]))
        except DecodingError:
            return None

    def decode(self, data: bytes) -> Any:
        """Return what the call returned; None if it returns nothing."""
        from eth_abi.abi import decode

        values = decode(self._output_types, data)
        found = tuple(_named(part, value) for part, value in zip(self.outputs, values, strict=True))
        return found[0] if len(found) == 1 else found or None


class EventForm:
    """One event of a contract: its topic, and how its logs become named values."""

    def __init__(self, contract: str, entry: dict[str, Any]) -> None:
        self.contract, self.name = contract, entry["name"]
        self.signature = f"{self.name}({','.join(type_of(part) for part in entry['inputs'])})"
        self.topic = "0x" + digest(self.signature).hex()
        self.indexed = [part for part in entry["inputs"] if part["indexed"]]
        self._plain = [part for part in entry["inputs"] if not part["indexed"]]
        self._order = [part["name"] for part in entry["inputs"]]

    def decode(self, log: dict[str, Any]) -> dict[str, Any]:
        """Return the event's arguments by name, in the contract's order. Raises ValueError if the log is not of this form."""
        from eth_abi.abi import decode

        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        if len(topics) != len(self.indexed) + 1:
            raise ValueError(f"{self.name}: {len(topics)} topics")
        values = {
            part["name"]: _named(part, decode([_topic_type(part)], topic)[0])
            for part, topic in zip(self.indexed, topics[1:], strict=True)
        }
        plain = decode([type_of(part) for part in self._plain], bytes.fromhex(log["data"][2:]))
        values.update(
            {part["name"]: _named(part, value) for part, value in zip(self._plain, plain, strict=True)}
        )
        return {name: values[name] for name in self._order}

    def topics(self, indexed: dict[str, Any]) -> list[str | None]:
        """Return the log filter for these values of indexed arguments. Raises InputError for a name that is not indexed."""
        known = [part["name"] for part in self.indexed]
        for name in indexed:
            if name not in known:
                raise InputError(
                    f"{self.contract}.{self.name}", name, f"filter by {', '.join(known) or 'nothing'}"
                )
        found: list[str | None] = [self.topic]
        for part in self.indexed:
            value = indexed.get(part["name"])
            name = f"{self.contract}.{self.name}"
            found.append(None if value is None else "0x" + encode_arguments(name, [part], (value,)).hex())
        while found[-1] is None:
            found.pop()
        return found


def encode_arguments(name: str, inputs: list[dict[str, Any]], args: tuple[Any, ...]) -> bytes:
    """Return `args` encoded by the ABI types of `inputs`; `name` is what an InputError speaks of."""
    from eth_abi.abi import encode
    from eth_abi.exceptions import EncodingError

    if len(args) != len(inputs):
        wanted = ", ".join(f"{part['name']}: {part['type']}" for part in inputs)
        raise InputError(name, f"{len(args)} arguments", f"give ({wanted})")
    plain = [_plain(part, value) for part, value in zip(inputs, args, strict=True)]
    try:
        return bytes(encode([type_of(part) for part in inputs], plain))
    except (EncodingError, ValueError, TypeError, OverflowError):
        for part, value in zip(inputs, plain, strict=True):
            try:
                encode([type_of(part)], [value])
            except (EncodingError, ValueError, TypeError, OverflowError):
                raise InputError(
                    f"{name} {part['name']}", value, f"give a value that fits {part['type']}"
                ) from None
        raise


def type_of(part: dict[str, Any]) -> str:
    """Return the canonical type of an ABI parameter: structs become tuples."""
    kind = str(part["type"])
    if kind.startswith("tuple"):
        return f"({','.join(type_of(each) for each in part['components'])}){kind[5:]}"
    return kind


def digest(text: str) -> bytes:
    """Return the Keccak-256 of a text, 32 bytes."""
    return keccak(text.encode())


def keccak(data: bytes) -> bytes:
    """Return the Keccak-256 of `data`, 32 bytes."""
    from eth_hash.auto import keccak

    return bytes(keccak(data))


def _topic_type(part: dict[str, Any]) -> str:
    # Values without a fixed width are indexed by their hash.
    kind = type_of(part)
    return "bytes32" if kind in ("string", "bytes") or kind.endswith((")", "]")) else kind


def _plain(part: dict[str, Any], value: Any) -> Any:
    kind = str(part["type"])
    if kind.endswith("]"):
        element = {**part, "type": kind[: kind.rindex("[")]}
        return [_plain(element, each) for each in value]
    if kind == "tuple":
        names = [each["name"] for each in part["components"]]
        if isinstance(value, Mapping):
            value = [value[name] for name in names]
        elif not isinstance(value, list | tuple):
            value = [getattr(value, name) for name in names]
        return tuple(_plain(each, item) for each, item in zip(part["components"], value, strict=True))
    if kind.startswith("bytes") and isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return value


def _named(part: dict[str, Any], value: Any) -> Any:
    kind = str(part["type"])
    if kind.endswith("]"):
        element = {**part, "type": kind[: kind.rindex("[")]}
        return tuple(_named(element, each) for each in value)
    if kind == "tuple":
        names = tuple(each["name"] for each in part["components"])
        if names not in _TYPES:
            _TYPES[names] = namedtuple("Struct", names, rename=True)
        return _TYPES[names](
            *(_named(each, item) for each, item in zip(part["components"], value, strict=True))
        )
    return checksum_of(value) if kind == "address" else value
