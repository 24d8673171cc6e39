"""Settings: typed, checked, and from where they should come."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sheaf.domain.errors import InputError
from sheaf.settings import Settings, read_settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting comes from the machine that runs the tests."""
    for name in list(os.environ):
        if name.startswith("SHEAF_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SHEAF_HOME", str(tmp_path))


def test_file_environment_and_code_in_rising_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file in the home folder gives way to the environment, and that to what is given in code."""
    assert read_settings().rpc == "http://127.0.0.1:8545"
    (tmp_path / "sheaf.toml").write_text('rpc = "http://file"\naccount = "filed"\n')
    assert read_settings().rpc == "http://file"
    monkeypatch.setenv("SHEAF_RPC", "http://environment")
    assert read_settings().rpc == "http://environment"
    assert read_settings(rpc="http://code").rpc == "http://code"
    assert read_settings().account == "filed"
    assert read_settings(rpc=None).rpc == "http://environment"


def test_the_file_may_lie_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """SHEAF_CONFIG names another file; folders follow the home that is given."""
    other = tmp_path / "other.toml"
    other.write_text("confirmations = 7\n")
    monkeypatch.setenv("SHEAF_CONFIG", str(other))
    found = read_settings(home=tmp_path / "home")
    assert found.confirmations == 7
    assert found.store_directory == tmp_path / "home" / "store"
    assert found.mailbox_directory == tmp_path / "home" / "mailbox"
    assert found.keystore_directory == tmp_path / "home" / "keystore"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tick_seconds": -1}, "tick_seconds: -1"),
        ({"tick_seconds": "soon"}, "tick_seconds: soon"),
        ({"confirmations": 5000}, "confirmations: 5000"),
        ({"log_level": "loud"}, "log_level: loud"),
        ({"colour": "blue"}, "colour: blue"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, Any], words: str) -> None:
    """Each refusal is one line: the setting, its value, what would do."""
    with pytest.raises(InputError, match=words) as refused:
        read_settings(**given)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["rpc = ", "[[", 'rpc = "a" rpc = "b"', "unknown = 1\n"])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    """A settings file that is no TOML, or sets what does not exist, is refused in one line."""
    (tmp_path / "sheaf.toml").write_text(text)
    with pytest.raises(InputError) as refused:
        read_settings()
    assert "\n" not in str(refused.value)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password in the environment shows neither in the settings' text nor in an error about them."""
    monkeypatch.setenv("SHEAF_PASSWORD", "correct horse")
    found = read_settings()
    assert found.password is not None
    assert found.password.get_secret_value() == "correct horse"
    assert "horse" not in repr(found) + str(found) + str(found.model_dump())
    with pytest.raises(InputError) as refused:
        read_settings(password=["correct", "horse"])
    assert "horse" not in str(refused.value)
    assert isinstance(found, Settings)
