"""Where the parts are joined: what is refused, and that each part is the right one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import sheaf
from sheaf import bootstrap
from sheaf.domain.errors import CredentialError, InputError, Unreachable
from sheaf.domain.request import Specification
from sheaf.settings import read_settings
from sheaf.store.local import LocalStore
from sheaf.store.memory import MemoryStore

WANTED = Specification(title="t", schema={"type": "object", "properties": {}}, licence="CC0-1.0")


def settings(tmp_path: Path, **given: Any) -> Any:
    return read_settings(home=tmp_path, **given)


def test_the_package_offers_what_it_says() -> None:
    """`import sheaf` gives every name of its list, each loaded only when asked for, and no other."""
    for name in sheaf.__all__:
        assert getattr(sheaf, name) is not None
    assert set(dir(sheaf)) == set(sheaf.__all__)
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        _ = sheaf.magic  # type: ignore[attr-defined]


def test_a_local_market_is_repeatable(tmp_path: Path) -> None:
    """The same seed gives the same chain to the last hash, another seed another; with a directory content lies on disk."""
    first, second, other = sheaf.local(seed=4), sheaf.local(seed=4), sheaf.local(seed=5)
    assert first.chain.block() == second.chain.block()
    assert first.chain.block().hash != other.chain.block().hash
    assert isinstance(first.store, MemoryStore)
    assert isinstance(sheaf.local(directory=tmp_path).store, LocalStore)
    with pytest.raises(CredentialError, match="account: none"):
        _ = first.account


def test_a_password_comes_from_settings_or_a_file_only_its_owner_can_read(tmp_path: Path) -> None:
    """A file that others can read, is absent or no text is refused; one end of line is not part of the password."""
    file = tmp_path / "password"
    file.write_text("two words \n")
    file.chmod(0o644)
    with pytest.raises(CredentialError, match="chmod 600"):
        bootstrap.password_of(settings(tmp_path, password_file=file))
    file.chmod(0o600)
    assert bootstrap.password_of(settings(tmp_path, password_file=file)) == "two words "
    assert bootstrap.password_of(settings(tmp_path, password="given")) == "given"
    for wrong in (tmp_path / "absent", tmp_path):
        with pytest.raises(CredentialError, match="password file"):
            bootstrap.password_of(settings(tmp_path, password_file=wrong))
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CredentialError, match="password file"):
        bootstrap.password_of(settings(tmp_path, password_file=file))
    with pytest.raises(CredentialError, match="SHEAF_PASSWORD"):
        bootstrap.password_of(settings(tmp_path))


def test_judges_by_name() -> None:
    """A judge is found by name before anything is trained; unknown names are refused with the known ones."""
    with pytest.raises(InputError, match=r"judge: astrology.*logistic"):
        bootstrap.judge("astrology")
    approve = bootstrap.judge("checks-only")(WANTED, None)
    assert approve.judge(pa.table({"x": [1, 2, 3]}), WANTED).tolist() == [True] * 3
    assert approve.judge(pa.table({"x": [1]}), WANTED).dtype == np.bool_
    with pytest.raises(InputError, match="sample"):
        bootstrap.judge("logistic", seed=1)(WANTED, None)


def test_where_nothing_answers_or_nothing_is_deployed(tmp_path: Path) -> None:
    """A network that does not answer, and a deployment without an account, are refused in one line."""
    with pytest.raises(Unreachable, match="sheaf up"):
        sheaf.connect(settings(tmp_path, rpc="http://127.0.0.1:9"))
    with pytest.raises(CredentialError, match="name the account that deploys"):
        bootstrap.deploy(settings(tmp_path))


def test_deployments_are_looked_for_at_home_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home folder's deployment goes before that of the working directory; a folder that is named is the only one."""
    monkeypatch.chdir(tmp_path)
    here = tmp_path / "deployments"
    here.mkdir()
    (here / "5.json").write_text("{}")
    found = settings(tmp_path / "home")
    assert bootstrap.deployment_path(found, 5) == Path("deployments/5.json")
    assert bootstrap.deployment_path(found, 6) == tmp_path / "home" / "deployments" / "6.json"
    named = settings(tmp_path / "home", deployments=tmp_path / "named")
    assert bootstrap.deployment_path(named, 5) == tmp_path / "named" / "5.json"
