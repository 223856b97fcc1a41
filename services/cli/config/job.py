"""`scalpbot config`: the settings in force, as they are read."""

from pathlib import Path

from services.cli.configuration import config_path, read_settings
from services.cli.documents.operations import CheckedSettings
from services.cli.terminal.output import flat, say, say_json


def show(config: Path | None, as_json: bool) -> None:
    """Print every setting; raise InputError for a wrong one."""
    shown = read_settings(config).redacted()
    if as_json:
        say_json({"ok": True, **shown})
        return
    for name, value in flat(shown):
        say(f"{name} = {_written(value)}")


def check(config: Path | None, as_json: bool) -> None:
    """Print the file and the digest of what trading depends on; raise InputError for a wrong setting."""
    settings = read_settings(config)
    path = config_path(config)
    digest = settings.trading_digest()
    if as_json:
        document: CheckedSettings = {"ok": True, "file": None if path is None else str(path), "trading_digest": digest}
        say_json(document)
    else:
        say(f"{path or 'no settings file, only defaults and environment'}: ok")
        say(f"trading digest: {digest}")


def _written(value: object) -> str:
    match value:
        case None:
            return "(not set)"
        case bool():
            return str(value).lower()
        case list():
            return ", ".join(map(str, value)) or "(none)"
        case dict():
            return "(none)"
        case _:
            return str(value)
