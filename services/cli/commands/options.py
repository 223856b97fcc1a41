"""The verbs `commands`: what operators ask of a running platform."""

from typing import Annotated, Final, TypeAlias

import typer

from services.cli.commands import job
from services.cli.groups import with_groups
from services.cli.options import AsJson, Between, Limit, Where

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
Reason: TypeAlias = Annotated[
    str | None, typer.Option("--reason", "-r", metavar="TEXT", help="Why, for the audit log. Default: none.")
]
Actor: TypeAlias = Annotated[
    str | None,
    typer.Option("--actor", metavar="NAME", help="Who sends the command. Default: the user of this machine."),
]


commands = typer.Typer(
    name="commands", help="Send commands to a running platform, and see what came of them.", no_args_is_help=True
)


@commands.command()
@with_groups
def send(
    *,
    type_name: CommandName,
    pair: AboutPair = None,
    mode: OnMode = "PAPER",
    reason: Reason = None,
    key: Key = None,
    expires: Expires = None,
    wait: Wait = True,
    timeout: Patience = 30,
    anyway: Anyway = False,
    actor: Actor = None,
    where: Where,
    as_json: AsJson = False,
) -> int:
    """Send a command to a platform, through its database or its API, and show what came of it, within about a second.

    Where nobody trades nothing is sent, and the exit code is 3.
    """
    named = {"mode": mode, "pair": pair, "reason": reason}
    payload = {name: value for name, value in named.items() if value is not None}
    return job.send(
        where,
        job.CommandRequest(type=type_name, payload=payload, key=key, expires=expires),
        actor=actor,
        manner=job.Manner(patience=timeout if wait else None, anyway=anyway),
        as_json=as_json,
    )


@commands.command("list")
@with_groups
def list_commands(*, limit: Limit = 20, between: Between, where: Where, as_json: AsJson = False) -> None:
    """Show the latest commands and what came of them."""
    job.list_commands(where, limit, between, as_json)


@commands.command()
@with_groups
def show(*, command_id: CommandId, where: Where, as_json: AsJson = False) -> None:
    """Show one command with its result and every audit record of it."""
    job.show(where, command_id, as_json)
