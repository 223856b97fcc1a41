"""`scalpbot config`: show and check the settings."""

import typer

from services.cli.options import AsJson, ConfigFile


def register(program: typer.Typer) -> None:
    """Add the verbs to the program."""
    group = typer.Typer(help="Show or check the settings.", no_args_is_help=False)
    group.command("show")(show)
    group.command("check")(check)
    program.add_typer(group, name="config")


def show(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show every effective setting, secrets hidden; pairs that are not named take the defaults."""
    from services.cli.inputs import read_settings
    from services.cli.output import flat, say, say_json

    shown = read_settings(config).redacted()
    if as_json:
        say_json(shown)
        return
    for name, value in flat(shown):
        say(f"{name} = {_written(value)}")


def check(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check the settings; exit 2 and name file, line and value where one is wrong."""
    from services.cli.inputs import config_path, read_settings
    from services.cli.output import say, say_json

    settings = read_settings(config)
    path = config_path(config)
    digest = settings.trading_digest()
    if as_json:
        say_json({"file": None if path is None else str(path), "ok": True, "trading_digest": digest})
    else:
        say(f"{path or 'no settings file, defaults and environment'}: ok")
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
