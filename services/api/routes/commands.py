"""The routes for commands: they put what an operator asks for into the store, and an executor takes it from there."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import FastAPI, Header, Path, Query, Request, Response

from services.api.context import SERVICE, ApiContext
from services.api.problems import PROBLEM_CONTENT, ProblemError
from services.api.security.access import CONFIRMED_COMMANDS, Principal
from services.api.security.command_rate import refuse_too_many
from services.api.security.guard import CurrentPrincipal, require_confirmed
from services.api.shapes.audit import shown_audit
from services.api.shapes.commands import (
    Command,
    CommandOrder,
    CommandsQuery,
    SentCommand,
    TrailedCommand,
    shown_command,
)
from services.api.shapes.pages import Page, page
from services.api.threads import Threads, run_in
from shared.contracts.commands import KEY, LONGEST_KEY_CHARACTERS, command_of
from shared.contracts.errors import InputError
from shared.contracts.vocabulary import Role
from shared.runtime.commands import KeyTakenError, Sent, send_command
from shared.runtime.overview.trading import Trading, trading_now
from shared.store.rows.commands import CommandFilter, NewCommand

_LARGEST_ID: Final = 2**62
_LOCATION: Final = {"Location": {"description": "The address of the command.", "schema": {"type": "string"}}}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.OK.value: {"description": "Already sent with this key", "model": SentCommand, "headers": _LOCATION},
    HTTPStatus.ACCEPTED.value: {"description": "Accepted; it waits for an executor", "headers": _LOCATION},
    HTTPStatus.CONFLICT.value: {"description": "The key belongs to another command", "content": PROBLEM_CONTENT},
}
# Both paths are the same: under /api, and at the root as the first version had it.
_PREFIXES: Final = ("", "/api")

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=LONGEST_KEY_CHARACTERS,
        json_schema_extra={"pattern": f"^{KEY.pattern}$"},
        description="A command sent again with the same key within a day is not carried out again: the first one comes "
        "back. Only a pause or kill switch that is no longer in force is carried out again.",
    ),
]


def register_commands(app: FastAPI, context: ApiContext, threads: Threads) -> None:
    """Add the routes to send commands and to see what became of them."""

    async def send(
        request: Request, order: CommandOrder, response: Response, principal: CurrentPrincipal, key: Key = None
    ) -> SentCommand:
        """Send a command to be carried out once; its status shows how far it has come.

        KILL_SWITCH_OFF needs a session that was opened or confirmed within the last 5 minutes.
        """
        if order.type in CONFIRMED_COMMANDS:
            require_confirmed(request, principal)
        if key is not None and order.idempotency_key not in (None, key):
            raise InputError("the header Idempotency-Key and the body's idempotency_key differ; give one of them")
        sent, trading = await run_in(threads.commanding, _send, context, principal, order, key or order.idempotency_key)
        context.crash(f"{SERVICE}.command_committed")
        response.status_code = HTTPStatus.ACCEPTED if sent.is_new else HTTPStatus.OK
        response.headers["Location"] = f"{context.root_path}/api/commands/{sent.row.id}"
        return SentCommand(**shown_command(sent.row).model_dump(), repeated=not sent.is_new, trading=trading)

    for prefix in _PREFIXES:
        app.post(
            f"{prefix}/commands",
            tags=["commands"],
            summary="Send a command",
            status_code=HTTPStatus.ACCEPTED,
            responses=_ANSWERS,
            include_in_schema=bool(prefix),
        )(send)
    _register_reads(app, context)


def _register_reads(app: FastAPI, context: ApiContext) -> None:
    @app.get(
        "/api/commands", tags=["commands"], summary="Commands, newest first; from and to are about when they were sent"
    )
    def commands(query: Annotated[CommandsQuery, Query()]) -> Page[Command]:
        wanted = CommandFilter(query.type and query.type.value, query.status and query.status.value)
        with context.store.reading() as reader:
            rows = reader.list_commands(query.span(), wanted)
        return page(rows, query.limit, shown_command)

    @app.get("/api/commands/{command_id}", tags=["commands"], summary="One command, and what it did")
    def command(command_id: Annotated[int, Path(ge=1, le=_LARGEST_ID)], principal: CurrentPrincipal) -> TrailedCommand:
        """Operators see every audit record of it too."""
        with context.store.reading() as reader:
            row = reader.command(command_id)
            trail = reader.audit_of_command(command_id) if principal.role.includes(Role.OPERATOR) else None
        if row is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no command {command_id}")
        audit = None if trail is None else [shown_audit(record) for record in trail]
        return TrailedCommand(**shown_command(row).model_dump(), audit=audit)


def _send(context: ApiContext, principal: Principal, order: CommandOrder, key: str | None) -> tuple[Sent, Trading]:
    now, actor = int(context.clock()), principal.actor
    command = command_of(order.type, order.payload.mode, order.payload.pair, order.payload.reason)
    new = NewCommand(
        created_time=now,
        actor=actor,
        type=command.type,
        payload_json=order.payload.model_dump_json(exclude_none=True),
        idempotency_key=key,
        expires_time=None if order.expires_seconds is None else now + order.expires_seconds,
    )
    try:
        with context.store.transaction() as transaction:
            sent = send_command(transaction, command, new)
            if sent.is_new:
                refuse_too_many(transaction, principal.name, order.type, now)
            trading = trading_now(transaction, context.file_is_held())
            context.crash(f"{SERVICE}.before_commit")
    except KeyTakenError as taken:
        raise ProblemError(HTTPStatus.CONFLICT, str(taken)) from taken
    context.log.info("command sent", id=sent.row.id, type=sent.row.type, actor=actor, is_new=sent.is_new)
    return sent, trading
