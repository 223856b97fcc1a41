"""`scalpbot commands`: sent, listed and shown, in a database or at an API."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import typer

from services.cli.commands.places import CommandPlace, CommandRequest, opened_commands
from services.cli.commands.told import nothing_left_to_do, outcome_words, will_words
from services.cli.database import shown_here, url_read
from services.cli.documents.commands import Command, TrailedCommand
from services.cli.options import Between, Where
from services.cli.terminal.output import DID_NOT_HOLD, NO_VALUE, note, say, say_figures, say_json
from services.cli.terminal.progress import busy
from services.cli.terminal.tables import BAD, LATE, AnyCell, Column, say_table, time_cell, word_cell
from services.cli.times import span_of
from shared.contracts.commands import UNFINISHED, CommandStatus, parse_command
from shared.contracts.errors import InfrastructureError, InputError
from shared.runtime.overview.trading import Trading
from shared.store.engine import shown_place
from shared.store.rows.listing import Span
from shared.store.traded_here import traded_from

__all__ = ["CommandRequest", "Manner", "list_commands", "send", "show"]

_LOOK_AGAIN_SECONDS: Final = 0.2
_STATUS_STYLES: Final = {"FAILED": BAD, "SKIPPED": LATE, "PENDING": LATE, "RUNNING": LATE}


class Manner(NamedTuple):
    """How a command is sent: with `patience` seconds for its end, None for none, and `anyway` where nobody trades.

    Where `ask` is set, a person at a terminal is asked whether to go on.
    """

    patience: int | None
    anyway: bool
    ask: bool = False


def send(where: Where, order: CommandRequest, *, actor: str | None, manner: Manner, as_json: bool) -> int:
    """Send a command to whoever trades, wait for its end, and return the exit code."""
    command = parse_command(order.type, msgspec.json.encode(order.payload).decode())
    patience = manner.patience
    with opened_commands(where, actor) as place:
        if place.trading() is Trading.NOBODY:
            if not manner.anyway:
                return _refused(where, order, as_json)
            # It waits for whoever trades next.
            patience = None
        will = will_words(command.type, command.pair)
        if manner.ask and sys.stdin.isatty():
            typer.confirm(f"{will} Go on?", abort=True, err=True)
        row, is_new = place.send(order)
        note(will)
        if patience is not None:
            with busy("waiting until it is done"):
                row = _finished(place, row, patience)
    done = patience is None or row["status"] == CommandStatus.SUCCEEDED or nothing_left_to_do(row)
    if as_json:
        say_json({"ok": done, "sent": True, **row, "is_new": is_new})
    elif patience is not None:
        say(outcome_words(row))
    else:
        known = "sent" if is_new else f"was sent before and is {row['status']}"
        say(f"Command {row['id']} {row['type']} {known}; see `scalpbot commands show {row['id']}`.")
    return 0 if done else DID_NOT_HOLD


def _refused(where: Where, order: CommandRequest, as_json: bool) -> int:
    """Say that nobody would carry the command out, and where somebody would."""
    place = where.url or shown_place(url_read(where))
    sentence = f"nobody trades in {place} now, so that nobody would carry out {order.type}: it was not sent"
    others = [] if where.url else [shown_here(path) for path in traded_from(Path.cwd())]
    if others:
        sentence += f". A platform trades in {' and '.join(others)}: name it with --db"
    sentence += ". With --anyway it waits for whoever trades there next"
    if as_json:
        say_json({"ok": False, "sent": False, "reason": sentence})
    else:
        note(f"{sentence}.")
    return DID_NOT_HOLD


def list_commands(where: Where, limit: int, between: Between, as_json: bool) -> None:
    """Print the latest commands."""
    span = span_of(between, limit, time.time()) or Span(limit)
    with opened_commands(where) as place:
        rows = place.newest(span)
    if as_json:
        say_json(rows)
        return
    names = ("id", "created_time", "actor", "type", "payload", "status", "finished_time")
    columns = [
        Column("id", True),
        Column("sent"),
        Column("actor", cut=True),
        Column("type"),
        Column("payload", cut=True, leave=1),
        Column("status"),
        Column("finished", leave=2),
    ]
    cells = [_cells(row, names) for row in rows]
    say_table("Commands (times UTC)", columns, cells, "`scalpbot commands show ID` has all of one.")


def show(where: Where, command_id: int, as_json: bool) -> None:
    """Print one command and its audit records; raise InputError where there is none."""
    with opened_commands(where) as place:
        found = place.command(command_id)
    if found is None:
        raise InputError(f"there is no command {command_id}; see `scalpbot commands list`")
    if as_json:
        document: TrailedCommand = {"ok": True, **found.command, "audit": found.audit}
        say_json(document)
        return
    say_figures(f"Command {command_id}", _figures(found.command))
    if found.audit is None:
        note("Its audit records are shown only to users with the role operator.")
        return
    columns = [
        Column("audit", True),
        Column("time"),
        Column("actor", cut=True),
        Column("action"),
        Column("detail", flow=True),
    ]
    names = ("id", "time", "actor", "action", "detail")
    say_table("Audit records", columns, [_cells(each, names) for each in found.audit])


def _finished(place: CommandPlace, row: Command, timeout: int) -> Command:
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
        found = place.command(row["id"])
        row = row if found is None else found.command
    return row


def _figures(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is known of a command; what plain SQL wrote instead of JSON stands for it."""
    for name, value in row.items():
        if not name.endswith("_text") and name != "id":
            yield name.replace("_", " "), _value(row, name, value)


def _cells(row: Mapping[str, Any], names: Sequence[str]) -> list[AnyCell]:
    return [_shown(name, _value(row, name, row[name]), row[name] is not None) for name in names]


def _shown(name: str, text: str, known: bool) -> AnyCell:
    return time_cell(text) if name.endswith("time") and known else word_cell(text, _STATUS_STYLES)


def _value(row: Mapping[str, Any], name: str, value: object) -> str:
    return _cell(row.get(f"{name}_text") if value is None else value)


def _cell(value: object) -> str:
    match value:
        case None:
            return NO_VALUE
        case str():
            return value
        case dict() if all(isinstance(each, str | None) for each in value.values()):
            return ", ".join(f"{name} {each}" for name, each in value.items() if each is not None) or NO_VALUE
        case _:
            return json.dumps(value)
