"""What every command shares: how to reach the market, as whom, and how to answer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sheaf.domain.amounts import format_amount
from sheaf.domain.errors import CredentialError, InputError
from sheaf.domain.ids import Address

if TYPE_CHECKING:
    from rich.console import Console

    from sheaf.actions.context import Context
    from sheaf.settings import Settings


@dataclass
class Session:
    """One command's run: the options all commands take, the market they lead to, and the answer.

    With `as_json` standard output carries exactly one JSON object; progress and talk go to standard error in any case.
    """

    rpc: str | None = None
    home: Path | None = None
    account: str | None = None
    password_file: Path | None = None
    as_json: bool = False
    notes: list[str] = field(default_factory=list)

    @cached_property
    def out(self) -> Console:
        """The answer's console."""
        from rich.console import Console

        return Console(highlight=False, soft_wrap=not sys.stdout.isatty())

    @cached_property
    def talk(self) -> Console:
        """Progress and remarks: standard error, silent under `--json`."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, quiet=self.as_json)

    @cached_property
    def settings(self) -> Settings:
        """The settings, with this command's options over environment and file."""
        from sheaf.bootstrap import read_settings

        given = {
            "rpc": self.rpc,
            "home": self.home,
            "account": self.account,
            "password_file": self.password_file,
        }
        return read_settings(**{name: value for name, value in given.items() if value is not None})

    @cached_property
    def market(self) -> Context:
        """The market, read-only or as the named account."""
        from sheaf.bootstrap import connect

        if self.settings.account and not (self.settings.password or self.settings.password_file):
            return connect(self.settings, password=self.ask_password())
        return connect(self.settings)

    @property
    def acting(self) -> Context:
        """The market as the named account. Raises CredentialError when none is named."""
        if not self.settings.account:
            raise CredentialError(
                "account", "none", "name one with --account NAME (sheaf account list shows them)"
            )
        return self.market

    def ask_password(self, *, is_new: bool = False) -> str:
        """Read the keystore's password: from the settings, else from the terminal; never from the arguments."""
        if self.settings.password is not None or self.settings.password_file is not None:
            from sheaf.bootstrap import password_of

            return password_of(self.settings)
        if not sys.stdin.isatty():
            raise CredentialError(
                "password", "none", "set SHEAF_PASSWORD, give --password-file, or run in a terminal"
            )
        import typer

        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=is_new, err=True))

    def answer(self, data: Any, show: Callable[[Console], None] | None = None) -> None:
        """Give the answer: `data` as one JSON object under `--json`, otherwise what `show` prints (or plain lines)."""
        if self.as_json:
            sys.stdout.write(json.dumps(plain(data), sort_keys=False) + os.linesep)
        elif show is not None:
            show(self.out)
        else:
            for name, value in plain(data).items():
                self.out.print(f"[dim]{name.replace('_', ' ')}[/]  {value}", markup=True)

    @contextmanager
    def working(self, words: str) -> Iterator[Callable[[str], None]]:
        """Show that something is under way; the callable changes its words."""
        with self.talk.status(words) as status:
            yield lambda text: status.update(text)

    def address(self, text: str, name: str = "address") -> Address:
        """Read an account's address. Raises InputError if it is none, or its checksum (EIP-55) is wrong."""
        from eth_utils.address import is_address, to_checksum_address

        if not text.startswith("0x") or not is_address(text):
            raise InputError(
                name, text, "give 0x and 40 hexadecimal digits, with the right checksum if letters are mixed"
            )
        return Address(to_checksum_address(text))

    def amount(self, text: str, name: str = "amount") -> int:
        """Read an amount of the market's token."""
        from sheaf.domain.amounts import parse_amount

        value = parse_amount(text, field=name)
        if value == 0:
            raise InputError(name, text, "give more than zero")
        return value


def plain(value: Any) -> Any:
    """Turn structs, tuples, paths and bytes into what JSON has; amounts stay integers, bytes become 0x text."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [plain(part) for part in value]
    return msgspec.to_builtins(value, enc_hook=_plain_other)


def _plain_other(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return value._asdict()
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def tokens(units: int) -> str:
    """Write an amount of an 18-place token for people."""
    return format_amount(units)
