"""The verbs `users`: who may sign in to the API, and what they may do there."""

from typing import Annotated, TypeAlias

import typer

from services.cli.groups import with_groups
from services.cli.options import AsJson, Where
from services.cli.users import job
from shared.contracts.vocabulary import Role

NewRole: TypeAlias = Annotated[Role, typer.Option("--role", help="What the user may do.")]
Name: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]


users = typer.Typer(name="users", help="Manage who may sign in to the API.", no_args_is_help=True)


@users.command()
@with_groups
def add(*, name: Name, role: NewRole = Role.VIEWER, where: Where, as_json: AsJson = False) -> None:
    """Add a user; the password is asked for, or read from the next line of stdin."""
    job.add(where, name, role, as_json=as_json)


@users.command()
@with_groups
def passwd(name: Name, where: Where, as_json: AsJson = False) -> None:
    """Set a user's password, asked for or read from the next line of stdin, and end all their sessions."""
    job.set_password(where, name, as_json=as_json)


@users.command()
@with_groups
def role(name: Name, role: NewRole, where: Where, as_json: AsJson = False) -> None:
    """Set what a user may do, and end all their sessions."""
    job.set_role(where, name, role, as_json=as_json)


@users.command()
@with_groups
def disable(name: Name, where: Where, as_json: AsJson = False) -> None:
    """Keep a user from signing in, and end all their sessions."""
    job.disable(where, name, as_json=as_json)


@users.command()
@with_groups
def enable(name: Name, where: Where, as_json: AsJson = False) -> None:
    """Let a disabled user sign in again."""
    job.enable(where, name, as_json=as_json)


@users.command()
@with_groups
def unlock(name: Name, where: Where, as_json: AsJson = False) -> None:
    """Take back the wrong passwords counted for a user and for all addresses, so that nobody has to wait."""
    job.unlock(where, name, as_json=as_json)


@users.command("second-factor")
@with_groups
def second_factor(name: Name, where: Where, as_json: AsJson = False) -> None:
    """Give a user a device that shows codes: prints its secret, reads a code of it, prints recovery codes.

    With --url the user is the one who signs in.
    """
    job.second_factor(where, name, as_json=as_json)


@users.command("forget-second-factor")
@with_groups
def forget_second_factor(name: Name, where: Where, as_json: AsJson = False) -> None:
    """Ask a user who lost the device for no codes any more, and end all their sessions."""
    job.forget_second_factor(where, name, as_json=as_json)


@users.command("list")
@with_groups
def list_users(where: Where, as_json: AsJson = False) -> None:
    """Show who may sign in, and as what."""
    job.list_users(where, as_json)
