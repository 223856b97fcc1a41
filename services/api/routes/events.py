"""The route that tells what happens as it happens, as server-sent events.

It tells the events of the account, commands that ended, holds that began or ended, and signs of life.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from services.api.context import ApiContext
from services.api.held import HeldResponse
from services.api.problems import ProblemError
from services.api.security.access import Principal
from services.api.security.bearer import is_alive
from services.api.security.guard import CurrentPrincipal
from services.api.shapes.commands import shown_command, shown_hold_change
from services.api.shapes.ledger import shown_event
from services.api.shapes.status import shown_heartbeat
from services.api.shares import Place, Shares
from services.api.threads import Threads, run_in
from shared.contracts.errors import InfrastructureError, InputError
from shared.contracts.vocabulary import Role
from shared.runtime.commands import COMPLETED, HOLD_ENDED, HOLD_SET, SETTLED
from shared.store.port import Reader
from shared.store.rows.audit import AuditRow
from shared.store.rows.leases import HeartbeatRow

MOST_STREAMS: Final = 50
STREAMS_OF_A_SESSION: Final = 5
# The others are kept for those who may do something about what they see.
STREAMS_OF_VIEWERS: Final = 40
_POLL_SECONDS: Final = 0.5
_QUIET_POLLS: Final = 30
_AT_ONCE: Final = 200
_ID: Final = r"^(0|[0-9]{1,18}-[0-9]{1,18})$"
_TOLD: Final = (COMPLETED, SETTLED, HOLD_SET, HOLD_ENDED)
_FINISHED: Final = "command.finished"
_EXAMPLE: Final = 'id: 12-340\nevent: trade.opened\ndata: {"type":"trade.opened","pair":"EUR_USD"}\n\n'


class EventsQuery(BaseModel):
    """Where to begin."""

    model_config = ConfigDict(extra="forbid")

    after: str | None = Field(
        default=None,
        pattern=_ID,
        description="Start after the event with this id; 0 starts with the first event, nothing with the next one.",
        examples=["12-340"],
    )


class _Place(NamedTuple):
    """How far somebody was told: up to an event of the account, and up to an audit record."""

    event: int
    record: int


class _News(NamedTuple):
    text: str
    place: _Place
    heartbeats: Sequence[HeartbeatRow]


class EventStreams:
    """The streams that are open, and their number."""

    def __init__(self, context: ApiContext, threads: Threads) -> None:
        self._context = context
        self._threads = threads
        self._open = Shares(MOST_STREAMS, STREAMS_OF_A_SESSION)
        self._of_viewers = Shares(STREAMS_OF_VIEWERS, STREAMS_OF_A_SESSION)

    @contextmanager
    def place(self, principal: Principal) -> Iterator[None]:
        """Hold a place for as long as the block lasts; raise ProblemError where there is none."""
        places = [Place(self._open, principal.session_id)]
        if not principal.role.includes(Role.OPERATOR):
            places.append(Place(self._of_viewers, principal.session_id))
        with ExitStack() as held:
            for place in places:
                if not place.shares.take(place.whom):
                    raise ProblemError(
                        HTTPStatus.SERVICE_UNAVAILABLE, "too many streams are open", {"Retry-After": "30"}
                    )
                held.callback(place.give_back)
            yield

    async def stream(self, principal: Principal, after: _Place | None) -> StreamingResponse:
        """Return the stream of what happens after an event, or from now on."""
        if after is None:
            after = await run_in(self._threads.streaming, _newest, self._context)
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(self._told(principal, after), media_type="text/event-stream", headers=headers)

    async def _told(self, principal: Principal, after: _Place) -> AsyncIterator[str]:
        """Yield what happens after an event, until the session or the process ends."""
        yield "retry: 2000\n\n"
        seen: dict[tuple[str, str], int] = {}
        quiet = 0
        while not self._context.stopped():
            try:
                news = await run_in(self._threads.streaming, self._news, principal, after)
            except InfrastructureError:
                news = _News("", after, ())
            if news is None:
                # Signed out, disabled, demoted or idle for too long: the browser is to ask anew.
                return
            text = news.text + _life_text(news.heartbeats, seen)
            after = news.place
            quiet = 0 if text else quiet + 1
            if text or quiet % _QUIET_POLLS == 0:
                yield text or ": quiet\n\n"
            await asyncio.sleep(_POLL_SECONDS)

    def _news(self, principal: Principal, after: _Place) -> _News | None:
        with self._context.store.reading() as reader:
            if not is_alive(reader, principal):
                return None
            text, place = _what_happened(reader, after)
            return _News(text, place, reader.heartbeats())


def _what_happened(reader: Reader, after: _Place) -> tuple[str, _Place]:
    """Return what is to be told, each with the place after it as its id, and how far that goes."""
    texts: list[str] = []
    place = after
    # Asked first, so that no command is told of before what it did to the account.
    newest = reader.newest_audit_id()
    for event in reader.events_after(after.event, _AT_ONCE):
        place = place._replace(event=event.key)
        shown = shown_event(event.row)
        texts.append(_message(place, shown.type, shown.model_dump_json()))
    records = reader.audit_between(after.record, newest, _TOLD, _AT_ONCE)
    for record in records:
        place = place._replace(record=record.id)
        texts += _told_by(reader, record, place)
    return "".join(texts), place if len(records) == _AT_ONCE else place._replace(record=newest)


def _told_by(reader: Reader, record: AuditRow, place: _Place) -> Iterator[str]:
    """Yield what an audit record tells: a hold that changed, or a command that ended."""
    if record.action in (HOLD_SET, HOLD_ENDED):
        change = shown_hold_change(record)
        yield _message(place, change.type, change.model_dump_json())
    elif record.command_id is not None and (row := reader.command(record.command_id)) is not None:
        yield _message(place, _FINISHED, shown_command(row).model_dump_json())


def _message(place: _Place, event: str, data: str) -> str:
    return f"id: {place.event}-{place.record}\nevent: {event}\ndata: {data}\n\n"


def register_events(app: FastAPI, context: ApiContext, threads: Threads) -> None:
    """Add the route to the stream."""
    streams = EventStreams(context, threads)
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}}

    @app.get(
        "/api/events",
        tags=["platform"],
        summary="Live events: the account, commands, holds, heartbeats",
        response_class=StreamingResponse,
        responses={200: {"description": "Server-sent events", "content": content}},
    )
    async def events(request: Request, query: Annotated[EventsQuery, Query()], principal: CurrentPrincipal) -> Response:
        """Send each event once, with its id; a browser that reconnects continues after the last one."""
        # A browser that reconnects sends the address it was given; how far it has come is in the header.
        text = _last_id(request) or query.after
        after = None if text is None else _place(text)
        return HeldResponse(partial(streams.place, principal), partial(streams.stream, principal, after))


def _newest(context: ApiContext) -> _Place:
    with context.store.reading() as reader:
        return _Place(reader.newest_event_id(), reader.newest_audit_id())


def _last_id(request: Request) -> str | None:
    text = request.headers.get("last-event-id", "")
    if text and not re.fullmatch(_ID, text):
        raise InputError("header.last-event-id: it must be the id of an event")
    return text or None


def _place(text: str) -> _Place:
    event, _, record = text.partition("-")
    return _Place(int(event), int(record or 0))


def _life_text(rows: Sequence[HeartbeatRow], seen: dict[tuple[str, str], int]) -> str:
    """Return the signs of life that are new, and remember them."""
    fresh: list[dict[str, Any]] = []
    for row in rows:
        if seen.get((row.service, row.instance)) != row.seen_at:
            seen[row.service, row.instance] = row.seen_at
            fresh.append(shown_heartbeat(row).model_dump())
    return f"event: service.heartbeat\ndata: {json.dumps(fresh)}\n\n" if fresh else ""
