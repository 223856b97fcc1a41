"""The verbs `users add`, `passwd`, `role`, `disable`, `enable` and `list`: who may sign in to the API."""

import sys
from typing import Annotated, TypeAlias

import typer

from services.cli.options import AsJson, ConfigFile
from services.cli.output import Column, say, say_json, say_table
from services.cli.places import Where
from services.cli.remote import Url, User
from services.cli.stored import Database
from services.cli.users.places import opened_users
from shared.contracts.vocabulary import Role

NewRole: TypeAlias = Annotated[Role, typer.Option("--role", help="What the user may do.")]
Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    users = typer.Typer(help="Say who may sign in to the API.", no_args_is_help=True)
    users.command("add")(add)
    users.command("passwd")(passwd)
    users.command("role")(role)
    users.command("disable")(disable)
    users.command("enable")(enable)
    users.command("list")(list_users)
    program.add_typer(users, name="users")


def add(
    name: Name,
    role: NewRole = Role.VIEWER,
    database: Database = None,
    config: ConfigFile = None,
    url: Url = None,
    user: User = None,
) -> None:
    """Add a user; the password is asked for, or read from the first line of stdin that is left."""
    with opened_users(Where(database, config, url, user)) as place:
        place.add(name, role.value, _password(name))
    say(f"{name} may sign in as {role.value}.")


def passwd(
    name: Name,
    database: Database = None,
    config: ConfigFile = None,
    url: Url = None,
    user: User = None,
) -> None:
    """Set a user's password, asked for or read from stdin, and end all their sessions."""
    with opened_users(Where(database, config, url, user)) as place:
        place.set_password(name, _password(name))
    say(f"The password of {name} is set, and their sessions are ended.")


def role(
    name: Name,
    role: NewRole,
    database: Database = None,
    config: ConfigFile = None,
    url: Url = None,
    user: User = None,
) -> None:
    """Set what a user may do, and end all their sessions."""
    with opened_users(Where(database, config, url, user)) as place:
        place.set_role(name, role.value)
    say(f"{name} may sign in as {role.value}, and their sessions are ended.")


def disable(
    name: Name,
    database: Database = None,
    config: ConfigFile = None,
    url: Url = None,
    user: User = None,
) -> None:
    """Keep a user from signing in, and end all their sessions."""
    with opened_users(Where(database, config, url, user)) as place:
        place.disable(name)
    say(f"{name} may not sign in any more, and their sessions are ended.")


def enable(
    name: Name,
    database: Database = None,
    config: ConfigFile = None,
    url: Url = None,
    user: User = None,
) -> None:
    """Let a disabled user sign in again."""
    with opened_users(Where(database, config, url, user)) as place:
        place.disable(name, disabled=False)
    say(f"{name} may sign in again.")


def list_users(
    database: Database = None,
    config: ConfigFile = None,
    url: Url = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Show who may sign in, and as what."""
    with opened_users(Where(database, config, url, user)) as place:
        rows = place.users()
    if as_json:
        say_json(rows)
        return
    headings = [Column(heading) for heading in ("name", "role", "state", "created")]
    cells = [(row["name"], row["role"], "disabled" if row["disabled"] else "active", row["created"]) for row in rows]
    say_table("Users", headings, cells)


def _password(name: str) -> str:
    if sys.stdin.isatty():
        asked: str = typer.prompt(f"New password of {name}", hide_input=True, confirmation_prompt=True, err=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")
