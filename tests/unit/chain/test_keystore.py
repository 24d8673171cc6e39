"""The keystore gives a key to the right password only, and never loses or shows one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sheaf.chain import keystore
from sheaf.domain.errors import CredentialError

WORK = 2**4
KEY = "0x" + "11" * 32


def test_create_then_load(tmp_path: Path) -> None:
    """A new account opens with its password; its file is for its owner alone and in the standard's form."""
    address = keystore.create(tmp_path, "buyer", "right", work=WORK)
    assert keystore.load(tmp_path, "buyer", "right").address == address
    path = tmp_path / "buyer.json"
    assert path.stat().st_mode & 0o777 == 0o600
    crypto = json.loads(path.read_text())["crypto"]
    assert crypto["kdf"] == "scrypt"
    assert keystore.accounts(tmp_path) == {"buyer": address}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["buyer.json"]


def test_default_work_is_dear() -> None:
    """A guess costs at least 128 MiB."""
    assert keystore.SCRYPT_WORK * 8 * 128 >= 2**27


def test_import(tmp_path: Path) -> None:
    """An imported key has its own address, with or without 0x."""
    first = keystore.import_key(tmp_path, "one", KEY, "p", work=WORK)
    second = keystore.import_key(tmp_path, "two", KEY[2:] + "\n", "p", work=WORK)
    assert first == second == keystore.load(tmp_path, "one", "p").address


@pytest.mark.parametrize("key", ["", "0x12", "0x" + "g" * 64, "0x" + "0" * 64, "0x" + "f" * 64, KEY + "11"])
def test_bad_keys(tmp_path: Path, key: str) -> None:
    """What is no private key is refused without being shown, and nothing is left behind."""
    with pytest.raises(CredentialError) as caught:
        keystore.import_key(tmp_path, "one", key, "p", work=WORK)
    assert "private key" in str(caught.value)
    assert not key or key not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["", "../evil", "a/b", ".hidden", "-x", "a" * 33, "ü", "a.json", "a\n", "con\x00"]
)
def test_bad_names(tmp_path: Path, name: str) -> None:
    """A name cannot lead out of the folder."""
    for act in (
        lambda: keystore.create(tmp_path, name, "p", work=WORK),
        lambda: keystore.load(tmp_path, name, "p"),
    ):
        with pytest.raises(CredentialError, match="account name"):
            act()
    assert list(tmp_path.iterdir()) == []


def test_taken_name_keeps_the_first_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account is never overwritten, not even by one made at the same moment."""
    address = keystore.create(tmp_path, "buyer", "p", work=WORK)
    with pytest.raises(CredentialError, match="taken"):
        keystore.create(tmp_path, "buyer", "p", work=WORK)
    monkeypatch.setattr(Path, "exists", lambda self: False)
    with pytest.raises(CredentialError, match="taken"):
        keystore.create(tmp_path, "buyer", "p", work=WORK)
    assert keystore.load(tmp_path, "buyer", "p").address == address
    assert len(list(tmp_path.iterdir())) == 1


def test_empty_password(tmp_path: Path) -> None:
    """A key is never kept under no password."""
    with pytest.raises(CredentialError, match="password"):
        keystore.create(tmp_path, "buyer", "", work=WORK)


def test_wrong_password(tmp_path: Path) -> None:
    """A wrong password is told as such, and not repeated."""
    keystore.create(tmp_path, "buyer", "right", work=WORK)
    with pytest.raises(CredentialError) as caught:
        keystore.load(tmp_path, "buyer", "wrongwrong")
    assert "password" in str(caught.value)
    assert "wrongwrong" not in str(caught.value)


def test_absent(tmp_path: Path) -> None:
    """An unknown account is told with where to look."""
    with pytest.raises(CredentialError, match="there is none"):
        keystore.load(tmp_path / "nowhere", "buyer", "p")
    assert keystore.accounts(tmp_path / "nowhere") == {}


def test_readable_by_others(tmp_path: Path) -> None:
    """A key file that others may read is not opened, as ssh does."""
    keystore.create(tmp_path, "buyer", "p", work=WORK)
    (tmp_path / "buyer.json").chmod(0o644)
    with pytest.raises(CredentialError, match="chmod 600"):
        keystore.load(tmp_path, "buyer", "p")


def test_broken_files(tmp_path: Path) -> None:
    """Cut, empty, foreign and dishonest files are told as broken, and are no accounts."""
    keystore.create(tmp_path, "buyer", "p", work=WORK)
    path = tmp_path / "buyer.json"
    whole = path.read_text()
    document = json.loads(whole)
    greedy = json.loads(whole)
    greedy["crypto"]["kdfparams"]["n"] = 2**30
    other = {**document, "address": "22" * 20}
    for text in (
        "",
        whole[: len(whole) // 2],
        "[]",
        "{}",
        json.dumps(greedy),
        json.dumps(other),
        '{"crypto": 1}',
    ):
        path.write_text(text)
        with pytest.raises(CredentialError, match="broken"):
            keystore.load(tmp_path, "buyer", "p")
    path.rename(tmp_path / "not an account.json")
    (tmp_path / "list.json").write_text('["x"]')
    (tmp_path / "short.json").write_text('{"address": "12"}')
    assert keystore.accounts(tmp_path) == {}
