"""`scalpbot commands`: sent, listed and shown, in a database or at an API."""

import json
import time
from typing import Any, Final

import msgspec

from services.cli.commands.places import CommandPlace, CommandRequest, opened_commands
from services.cli.options import Where
from services.cli.output import DID_NOT_HOLD, NO_VALUE, Column, note, say, say_figures, say_json, say_table
from shared.contracts.commands import UNFINISHED, CommandStatus
from shared.contracts.errors import InfrastructureError, InputError

__all__ = ["CommandRequest", "list_commands", "send", "show"]

_LOOK_AGAIN_SECONDS: Final = 0.2


def send(where: Where, order: CommandRequest, *, actor: str | None, patience: int | None, as_json: bool) -> int:
    """Send a command, wait `patience` seconds for its end unless that is None, and return the exit code."""
    with opened_commands(where, actor) as place:
        row, is_new = place.send(order)
        if patience is not None:
            row = _finished(place, row, patience)
    if as_json:
        say_json({**row, "is_new": is_new})
    elif patience is not None:
        say(f"Command {row['id']} {row['type']} {row['status']}: {msgspec.json.encode(row['result_json']).decode()}")
    else:
        known = "sent" if is_new else f"was sent before and is {row['status']}"
        say(f"Command {row['id']} {row['type']} {known}; see `scalpbot commands show {row['id']}`.")
    return DID_NOT_HOLD if patience is not None and row["status"] != CommandStatus.SUCCEEDED else 0


def list_commands(where: Where, limit: int, as_json: bool) -> None:
    """Print the latest commands."""
    with opened_commands(where) as place:
        rows = place.newest(limit)
    if as_json:
        say_json(rows)
        return
    names = ("id", "created_ts_utc", "actor", "type", "payload_json", "status", "finished_ts_utc")
    headings = ("id", "created", "actor", "type", "payload", "status", "finished")
    cells = [[_cell(row[name]) for name in names] for row in rows]
    say_table("Commands", [Column(heading, heading == "id") for heading in headings], cells)


def show(where: Where, command_id: int, as_json: bool) -> None:
    """Print one command and its audit records; raise InputError where there is none."""
    with opened_commands(where) as place:
        row = place.command(command_id)
    if row is None:
        raise InputError(f"there is no command {command_id}; see `scalpbot commands list`")
    if as_json:
        say_json(row)
        return
    figures = [(name, _cell(value)) for name, value in row.items() if name not in ("id", "audit")]
    say_figures(f"Command {command_id}", figures)
    if row["audit"] is None:
        note("Its audit records are shown only to users with the role operator.")
        return
    columns = [Column("audit", True), Column("time"), Column("actor"), Column("action"), Column("detail")]
    cells = [[_cell(each[name]) for name in ("id", "ts_utc", "actor", "action", "detail")] for each in row["audit"]]
    say_table("Audit records", columns, cells)


def _finished(place: CommandPlace, row: dict[str, Any], timeout: int) -> dict[str, Any]:
    """Return the command once it is done; raise InfrastructureError when that takes too long."""
    ends = time.monotonic() + timeout
    while row["status"] in UNFINISHED:
        if time.monotonic() > ends:
            why = (
                "it is still being executed"
                if row["status"] == CommandStatus.RUNNING
                else "is a platform running on this database?"
            )
            raise InfrastructureError(f"command {row['id']} is {row['status']} after {timeout} s: {why}")
        time.sleep(_LOOK_AGAIN_SECONDS)
        row = place.command(row["id"]) or row
    return {name: value for name, value in row.items() if name != "audit"}


def _cell(value: object) -> str:
    if value is None:
        return NO_VALUE
    return value if isinstance(value, str) else json.dumps(value)
