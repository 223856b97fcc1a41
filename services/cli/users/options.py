"""The verbs `users`: who may sign in to the API, and what they may do there."""

from typing import Annotated, TypeAlias

import typer

from services.cli.options import AsJson, ConfigFile, Database, Url, User, Where
from services.cli.users import job
from shared.contracts.vocabulary import Role

NewRole: TypeAlias = Annotated[Role, typer.Option("--role", help="What the user may do.")]
Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]


users = typer.Typer(name="users", help="Manage who may sign in to the API.", no_args_is_help=True)


@users.command()
def add(
    name: Name,
    role: NewRole = Role.VIEWER,
    database: Database = None,
    config: ConfigFile = None,
    url: Url = None,
    user: User = None,
) -> None:
    """Add a user; the password is asked for, or read from the next line of stdin."""
    job.add(Where(database=database, config=config, url=url, user=user), name, role)


@users.command()
def passwd(
    name: Name, database: Database = None, config: ConfigFile = None, url: Url = None, user: User = None
) -> None:
    """Set a user's password, asked for or read from the next line of stdin, and end all their sessions."""
    job.set_password(Where(database=database, config=config, url=url, user=user), name)


@users.command()
def role(
    name: Name, role: NewRole, database: Database = None, config: ConfigFile = None, url: Url = None, user: User = None
) -> None:
    """Set what a user may do, and end all their sessions."""
    job.set_role(Where(database=database, config=config, url=url, user=user), name, role)


@users.command()
def disable(
    name: Name, database: Database = None, config: ConfigFile = None, url: Url = None, user: User = None
) -> None:
    """Keep a user from signing in, and end all their sessions."""
    job.disable(Where(database=database, config=config, url=url, user=user), name)


@users.command()
def enable(
    name: Name, database: Database = None, config: ConfigFile = None, url: Url = None, user: User = None
) -> None:
    """Let a disabled user sign in again."""
    job.enable(Where(database=database, config=config, url=url, user=user), name)


@users.command("list")
def list_users(
    database: Database = None, config: ConfigFile = None, url: Url = None, user: User = None, as_json: AsJson = False
) -> None:
    """Show who may sign in, and as what."""
    job.list_users(Where(database=database, config=config, url=url, user=user), as_json)
