"""`scalpbot users`: users changed and listed, in a database or at an API."""

import sys

import typer

from services.cli.options import Where
from services.cli.terminal.output import note, say, say_json
from services.cli.terminal.tables import LATE, Column, say_table, time_cell, word_cell
from services.cli.users.places import opened_users
from shared.contracts.vocabulary import Role


def add(where: Where, name: str, role: Role) -> None:
    """Add a user with the password that is typed."""
    with opened_users(where) as place:
        place.add(name, role.value, _password(name))
    say(f"{name} may now sign in as {role.value}.")


def set_password(where: Where, name: str) -> None:
    """Set the password that is typed."""
    with opened_users(where) as place:
        place.set_password(name, _password(name))
    say(f"{name} has a new password; all sessions of {name} were ended.")


def set_role(where: Where, name: str, role: Role) -> None:
    """Set what a user may do."""
    with opened_users(where) as place:
        place.set_role(name, role.value)
    say(f"{name} may now sign in as {role.value}; all sessions of {name} were ended.")


def disable(where: Where, name: str) -> None:
    """Keep a user from signing in."""
    with opened_users(where) as place:
        place.disable(name)
    say(f"{name} may no longer sign in; all sessions of {name} were ended.")


def enable(where: Where, name: str) -> None:
    """Let a user sign in again."""
    with opened_users(where) as place:
        place.disable(name, disabled=False)
    say(f"{name} may sign in again.")


def unlock(where: Where, name: str) -> None:
    """Take back what was counted against a user."""
    with opened_users(where) as place:
        place.unlock(name)
    say(f"{name} need not wait to sign in, from no address.")


def second_factor(where: Where, name: str) -> None:
    """Begin a second factor, and confirm it with a code that is typed."""
    with opened_users(where) as place:
        begun = place.begin_second_factor(name)
        note(f"give this to the device, as a key or as a QR code of the address:\n{begun['secret']}\n{begun['link']}")
        codes = place.confirm_second_factor(name, _typed(f"Code that the device of {name} shows"))
    for code in codes:
        say(code)
    note(f"{name} is asked for a code from now on; each of these stands for the device once, and is shown only now")


def forget_second_factor(where: Where, name: str) -> None:
    """Ask a user for no codes any more."""
    with opened_users(where) as place:
        place.forget_second_factor(name)
    say(f"{name} is asked for no code any more; all sessions of {name} were ended.")


def list_users(where: Where, as_json: bool) -> None:
    """Print all users."""
    with opened_users(where) as place:
        rows = place.users()
    if as_json:
        say_json(rows)
        return
    columns = [Column("name", cut=True), Column("role"), Column("state"), Column("created")]
    say_table(
        "Users (times UTC)",
        columns,
        [
            (
                row["name"],
                row["role"],
                word_cell("disabled" if row["disabled"] else "active", {"disabled": LATE}),
                time_cell(row["created"]),
            )
            for row in rows
        ],
    )


def _typed(question: str) -> str:
    if sys.stdin.isatty():
        answer: str = typer.prompt(question, err=True)
        return answer.strip()
    return sys.stdin.readline().strip()


def _password(name: str) -> str:
    if sys.stdin.isatty():
        asked: str = typer.prompt(f"New password of {name}", hide_input=True, confirmation_prompt=True, err=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")
