"""The tree of errors.

SheafError
├─ InputError        what the user gave cannot be taken: field, value, fix
│  ├─ SpecificationError   a request's specification
│  ├─ RecordError          records or the file that holds them
│  └─ CredentialError      keystore, password, reading key
├─ ChainError        the network would not do it
│  ├─ Reverted             a contract refused, in its own words
│  ├─ WrongNetwork         chain id or contracts differ from what was expected
│  └─ Unreachable          the endpoint does not answer
├─ StoreError        content is absent, broken or cannot be written
│  └─ Missing              no content under this CID
├─ SandboxError      code that is not ours cannot be kept apart on this machine, so it does not run
├─ Refused           a rule of the market forbids it, in the contract's own words
└─ IntegrityError    bytes, proofs or signatures do not match what was committed
"""

from __future__ import annotations


class SheafError(Exception):
    """Anything Sheaf refuses; `str` is one line: what, the value, and what to do about it."""


class InputError(SheafError):
    """What the user gave cannot be taken.

    `field` names it, `value` is what was given (shortened), `fix` says what would be accepted.
    """

    def __init__(self, field: str, value: object, fix: str) -> None:
        self.field, self.value, self.fix = field, shorten(value), fix
        super().__init__(field, self.value, fix)  # what it takes, so that it passes from process to process

    def __str__(self) -> str:
        return f"{self.field}: {self.value}: {self.fix}"


class SpecificationError(InputError):
    """A request's specification cannot be taken."""


class RecordError(InputError):
    """Records, or the file that holds them, cannot be taken."""


class CredentialError(InputError):
    """A keystore, password or reading key cannot be used. The secret itself is never in the message."""


class ChainError(SheafError):
    """The network would not do it."""


class Reverted(ChainError):
    """A contract refused. `reason` is the contract's own text (`"escrow: nothing owed"`), `fix` what to do."""

    def __init__(self, reason: str, fix: str = "") -> None:
        self.reason, self.fix = reason, fix
        super().__init__(reason, fix)

    def __str__(self) -> str:
        return f"{self.reason}: {self.fix}" if self.fix else self.reason


class WrongNetwork(ChainError):
    """The chain id, or the contracts found there, are not the expected ones."""


class Unreachable(ChainError):
    """The endpoint does not answer."""


class StoreError(SheafError):
    """Content is absent, broken or cannot be written."""


class Missing(StoreError):
    """Nothing is stored under this name."""


class SandboxError(SheafError):
    """Code that is not ours cannot be kept apart on this machine, so it does not run; says what is missing."""


class Refused(SheafError):
    """A rule of the market forbids it. `reason` is the text with which the contract would revert."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class IntegrityError(SheafError):
    """Bytes, proofs or signatures do not match what was committed."""


def shorten(value: object, limit: int = 80) -> str:
    """Return `value` as one line of at most `limit` characters, in which nothing commands a terminal."""
    text = " ".join(str(value).split()) or repr(value)
    text = "".join(mark if mark.isprintable() else "?" for mark in text[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"
