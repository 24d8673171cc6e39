"""What every command shares: how to reach the market, as whom, and how to answer."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sheaf.cli.frame.paper import Paper
from sheaf.domain.errors import CredentialError
from sheaf.domain.ids import Address

if TYPE_CHECKING:
    from rich.console import Console

    from sheaf.actions.context import Context
    from sheaf.cli.frame.currency import Currency
    from sheaf.domain.request import Request
    from sheaf.settings import Settings


@dataclass
class Session:
    """One command's run: the options all commands take, the market they lead to, and the answer.

    With `as_json` standard output carries exactly one JSON object; progress and talk go to standard error in any case.
    `secrets` are what no trace may contain.
    """

    rpc: str | None = None
    home: Path | None = None
    account: str | None = None
    password_file: Path | None = None
    as_json: bool = False
    has_answered: bool = False
    secrets: set[str] = field(default_factory=set)
    currencies: dict[Address, Currency] = field(default_factory=dict)

    @cached_property
    def out(self) -> Paper:
        """Where the answer is printed: standard output."""
        return Paper(self._console())

    @cached_property
    def talk(self) -> Paper:
        """Where remarks are printed: standard error, silent under `--json`."""
        return Paper(self._progress)

    @cached_property
    def screen(self) -> Console:
        """The terminal as a whole, for views that take all of it."""
        return self._console(stderr=True)

    @cached_property
    def _progress(self) -> Console:
        return self._console(stderr=True, quiet=self.as_json)

    @staticmethod
    def _console(**options: Any) -> Console:
        from rich.console import Console

        console = Console(highlight=False, markup=False, emoji=False, **options)
        console.on_broken_pipe = _reader_left  # type: ignore[method-assign]
        return console

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
        """The market, to look at: nobody is unlocked, even if an account is named."""
        from sheaf.bootstrap import connect

        return connect(self.settings.model_copy(update={"account": None}))

    @cached_property
    def acting(self) -> Context:
        """The market as the named account. Raises CredentialError when none is named or it cannot be unlocked."""
        from sheaf import actions

        name = self.settings.account
        if not name:
            raise CredentialError(
                "account", "none", "name one with --account NAME (`sheaf account list` shows them)"
            )
        folder = self.settings.keystore_directory
        if name not in actions.list_accounts(folder):
            actions.unlock(folder, name, "")  # says what is wrong with it, before a password is asked for
        return self.market.acting_as(actions.unlock(folder, name, self.ask_password()))

    def ask_password(self, *, is_new: bool = False) -> str:
        """Read the keystore's password: from the settings, else from the terminal; never from the arguments."""
        if self.settings.password is not None or self.settings.password_file is not None:
            from sheaf.bootstrap import password_of

            return self.keep_secret(password_of(self.settings))
        if not self.is_interactive:
            raise CredentialError(
                "password", "none", "set SHEAF_PASSWORD, give --password-file, or run in a terminal"
            )
        import typer

        return self.keep_secret(
            str(typer.prompt("Password", hide_input=True, confirmation_prompt=is_new, err=True))
        )

    def keep_secret(self, text: str) -> str:
        """Return `text`, and remember that it may be written nowhere."""
        self.secrets.add(text)
        return text

    @property
    def is_interactive(self) -> bool:
        """Whether somebody sits at the other end of standard input."""
        return sys.stdin.isatty()

    def answer(self, data: Any, show: Callable[[Paper], None] | None = None) -> None:
        """Give the answer: `data` as one JSON object under `--json`, otherwise what `show` prints (or plain lines)."""
        if self.as_json:
            sys.stdout.write(json.dumps(plain(data)) + "\n")
            self.has_answered = True
        elif show is not None:
            show(self.out)
        else:
            self.out.pairs(plain(data))

    @contextmanager
    def working(self, words: str) -> Iterator[Callable[[str], None]]:
        """Show that something is under way; the callable changes its words. Ask for passwords before, not inside."""
        with self._progress.status(words) as status:
            yield lambda text: status.update(text)

    def pause(self) -> None:
        """Wait as long as a node does between two looks at the chain."""
        time.sleep(self.settings.tick_seconds)

    def currency(self, token: Address | None = None) -> Currency:
        """Return how amounts of a payment token (SHEAF) are written; says once if the token leaves doubts."""
        from sheaf.cli.frame.currency import Currency, currency_of

        if token is None:
            return Currency()
        if token not in self.currencies:
            found = self.currencies[token] = currency_of(self.market, token)
            if found.doubt:
                self.talk.line(("note ", "yellow"), f"token {token} {found.doubt}")
        return self.currencies[token]

    def money_of(self, request: int) -> tuple[Request, Currency]:
        """Return a request and how its money is written."""
        from sheaf import actions

        found = actions.show_request(self.market, request)
        return found, self.currency(found.token)

    def address(self, text: str, name: str = "address") -> Address:
        """Read an address, or the name of an account of the keystore. Raises InputError if it is neither, or its checksum is wrong."""
        from sheaf import actions
        from sheaf.chain.signer import checksum

        own = actions.list_accounts(self.settings.keystore_directory)
        return own[text] if text in own else checksum(name, text)

    def amount(self, text: str, name: str = "amount") -> int:
        """Read a positive amount of SHEAF. Raises InputError."""
        return self.currency().read(text, name)


def _reader_left() -> None:
    """Let the broken pipe reach whoever ends the command, where Rich would exit by itself."""
    raise BrokenPipeError


def plain(value: Any) -> Any:
    """Turn structs, tuples, paths and bytes into what JSON has; amounts stay integers, bytes become 0x text."""
    import msgspec

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
