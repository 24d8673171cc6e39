"""What the command line refuses: one line with field, value and fix, the right exit code, and nothing left behind."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from vyper import compile_code

from sheaf.chain.contracts import Artifact
from sheaf.domain.amounts import WAD
from sheaf.domain.ids import Address
from tests.flows.counter import PASSWORD, SPECIFICATION, Counter, opened

MOCKS = Path(__file__).parent.parent / "mocks"
EVIL = "\x1b[2J\x1b]0;mine\x07[red]x[/red] \u202e:boom:"
NOBODY = "0x" + "12" * 20


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    folder = tmp_path_factory.mktemp("refusals")
    with opened(folder / "home", validators=0) as town:
        (folder / "points.toml").write_text(SPECIFICATION)
        (folder / "points.csv").write_text("x,label\n0.1,0\n0.9,1\n")
        town.files = folder  # type: ignore[attr-defined]
        town.ask("request", "open", folder / "points.toml", *TERMS)
        yield town


TERMS = ("--price", 1, "--escrow", 10, "--records", 5, "--account", "buyer")
OPEN = ("request", "open", "points.toml")
SEND = ("submission", "send", 1, "points.csv", "-a", "contributor", "--custodian")


def opening(**changed: object) -> tuple[object, ...]:
    terms = {"price": 1, "escrow": 10, "records": 5, "account": "buyer", **changed}
    return *OPEN, *(part for name, value in terms.items() for part in (f"--{name.replace('_', '-')}", value))


REFUSED: list[tuple[str, tuple[object, ...], dict[str, str], int, str, str]] = [
    ("negative price", opening(price="-1"), {}, 2, "price", "zero or more"),
    ("price not a number", opening(price="NaN"), {}, 2, "price", "zero or more"),
    ("price in words", opening(price="one"), {}, 2, "price", "decimal number"),
    ("huge price", opening(price="1e60"), {}, 2, "price", "2**256"),
    ("endless price", opening(price="1e999999999"), {}, 2, "price", "2**256"),
    ("price too fine", opening(price="1e-19"), {}, 2, "price", "18 places"),
    ("no price", opening(price="0"), {}, 2, "price", "more than zero"),
    ("infinite escrow", opening(escrow="Infinity"), {}, 2, "escrow", "zero or more"),
    ("more escrow than there is", opening(escrow="999999"), {}, 2, "balance", "more first"),
    ("days not a number", opening(days="nan"), {}, 2, "days", "number of days"),
    ("endless days", opening(days="1e300"), {}, 2, "days", "number of days"),
    ("days gone by", opening(days="-1"), {}, 2, "days", "number of days"),
    ("fee above all", opening(fee_bps="10001"), {}, 2, "--fee-bps", "--help"),
    ("token by a mistyped address", opening(token="0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96046"), {}, 2, "token", "copy it"),
    ("token without a rate", opening(token=NOBODY), {}, 2, "lock-rate", "SHEAF of stake"),
    ("no such specification", ("request", "open", "none.toml", *TERMS), {}, 2, "file", "can be read"),
    ("a folder as specification", ("request", "open", ".", *TERMS), {}, 2, "file", "can be read"),
    ("unknown request", ("request", "show", 999), {}, 2, "request", "from 1 to 1"),
    ("request zero", ("request", "show", 0), {}, 2, "request", "from 1 to 1"),
    ("endless request", ("request", "show", "9" * 90), {}, 2, "request", "from 1 to 1"),
    ("unknown submission", ("submission", "status", 7), {}, 2, "submission", "from 1 to 0"),
    ("unknown submission watched", ("submission", "watch", 7), {}, 2, "submission", "from 1 to 0"),
    ("records of nowhere", ("submission", "preview", 1, "none.csv"), {}, 2, "", "none.csv"),
    ("records of an unknown kind", ("submission", "preview", 1, "points.toml"), {}, 2, "", "points.toml"),
    ("custodian that is nobody", (*SEND, "nobody"), {}, 2, "custodian", "0x"),
    ("custodian without a key", (*SEND, NOBODY), {}, 2, "", "key"),
    ("a path as account", ("account", "create", "../../evil"), {}, 2, "account name", "letters"),
    ("an absolute path as account", ("account", "create", "/etc/evil"), {}, 2, "account name", "letters"),
    ("look-alike letters as account", ("account", "create", "bu\u0443er"), {}, 2, "account name", "letters"),
    ("reversed writing as account", ("account", "create", "\u202ebuyer"), {}, 2, "account name", "letters"),
    ("an escape sequence as account", ("account", "create", EVIL), {}, 2, "account name", "letters"),
    ("a path as acting account", ("account", "register", "-a", "../keystore/buyer"), {}, 2, "account name", "letters"),
    ("no such account", ("account", "register", "-a", "nobody"), {}, 2, "account", "account list"),
    ("no account named", ("account", "register"), {}, 2, "account", "--account"),
    ("wrong password", ("account", "register", "-a", "buyer"), {"SHEAF_PASSWORD": "wrong"}, 2, "password", "try again"),
    ("funding nobody", ("account", "fund", "nobody"), {}, 2, "account", "0x"),
    ("funding nothing", ("account", "fund", NOBODY, "--tokens", "0"), {}, 2, "tokens", "more than zero"),
    ("a mistyped address", ("account", "show", "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96046"), {}, 2, "account", "copy it"),
    ("staking more than there is", ("stake", "add", "1e9", "-a", "buyer"), {}, 2, "balance", "more first"),
    ("unbonding without a stake", ("stake", "unbond", "1", "-a", "buyer"), {}, 3, "", "stakes: "),
    ("settling for another", ("request", "cancel", 1, "-a", "contributor"), {}, 3, "", "requests: "),
    ("downloading for another", ("download", 1, "bought", "-a", "contributor"), {}, 2, "request", "act as that account"),
    ("downloading nothing", ("download", 1, "bought", "-a", "buyer"), {}, 2, "request", "none of its records"),
    ("downloading into a folder", ("download", 1, ".", "-a", "buyer"), {}, 2, "directory", "does not"),
    ("no bundle", ("verify", "none"), {}, 2, "", "none"),
    ("a folder that is no bundle", ("verify", "."), {}, 0, "", ""),
    ("nobody answers", ("status",), {"SHEAF_RPC": "http://127.0.0.1:1"}, 4, "", "sheaf up"),
    ("an endpoint that is none", ("status",), {"SHEAF_RPC": "nonsense"}, 2, "rpc", "http://"),
    ("an endpoint of another kind", ("status",), {"SHEAF_RPC": "ftp://hush:hush@x/hush"}, 2, "rpc", "http://"),
    ("a number that is none", ("status",), {"SHEAF_CONFIRMATIONS": "many"}, 2, "confirmations", "integer"),
    ("a negative pace", ("status",), {"SHEAF_TICK_SECONDS": "-1"}, 2, "tick_seconds", "greater than 0"),
    ("an unknown level", ("status",), {"SHEAF_LOG_LEVEL": "loud"}, 2, "log_level", "'debug'"),
    ("a judge nobody knows", ("validator", "run", "--judge", "oracle", "-a", "buyer"), {}, 2, "judge", "checks-only"),
    ("review of no seat", ("review", "decide", 7, "--reject", "", "-a", "buyer"), {}, 2, "submission", "from 1"),
]  # fmt: skip
REFUSED = [row for row in REFUSED if row[3]]


def everything(folder: Path) -> dict[str, int]:
    """Return all files under `folder` with their sizes, locks apart."""
    return {
        str(path): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".lock", ".log") and "chain" not in path.parts
    }


@pytest.mark.parametrize(
    ("words", "env", "code", "field", "fix"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused(
    words: tuple[object, ...],
    env: dict[str, str],
    code: int,
    field: str,
    fix: str,
    market: Counter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Refused with its code, in one line that names the field and says what to do; no file and no transaction is left."""
    files: Path = market.files  # type: ignore[attr-defined]
    monkeypatch.chdir(files)
    before, block = everything(files), market.ctx.chain.block().number
    told = market.run(*words, code=code, **env)
    assert not told.out and told.err.startswith("refused ") and told.err.count("\n") == 1
    assert fix in told.err and "\x1b" not in told.err and "\u202e" not in told.err and "hush" not in told.err
    error = market.ask(*words, code=code, **env)["error"]
    assert error["exit_code"] == code and (not field or error["field"] == field)
    assert everything(files) == before
    assert market.ctx.chain.block().number == block


@pytest.fixture
def home(market: Counter, tmp_path: Path) -> Path:
    """A home of one's own beside the market's, with its accounts and addresses."""
    found = tmp_path / "mine"
    for name in ("keystore", "deployments"):
        (found / name).mkdir(parents=True, mode=0o700)
        for file in (market.settings.home / name).iterdir():
            copy = found / name / file.name
            copy.write_bytes(file.read_bytes())
            copy.chmod(0o600)
    return found


def refusal(market: Counter, home: Path, *words: object, code: int = 2, **env: str | None) -> dict[str, Any]:
    """Return the error of a command that is refused in `home`."""
    error: dict[str, Any] = market.ask(*words, code=code, SHEAF_HOME=str(home), **env)["error"]
    return error


def test_passwords(market: Counter, home: Path, tmp_path: Path) -> None:
    """A password is never guessed: none outside a terminal, a file that others may read, none, or no text, is refused by name."""
    register = ("account", "register", "-a", "buyer")
    none = refusal(market, home, *register, SHEAF_PASSWORD=None)
    assert none["field"] == "password" and "--password-file" in none["fix"]
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    file.chmod(0o640)
    shared = refusal(market, home, *register, "--password-file", file)
    assert shared["field"] == "password file" and "chmod 600" in shared["fix"]
    file.chmod(0o600)
    assert "account" in market.ask(*register, "--password-file", file, SHEAF_HOME=str(home))
    file.write_bytes(b"\xff\xfe\x00")
    assert refusal(market, home, *register, "--password-file", file)["field"] == "password file"
    assert refusal(market, home, *register, "--password-file", tmp_path / "none")["field"] == "password file"
    assert refusal(market, home, "account", "create", "new", SHEAF_PASSWORD="")["field"] == "password"
    assert not (home / "keystore" / "new.json").exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"address": "0x12"}', "\x00" * 100, '{"crypto": {"kdfparams": 1}}']
)
def test_a_keystore_file_that_is_garbage(text: str, market: Counter, home: Path) -> None:
    """A broken keystore file is named as that, whatever it holds, and the other accounts are still listed."""
    (home / "keystore" / "broken.json").write_text(text)
    (home / "keystore" / "broken.json").chmod(0o600)
    error = refusal(market, home, "account", "register", "-a", "broken")
    assert error["kind"] == "CredentialError" and "backup" in error["fix"]
    assert set(market.ask("account", "list", SHEAF_HOME=str(home))) == {"buyer", "contributor", "outsider"}


def test_a_keystore_file_that_others_may_read(market: Counter, home: Path) -> None:
    """A key that others may read is not used until its owner has seen to it."""
    (home / "keystore" / "buyer.json").chmod(0o644)
    assert "chmod 600" in refusal(market, home, "account", "register", "-a", "buyer")["fix"]


@pytest.mark.parametrize("key", ["", "0x12", "0x" + "g" * 64, "0x" + "0" * 64, "0x" + "f" * 64, EVIL])
def test_keys_that_are_none(key: str, market: Counter, home: Path) -> None:
    """What is no private key is refused without being shown, and no account is made."""
    answer = market.run("account", "import", "new", "--json", text=key + "\n", code=2, SHEAF_HOME=str(home))
    assert answer.json["error"]["kind"] == "CredentialError"
    assert not key or key not in answer.out + answer.err
    assert not (home / "keystore" / "new.json").exists()


@pytest.mark.parametrize(
    "text",
    [
        "rpc = ",
        "colour = 'red'\n",
        "confirmations = 'many'\n",
        "rpc = 7\n",
        "account = '../x'\n",
        b"\xff\xfe",
        "[rpc]\n",
    ],
)
def test_a_broken_settings_file(text: str | bytes, market: Counter, home: Path) -> None:
    """A settings file that is no TOML, no UTF-8, or says what is no setting, is refused; it is never half believed."""
    (home / "sheaf.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    error = refusal(market, home, "account", "register", SHEAF_RPC=None)
    assert error["kind"] in ("InputError", "CredentialError") and error["fix"]
    assert not (home / "logs").exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", "{", '{"chain_id": "x"}', "\x00"])
def test_a_broken_deployments_file(text: str, market: Counter, home: Path) -> None:
    """A file of addresses that is broken is named, with what to do."""
    (path,) = (home / "deployments").iterdir()
    path.write_text(text)
    error = refusal(market, home, "request", "list")
    assert error["field"] == "deployment" and "sheaf deploy" in error["fix"]


def test_addresses_of_another_network(market: Counter, home: Path) -> None:
    """Addresses that belong to another chain, or at which other code lies, are refused with 3 before anything is sent."""
    (path,) = (home / "deployments").iterdir()
    good = json.loads(path.read_text())
    path.write_text(json.dumps({**good, "block_hash": "0x" + "00" * 32}))
    assert refusal(market, home, "request", "list", code=3)["kind"] == "WrongNetwork"
    swapped = {**good["addresses"], "Escrow": good["addresses"]["Nodes"]}
    path.write_text(json.dumps({**good, "addresses": swapped}))
    assert "Escrow" in refusal(market, home, "request", "list", code=3)["message"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written(market: Counter, home: Path) -> None:
    """A folder without permission is named, with 5."""
    (home / "keystore").chmod(0o500)
    assert refusal(market, home, "account", "create", "new", code=5)["field"] == "file"


def test_a_home_that_is_a_file(market: Counter, tmp_path: Path) -> None:
    """A home that is a file is named, with 5, and stays as it was."""
    (tmp_path / "mine").write_text("mine")
    error = refusal(market, tmp_path / "mine", "account", "create", "new", code=5)
    assert error["field"] == "file" and (tmp_path / "mine").read_text() == "mine"


def test_a_stranger_commands_no_terminal(market: Counter, tmp_path: Path) -> None:
    """Title, instructions and terms of a stranger's request are printed as text, every line of it marked as somebody else's."""
    folder = tmp_path / "evil.json"
    folder.write_text(
        json.dumps(
            {
                "title": f"T {EVIL}",
                "instructions": f"{EVIL}\nrefused nothing",
                "description": EVIL,
                "licence": "CC-BY-4.0",
                "schema": {"type": "object", "properties": {"x": {"type": "integer"}}},
            }
        )
    )
    number = market.ask("request", "open", folder, *TERMS)["id"]
    for words in (("request", "list"), ("request", "show", number), ("specification", "check", folder)):
        out = market.run(*words).out
        assert all(mark.isprintable() or mark == "\n" for mark in out), ascii(out)
        assert "[red]x[/red]" in out and ":boom:" in out and "\nrefused" not in out
    assert market.ask("request", "show", number)["specification"]["title"] == f"T {EVIL}"


def test_a_table_of_requests_fits(market: Counter) -> None:
    """The list of requests is no wider than 80 columns; one whose specification is lost is listed all the same."""
    from sheaf.store.local import LocalStore

    store = market.ctx.store
    assert isinstance(store, LocalStore)
    cid = market.ask("request", "show", 1)["request"]["spec"]
    document = store.get(cid)
    store.delete(cid)
    lines = market.run("request", "list").out.splitlines()
    assert max(map(len, lines)) <= 80 and any("not to be had" in line for line in lines)
    assert refusal(market, market.settings.home, "request", "show", 1, code=5)["kind"] == "Missing"
    assert store.put(document) == cid


def strange_token(market: Counter, symbol: str, decimals: int) -> Address:
    """Deploy a payment token of which the buyer holds 1,000."""
    made = compile_code((MOCKS / "StrangeToken.vy").read_text(), output_formats=["abi", "bytecode"])
    assert market.ctx.faucet is not None
    signer = market.ctx.faucet.signer  # type: ignore[attr-defined]
    supply = 1_000 * 10**decimals
    token = Artifact("StrangeToken", made["abi"], made["bytecode"])
    found = market.ctx.chain.create(signer, token, symbol, decimals, supply).contract
    assert found is not None
    buyer = market.ask("account", "list")["buyer"]
    market.ctx.chain.at("MarketToken", found).send(signer, "transfer", buyer, supply)
    return found


def test_a_payment_token_of_six_places(market: Counter) -> None:
    """Amounts in another token are read and written with its own places and symbol, and its rate counts whole tokens."""
    token = strange_token(market, "USDX", 6)
    assert "1000 USDX" in market.run("account", "show", "buyer", "--token", token).out
    terms = ("--price", "0.25", "--escrow", "100", "--records", 5, "-a", "buyer", "--token", token)
    folder: Path = market.files  # type: ignore[attr-defined]
    too_fine = market.ask(
        "request", "open", folder / "points.toml", *terms[2:], "--price", "1e-7", "--lock-rate", 1, code=2
    )
    assert "6 places" in too_fine["error"]["fix"]
    made = market.ask("request", "open", folder / "points.toml", *terms, "--lock-rate", "2")
    assert (made["price"], made["free"], made["lock_rate_wad"]) == (250_000, 100_000_000, 2 * 10**30)
    assert "0.25 USDX a record" in market.run("request", "show", made["id"]).out
    assert "USDX" in market.run("request", "list").out
    assert "12 USDX added" in market.run("request", "fund", made["id"], "12", "-a", "buyer").out
    market.ask("request", "cancel", made["id"], "-a", "buyer")
    assert (
        "112 USDX of escrow and 2.8 USDX of fees"
        in market.run("request", "reclaim", made["id"], "-a", "buyer").out
    )


def test_a_payment_token_with_a_name_to_command(market: Counter) -> None:
    """A symbol of control characters and absurd places are shown as what they are, with a note, and cannot reach the terminal."""
    token = strange_token(market, "\x1b[2JX\u0007", 60)
    shown = market.run("account", "show", "buyer", "--token", token)
    assert "\x1b" not in shown.out + shown.err and "claims 60 decimals, taken as 18" in shown.err
    assert market.ask("account", "show", "buyer", "--token", token)["tokens"] == 1_000 * 10**60 > WAD
