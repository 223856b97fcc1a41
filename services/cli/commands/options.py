"""The verbs `commands send`, `commands list` and `commands show`: what operators ask of a running platform."""

import time
from typing import Annotated, Any, TypeAlias

import typer

from services.cli.commands.places import CommandPlace, Order, opened_commands
from services.cli.options import AsJson, ConfigFile
from services.cli.output import DID_NOT_HOLD, Column, note, say, say_figures, say_json, say_table
from services.cli.places import Where
from services.cli.remote import Url, User
from services.cli.stored import Database, Limit

_LOOK_AGAIN_SECONDS = 0.2
_SQL_INTEGER = 2**63 - 1

CommandName: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TYPE",
        help="PAUSE_PAIR, RESUME_PAIR, PAUSE_ALL, RESUME_ALL, CLOSE_PAIR, CLOSE_ALL, KILL_SWITCH_ON, KILL_SWITCH_OFF "
        "or RELOAD_PARAMS.",
    ),
]
CommandId: TypeAlias = Annotated[int, typer.Argument(metavar="ID", min=1, max=_SQL_INTEGER, help="Which command.")]
AboutPair: TypeAlias = Annotated[
    str | None, typer.Option("--pair", metavar="PAIR", help="The pair of a command about one pair.")
]
OnMode: TypeAlias = Annotated[
    str, typer.Option("--mode", metavar="PAPER|LIVE", help="Close positions on paper, or at the broker.")
]
Key: TypeAlias = Annotated[
    str | None,
    typer.Option("--key", metavar="TEXT", help="Idempotency key: sent again with it, the same command comes back."),
]
Expires: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--expires",
        metavar="SECONDS",
        min=1,
        help="Skip it unless an executor takes it in this time.",
    ),
]
Wait: TypeAlias = Annotated[
    bool, typer.Option("--wait", help="Wait until it is done; exit code 3 unless it succeeded.")
]
Patience: TypeAlias = Annotated[int, typer.Option("--timeout", metavar="SECONDS", min=1, help="How long to wait.")]
Actor: TypeAlias = Annotated[
    str | None, typer.Option("--actor", metavar="NAME", help="Who asks for it. Default: the user of this machine.")
]


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    commands = typer.Typer(help="Ask something of a running platform, and see what became of it.", no_args_is_help=True)
    commands.command("send")(send)
    commands.command("list")(list_commands)
    commands.command("show")(show)
    program.add_typer(commands, name="commands")


def send(
    type_name: CommandName,
    pair: AboutPair = None,
    mode: OnMode = "PAPER",
    key: Key = None,
    expires: Expires = None,
    wait: Wait = False,
    timeout: Patience = 30,
    actor: Actor = None,
    database: Database = None,
    url: Url = None,
    user: User = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Send a command to a platform, by its database or its API; its executor carries it out within a second."""
    import msgspec

    payload = {"mode": mode, **({} if pair is None else {"pair": pair})}
    with opened_commands(Where(database, config, url, user), actor) as place:
        row, is_new = place.send(Order(type_name, payload, key, expires))
        if wait:
            row = _finished(place, row, timeout)
    if as_json:
        say_json({**row, "is_new": is_new})
    elif wait:
        say(f"Command {row['id']} {row['type']} {row['status']}: {msgspec.json.encode(row['result_json']).decode()}")
    else:
        known = "sent" if is_new else f"was sent before, and is {row['status']}"
        say(f"Command {row['id']} {row['type']} {known}; see `scalpbot commands show {row['id']}`.")
    return DID_NOT_HOLD if wait and row["status"] != "SUCCEEDED" else 0


def list_commands(
    limit: Limit = 20,
    database: Database = None,
    url: Url = None,
    user: User = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the latest commands and what became of them."""
    with opened_commands(Where(database, config, url, user)) as place:
        rows = place.newest(limit)
    if as_json:
        say_json(rows)
        return
    names = ("id", "created_ts_utc", "actor", "type", "payload_json", "status", "finished_ts_utc")
    headings = ("id", "created", "actor", "type", "payload", "status", "finished")
    cells = [[_cell(row[name]) for name in names] for row in rows]
    say_table("Commands", [Column(heading, heading == "id") for heading in headings], cells)


def show(
    command_id: CommandId,
    database: Database = None,
    url: Url = None,
    user: User = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show one command with its result and every audit record of it."""
    from shared.contracts.errors import InputError

    with opened_commands(Where(database, config, url, user)) as place:
        row = place.command(command_id)
    if row is None:
        raise InputError(f"there is no command {command_id}; see `scalpbot commands list`")
    if as_json:
        say_json(row)
        return
    figures = [(name, _cell(value)) for name, value in row.items() if name not in ("id", "audit")]
    say_figures(f"Command {command_id}", figures)
    if row["audit"] is None:
        note("Its audit records take the role operator.")
        return
    columns = [Column("audit", True), Column("time"), Column("actor"), Column("action"), Column("detail")]
    cells = [[_cell(each[name]) for name in ("id", "ts_utc", "actor", "action", "detail")] for each in row["audit"]]
    say_table("What it did", columns, cells)


def _finished(place: CommandPlace, row: dict[str, Any], timeout: int) -> dict[str, Any]:
    """Return the command once it is done; raise InfrastructureError when that takes too long."""
    from shared.contracts.commands import UNFINISHED, CommandStatus
    from shared.contracts.errors import InfrastructureError

    ends = time.monotonic() + timeout
    while row["status"] in UNFINISHED:
        if time.monotonic() > ends:
            why = "it goes on" if row["status"] == CommandStatus.RUNNING else "is a platform running on this database?"
            raise InfrastructureError(f"command {row['id']} is {row['status']} after {timeout} s: {why}")
        time.sleep(_LOOK_AGAIN_SECONDS)
        row = place.command(row["id"]) or row
    return {name: value for name, value in row.items() if name != "audit"}


def _cell(value: object) -> str:
    import json

    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value)
