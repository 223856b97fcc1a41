"""`scalpbot users`: users changed and listed, in a database or at an API."""

import sys

import typer

from services.cli.documents.access import ChangedUser, SecondFactor
from services.cli.options import Where
from services.cli.terminal.output import note, say, say_json
from services.cli.terminal.tables import LATE, Column, say_table, time_cell, word_cell
from services.cli.users.places import opened_users
from shared.contracts.vocabulary import Role


def add(where: Where, name: str, role: Role, *, as_json: bool) -> None:
    """Add a user with the password that is typed."""
    with opened_users(where) as place:
        place.add(name, role.value, _password(name))
    _say_done(name, f"{name} may now sign in as {role.value}.", as_json)


def set_password(where: Where, name: str, *, as_json: bool) -> None:
    """Set the password that is typed."""
    with opened_users(where) as place:
        place.set_password(name, _password(name))
    _say_done(name, f"{name} has a new password; all sessions of {name} were ended.", as_json)


def set_role(where: Where, name: str, role: Role, *, as_json: bool) -> None:
    """Set what a user may do."""
    with opened_users(where) as place:
        place.set_role(name, role.value)
    _say_done(name, f"{name} may now sign in as {role.value}; all sessions of {name} were ended.", as_json)


def disable(where: Where, name: str, *, as_json: bool) -> None:
    """Keep a user from signing in."""
    with opened_users(where) as place:
        place.disable(name)
    _say_done(name, f"{name} may no longer sign in; all sessions of {name} were ended.", as_json)


def enable(where: Where, name: str, *, as_json: bool) -> None:
    """Let a user sign in again."""
    with opened_users(where) as place:
        place.disable(name, disabled=False)
    _say_done(name, f"{name} may sign in again.", as_json)


def unlock(where: Where, name: str, *, as_json: bool) -> None:
    """Take back what was counted against a user."""
    with opened_users(where) as place:
        place.unlock(name)
    _say_done(name, f"{name} can sign in again without waiting, from any address.", as_json)


def second_factor(where: Where, name: str, *, as_json: bool) -> None:
    """Begin a second factor, and confirm it with a code that is typed."""
    with opened_users(where) as place:
        begun = place.begin_second_factor(name)
        note(f"give this to the device, as a key or as a QR code of the address:\n{begun['secret']}\n{begun['link']}")
        codes = place.confirm_second_factor(name, _typed(f"Code that the device of {name} shows"))
    if as_json:
        document: SecondFactor = {"ok": True, "name": name, "recovery_codes": list(codes)}
        say_json(document)
    else:
        for code in codes:
            say(code)
    note(f"{name} is asked for a code from now on; each code here replaces the device once and is shown only now")


def forget_second_factor(where: Where, name: str, *, as_json: bool) -> None:
    """Ask a user for no codes any more."""
    with opened_users(where) as place:
        place.forget_second_factor(name)
    _say_done(name, f"{name} is no longer asked for a code; all sessions of {name} were ended.", as_json)


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
                time_cell(row["created_time"]),
            )
            for row in rows
        ],
    )


def _say_done(name: str, done: str, as_json: bool) -> None:
    if as_json:
        document: ChangedUser = {"ok": True, "name": name, "done": done}
        say_json(document)
    else:
        say(done)


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
