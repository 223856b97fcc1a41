"""The settings in force: those of the file that is given, or of the usual one, and of the environment."""

import os
from pathlib import Path
from typing import Final

from services.cli.variables import OWN_VARIABLES
from shared.settings.settings import Settings, load_settings

_DEFAULT_CONFIG: Final = Path("scalpbot.toml")


def config_path(given: Path | None) -> Path | None:
    """Return the settings file that is in force: the one given, else the default if it exists."""
    return given or (_DEFAULT_CONFIG if _DEFAULT_CONFIG.exists() else None)


def read_settings(given: Path | None) -> Settings:
    """Read the settings in force, with overrides from the environment; raise InputError for a wrong value."""
    return load_settings(config_path(given), settings_environ())


def settings_environ() -> dict[str, str]:
    """Return the environment that settings are read from."""
    return {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
