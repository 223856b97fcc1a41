"""The verbs `users add`, `passwd`, `disable`, `enable` and `list`: who may sign in to the API."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from services.cli.options import AsJson, ConfigFile
from services.cli.output import Column, say, say_json, say_table
from services.cli.stored import Database, database_url, reading

if TYPE_CHECKING:
    from services.api.accounts import Accounts

_ACTOR = "cli"

Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]


class RoleName(StrEnum):
    """What a user may do; each role may do all that the one before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    users = typer.Typer(help="Say who may sign in to the API.", no_args_is_help=True)
    users.command("add")(add)
    users.command("passwd")(passwd)
    users.command("disable")(disable)
    users.command("enable")(enable)
    users.command("list")(list_users)
    program.add_typer(users, name="users")


def add(
    name: Name,
    role: Annotated[RoleName, typer.Option("--role", help="What the user may do.")] = RoleName.VIEWER,
    database: Database = None,
    config: ConfigFile = None,
) -> None:
    """Add a user; the password is asked for, or read from the first line of stdin."""
    with _accounts(database, config) as accounts:
        accounts.add(name, role.value, _password())
    say(f"{name} may sign in as {role.value}.")


def passwd(name: Name, database: Database = None, config: ConfigFile = None) -> None:
    """Set a user's password, asked for or read from stdin, and end all their sessions."""
    with _accounts(database, config) as accounts:
        accounts.set_password(name, _password())
    say(f"The password of {name} is set, and their sessions are ended.")


def disable(name: Name, database: Database = None, config: ConfigFile = None) -> None:
    """Keep a user from signing in, and end all their sessions."""
    with _accounts(database, config) as accounts:
        accounts.disable(name)
    say(f"{name} may not sign in any more, and their sessions are ended.")


def enable(name: Name, database: Database = None, config: ConfigFile = None) -> None:
    """Let a disabled user sign in again."""
    with _accounts(database, config) as accounts:
        accounts.disable(name, disabled=False)
    say(f"{name} may sign in again.")


def list_users(database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show who may sign in, and as what."""
    from shared.contracts.trades import format_time

    with reading(database, config) as reader:
        rows = [
            {"name": row.name, "role": row.role, "disabled": row.disabled, "created": format_time(row.created_at)}
            for row in reader.users()
        ]
    if as_json:
        say_json(rows)
        return
    headings = [Column(heading) for heading in ("name", "role", "state", "created")]
    cells = [
        (str(row["name"]), str(row["role"]), "disabled" if row["disabled"] else "active", str(row["created"]))
        for row in rows
    ]
    say_table("Users", headings, cells)


@contextmanager
def _accounts(database: str | None, config: Path | None) -> "Iterator[Accounts]":
    import time

    from services.api.accounts import Accounts
    from services.api.passwords import Passwords
    from services.cli.inputs import read_settings
    from shared.store.sql_store import open_store

    store = open_store(database_url(database, read_settings(config)))
    try:
        yield Accounts(store, Passwords(), time.time, _ACTOR)
    finally:
        store.close()


def _password() -> str:
    if sys.stdin.isatty():
        asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")
