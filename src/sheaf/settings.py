"""Settings: what may differ from machine to machine, typed and checked.

In rising order of precedence: defaults, the file (`$SHEAF_CONFIG`, else `sheaf.toml` in the home folder), the environment
(`SHEAF_…`), and what is given in code or on the command line.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from sheaf.domain.errors import InputError

PREFIX = "SHEAF_"


def default_home() -> Path:
    """Return the folder in which everything is kept unless told otherwise."""
    return Path(os.environ.get(f"{PREFIX}HOME") or user_data_path("sheaf", appauthor=False))


class Settings(BaseSettings):
    """Where the market is, where things are kept, and who acts. Secrets show neither in `repr` nor in errors."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", hide_input_in_errors=True, validate_default=True
    )

    rpc: str = "http://127.0.0.1:8545"
    home: Path = Field(default_factory=default_home)
    deployments: Path | None = None
    store: Path | None = None
    mailbox: Path | None = None
    account: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    anvil: Path | None = None
    confirmations: int = Field(default=0, ge=0, le=1000)
    tick_seconds: float = Field(default=1.0, gt=0, le=3600)
    log_level: Literal["debug", "info", "warning", "error"] = "warning"

    @field_validator("home", "deployments", "store", "mailbox", "password_file", "anvil")
    @classmethod
    def _expanded(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value is not None else None

    @property
    def store_directory(self) -> Path:
        """Where content lies."""
        return self.store or self.home / "store"

    @property
    def mailbox_directory(self) -> Path:
        """Where letters lie."""
        return self.mailbox or self.home / "mailbox"

    @property
    def keystore_directory(self) -> Path:
        """Where accounts lie, encrypted."""
        return self.home / "keystore"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the TOML file below the environment."""
        given: dict[str, Any] = getattr(init_settings, "init_kwargs", {})
        home = Path(given.get("home") or default_home())
        file = Path(os.environ.get(f"{PREFIX}CONFIG") or home / "sheaf.toml")
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)


def read_settings(**given: Any) -> Settings:
    """Return the settings, with what is given over file and environment. Raises InputError naming the first wrong one."""
    import tomllib

    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "settings"
        raise InputError(
            field, given.get(field, "as set") if field != "password" else "…", first["msg"]
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("settings file", str(error), "write it as TOML, one `name = value` a line") from None
    except OSError as error:
        raise InputError(
            "settings file", error.filename, f"give a file that can be read: {error.strerror}"
        ) from None
