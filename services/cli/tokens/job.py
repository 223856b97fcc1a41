"""`scalpbot tokens`: tokens made, listed and ended, in a database or at an API."""

from typing import NamedTuple

from services.cli.documents.access import MadeToken, RevokedToken, Token
from services.cli.options import Where
from services.cli.terminal.output import note, say, say_json
from services.cli.terminal.tables import AnyCell, Column, say_table, time_cell
from services.cli.tokens.places import opened_tokens
from shared.contracts.vocabulary import Role


class NewToken(NamedTuple):
    """What the command line says of a token."""

    user: str
    name: str
    role: Role
    may_command: bool
    days: int


def add(where: Where, new: NewToken, as_json: bool) -> None:
    """Make a token and print it."""
    scope = "command" if new.may_command else "read"
    with opened_tokens(where) as place:
        token, made = place.add(
            {"user": new.user, "name": new.name, "role": new.role.value, "scope": scope, "days": new.days}
        )
    if as_json:
        document: MadeToken = {"ok": True, **made, "token": token}
        say_json(document)
        return
    say(token)
    note(
        f"{new.name} asks for {new.user} as {new.role.value} until {made['expires_time']}; this token is shown only now"
    )


def list_tokens(where: Where, as_json: bool) -> None:
    """Print all tokens that are alive."""
    with opened_tokens(where) as place:
        rows = place.alive()
    if as_json:
        say_json(rows)
        return
    columns = [
        Column("id", True),
        Column("user", cut=True),
        Column("name", cut=True),
        Column("role"),
        Column("scope", leave=2),
        Column("created", leave=1),
        Column("expires"),
        Column("last used"),
    ]
    say_table("Tokens (times UTC)", columns, [_cells(row) for row in rows])


def _cells(row: Token) -> list[AnyCell]:
    used = row["last_used_time"]
    return [
        str(row["id"]),
        row["user"],
        row["name"],
        row["role"],
        row["scope"],
        time_cell(row["created_time"]),
        time_cell(row["expires_time"]),
        "never" if used is None else time_cell(used),
    ]


def revoke(where: Where, token_id: int, as_json: bool) -> None:
    """End a token."""
    with opened_tokens(where) as place:
        place.revoke(token_id)
    if as_json:
        document: RevokedToken = {"ok": True, "id": token_id}
        say_json(document)
    else:
        say(f"Token {token_id} is revoked.")
