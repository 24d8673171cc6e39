"""An order to compute over data that do not move, and the receipt of what ran."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass

from sheaf.domain import canonical
from sheaf.domain.errors import InputError

MAX_PROGRAM_BYTES = 1 << 20
MAX_PARAMETER_BYTES = 1 << 16
MAX_WORD = 100
DOWNLOAD = "download"  # the algorithm of an order for the records themselves
DIGEST = re.compile(r"[0-9a-f]{64}")
FAILED_OUTPUT = b'{"failed":true}'  # what a buyer gets for every way in which a program of his can go wrong


@dataclass(frozen=True)
class Order:
    """What a buyer ordered: `algorithm` is the SHA-256 of `program`, or the name of a method of ours (then there is no program).

    `dataset` names the version of the data, `parameters` is JSON, `until` is the last second for an answer, in Unix time. Raises
    InputError for a program that is not the one named, and for parameters that are no JSON.
    """

    number: int
    buyer: str
    dataset: str
    algorithm: str
    purpose: str
    until: int
    program: bytes = b""
    parameters: str = "{}"

    def __post_init__(self) -> None:
        if isinstance(self.number, bool) or not isinstance(self.number, int) or not 0 < self.number < 1 << 63:
            raise InputError("order", self.number, "give a whole number above 0")
        for name in ("buyer", "dataset", "algorithm", "purpose"):
            value = getattr(self, name)
            if not isinstance(value, str) or not 0 < len(value) <= MAX_WORD or not value.isprintable():
                raise InputError(name, value, f"give 1 to {MAX_WORD} printable letters")
        if len(self.program) > MAX_PROGRAM_BYTES:
            raise InputError("program", f"{len(self.program)} bytes", f"give at most {MAX_PROGRAM_BYTES}")
        if self.program and hashlib.sha256(self.program).hexdigest() != self.algorithm:
            raise InputError("algorithm", self.algorithm, "give the SHA-256 of the program")
        if not self.program and DIGEST.fullmatch(self.algorithm):
            raise InputError("program", "none", "give the program of this hash")
        self._check_parameters()

    def _check_parameters(self) -> None:
        if len(self.parameters.encode(errors="replace")) > MAX_PARAMETER_BYTES:
            raise InputError(
                "parameters", f"{len(self.parameters)} letters", f"give at most {MAX_PARAMETER_BYTES} bytes"
            )
        try:
            canonical.check_depth(self.parameters.encode())
            json.loads(self.parameters)
        except (ValueError, RecursionError):
            raise InputError("parameters", self.parameters, "give JSON") from None

    @property
    def is_code(self) -> bool:
        """Whether a program of the buyer's runs."""
        return bool(self.program)

    @property
    def is_download(self) -> bool:
        """Whether the records themselves are ordered."""
        return self.algorithm == DOWNLOAD

    @property
    def document(self) -> bytes:
        """All that decides what is computed, in its one canonical form; a program is in it by its hash."""
        said = {
            "algorithm": self.algorithm,
            "dataset": self.dataset,
            "parameters": json.loads(self.parameters),
            "purpose": self.purpose,
        }
        return canonical.json_bytes(said)

    @property
    def digest(self) -> bytes:
        """32 bytes: the SHA-256 of the document; what an order on the chain commits to."""
        return hashlib.sha256(self.document).digest()


@dataclass(frozen=True)
class Receipt:
    """What ran: for which order, over which data, which algorithm in which environment under which policy, what it cost, what came out.

    `dataset` is the version, all hashes are SHA-256 in hex, `spent_nanonats` is the privacy budget that the answer took.
    """

    order: int
    dataset: str
    algorithm: str
    environment: str
    policy: str
    purpose: str
    spent_nanonats: int
    output: str

    def to_json(self) -> bytes:
        """Return the receipt in its one canonical form."""
        return canonical.json_bytes(asdict(self))

    @property
    def digest(self) -> bytes:
        """32 bytes: the SHA-256 of the receipt."""
        return hashlib.sha256(self.to_json()).digest()
