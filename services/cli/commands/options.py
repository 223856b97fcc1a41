"""The verbs `commands`: what operators ask of a running platform."""

from typing import Annotated, Final, TypeAlias

import typer

from services.cli.commands import job
from services.cli.options import AsJson, ConfigFile, Database, Limit, Url, User, Where

_SQL_INTEGER: Final = 2**63 - 1

CommandName: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TYPE",
        help="PAUSE_PAIR, RESUME_PAIR, PAUSE_ALL, RESUME_ALL, CLOSE_PAIR, CLOSE_ALL, KILL_SWITCH_ON, KILL_SWITCH_OFF "
        "or RELOAD_PARAMS.",
    ),
]
CommandId: TypeAlias = Annotated[
    int, typer.Argument(metavar="ID", min=1, max=_SQL_INTEGER, help="Number of the command.")
]
AboutPair: TypeAlias = Annotated[
    str | None, typer.Option("--pair", metavar="PAIR", help="Pair, for a command about one pair.")
]
OnMode: TypeAlias = Annotated[
    str, typer.Option("--mode", metavar="PAPER|LIVE", help="Close positions on paper, or at the broker.")
]
Key: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--key", metavar="TEXT", help="Idempotency key: sending again with the same key returns the first command."
    ),
]
Expires: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--expires",
        metavar="SECONDS",
        min=1,
        help="Skip the command unless an executor takes it within this time. "
        "Default: 900; none for PAUSE_PAIR, PAUSE_ALL, KILL_SWITCH_ON, RELOAD_PARAMS.",
    ),
]
Wait: TypeAlias = Annotated[
    bool,
    typer.Option("--wait/--no-wait", help="Wait until it is finished; exit code 3 unless it was done. Default: wait."),
]
Anyway: TypeAlias = Annotated[
    bool, typer.Option("--anyway", help="Send it where nobody trades, too, for whoever trades there next.")
]
Patience: TypeAlias = Annotated[int, typer.Option("--timeout", metavar="SECONDS", min=1, help="How long to wait.")]
Actor: TypeAlias = Annotated[
    str | None,
    typer.Option("--actor", metavar="NAME", help="Who sends the command. Default: the user of this machine."),
]


commands = typer.Typer(
    name="commands", help="Send commands to a running platform, and see what came of them.", no_args_is_help=True
)


@commands.command()
def send(
    type_name: CommandName,
    pair: AboutPair = None,
    mode: OnMode = "PAPER",
    key: Key = None,
    expires: Expires = None,
    wait: Wait = True,
    timeout: Patience = 30,
    anyway: Anyway = False,
    actor: Actor = None,
    database: Database = None,
    url: Url = None,
    user: User = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Send a command to a platform, through its database or its API, and show what came of it, within about a second.

    Where nobody trades nothing is sent, and the exit code is 3.
    """
    return job.send(
        Where(database=database, config=config, url=url, user=user),
        job.CommandRequest(
            type=type_name, payload={"mode": mode, **({} if pair is None else {"pair": pair})}, key=key, expires=expires
        ),
        actor=actor,
        manner=job.Manner(patience=timeout if wait else None, anyway=anyway),
        as_json=as_json,
    )


@commands.command("list")
def list_commands(
    limit: Limit = 20,
    database: Database = None,
    url: Url = None,
    user: User = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the latest commands and what came of them."""
    job.list_commands(Where(database=database, config=config, url=url, user=user), limit, as_json)


@commands.command()
def show(
    command_id: CommandId,
    database: Database = None,
    url: Url = None,
    user: User = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show one command with its result and every audit record of it."""
    job.show(Where(database=database, config=config, url=url, user=user), command_id, as_json)
