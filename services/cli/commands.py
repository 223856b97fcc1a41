"""The verbs `commands send`, `commands list` and `commands show`: what operators ask of a running platform."""

import getpass
import time
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from services.cli.options import AsJson, ConfigFile
from services.cli.output import Column, say, say_figures, say_json, say_table
from services.cli.stored import Database, Limit, reading

if TYPE_CHECKING:
    from shared.store.command_rows import CommandRow
    from shared.store.port import Store
    from shared.store.rows import AuditRow

DID_NOT_HOLD = 3
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
    typer.Option("--expires", metavar="SECONDS", min=1, help="Skip it unless an executor takes it in this time."),
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
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Send a command to the platform that trades in this database; its executor carries it out within a second."""
    import msgspec

    from services.cli.inputs import read_settings
    from services.cli.stored import database_url
    from shared.runtime.commands import send_command
    from shared.store.command_rows import NewCommand
    from shared.store.sql_store import open_store

    payload = {"mode": mode, **({} if pair is None else {"pair": pair})}
    now = int(time.time())
    store = open_store(database_url(database, read_settings(config)))
    try:
        with store.transaction() as transaction:
            body = msgspec.json.encode(payload).decode()
            lapses = None if expires is None else now + expires
            sent = send_command(transaction, NewCommand(now, actor or getpass.getuser(), type_name, body, key, lapses))
        row = _finished(store, sent.row, timeout) if wait else sent.row
    finally:
        store.close()
    if as_json:
        say_json({**command_fields(row), "is_new": sent.is_new})
    elif wait:
        say(f"Command {row.id} {row.type} {row.status}: {row.result_json}")
    else:
        known = "sent" if sent.is_new else f"was sent before, and is {row.status}"
        say(f"Command {row.id} {row.type} {known}; see `scalpbot commands show {row.id}`.")
    return DID_NOT_HOLD if wait and row.status != "SUCCEEDED" else 0


def list_commands(
    limit: Limit = 20, database: Database = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Show the latest commands and what became of them."""
    with reading(database, config) as reader:
        rows = [command_fields(row) for row in reader.commands(limit)]
    if as_json:
        say_json(rows)
        return
    names = ("id", "created_ts_utc", "actor", "type", "payload_json", "status", "finished_ts_utc")
    headings = ("id", "created", "actor", "type", "payload", "status", "finished")
    cells = [[_cell(row[name]) for name in names] for row in rows]
    say_table("Commands", [Column(heading, heading == "id") for heading in headings], cells)


def show(command_id: CommandId, database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show one command with its result and every audit record of it."""
    from shared.contracts.errors import InputError

    with reading(database, config) as reader:
        row = reader.command(command_id)
        trail = reader.audit_of_command(command_id)
    if row is None:
        raise InputError(f"there is no command {command_id}; see `scalpbot commands list`")
    if as_json:
        say_json({**command_fields(row), "audit": [_audit_fields(record) for record in trail]})
        return
    fields = command_fields(row)
    say_figures(f"Command {row.id}", [(name, _cell(value)) for name, value in fields.items() if name != "id"])
    columns = [Column("audit", True), Column("time"), Column("actor"), Column("action"), Column("detail")]
    cells = [(str(each.id), each.ts_utc, each.actor, each.action, each.detail_json) for each in trail]
    say_table("What it did", columns, cells)


def command_fields(row: "CommandRow") -> dict[str, Any]:
    """Return a command as named values, its payload and its result as they are stored and its result decoded."""
    import msgspec

    result = None if row.result_json is None else msgspec.json.decode(row.result_json)
    return {**row._asdict(), "result_json": result}


def _audit_fields(record: "AuditRow") -> dict[str, Any]:
    import msgspec

    return {
        "id": record.id,
        "ts_utc": record.ts_utc,
        "actor": record.actor,
        "action": record.action,
        "detail": msgspec.json.decode(record.detail_json),
    }


def _finished(store: "Store", row: "CommandRow", timeout: int) -> "CommandRow":
    """Return the command once it is done; raise InfrastructureError when that takes too long."""
    from shared.contracts.commands import UNFINISHED
    from shared.contracts.errors import InfrastructureError

    ends = time.monotonic() + timeout
    while row.status in UNFINISHED:
        if time.monotonic() > ends:
            raise InfrastructureError(
                f"command {row.id} still waits after {timeout} s: is a platform running on this database?"
            )
        time.sleep(_LOOK_AGAIN_SECONDS)
        with store.reading() as reader:
            row = reader.command(row.id) or row
    return row


def _cell(value: object) -> str:
    import json

    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value)
