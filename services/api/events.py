"""The route that tells what happens as it happens: events of the account and signs of life, as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from services.api.access import Principal
from services.api.guard import asking
from services.api.platform import Platform
from services.api.problems import ProblemError
from services.api.views import shown_event, shown_heartbeat
from shared.contracts.errors import InfrastructureError, InputError
from shared.store.rows import HeartbeatRow
from shared.store.user_rows import NumberedEvent

MOST_STREAMS: Final = 50
_POLL_SECONDS: Final = 0.5
_QUIET_POLLS: Final = 30
_EVENTS_AT_ONCE: Final = 200
_LARGEST_ID: Final = 2**62
_EXAMPLE: Final = 'id: 12\nevent: trade.opened\ndata: {"type":"trade.opened","pair":"EUR_USD"}\n\n'


class EventsQuery(BaseModel):
    """Where to begin."""

    model_config = ConfigDict(extra="forbid")

    after: int | None = Field(
        default=None,
        ge=0,
        le=_LARGEST_ID,
        description="Begin after the event of this id; else with the next.",
    )


class _News(NamedTuple):
    events: Sequence[NumberedEvent]
    heartbeats: Sequence[HeartbeatRow]


class EventStreams:
    """The streams that are open, and their number."""

    def __init__(self, platform: Platform) -> None:
        """Begin with none."""
        self._platform = platform
        self._open = 0

    def opened(self, principal: Principal, after: int) -> AsyncIterator[str]:
        """Return the stream of what happens after an event; raise ProblemError where there are too many."""
        if self._open >= MOST_STREAMS:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "too many streams are open", {"Retry-After": "30"})
        return self._stream(principal, after)

    async def _stream(self, principal: Principal, after: int) -> AsyncIterator[str]:
        self._open += 1
        try:
            yield "retry: 2000\n\n"
            seen: dict[tuple[str, str], int] = {}
            quiet = 0
            while not self._platform.stopped():
                try:
                    news = await run_in_threadpool(self._news, principal, after)
                except InfrastructureError:
                    news = _News((), ())
                if news is None:
                    # Signed out, disabled, demoted or idle for too long: the browser is to ask anew.
                    return
                text = "".join(map(_event_text, news.events)) + _life_text(news.heartbeats, seen)
                after = news.events[-1].id if news.events else after
                quiet = 0 if text else quiet + 1
                if text or quiet % _QUIET_POLLS == 0:
                    yield text or ": quiet\n\n"
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            self._open -= 1

    def _news(self, principal: Principal, after: int) -> _News | None:
        with self._platform.store.reading() as reader:
            session = reader.session(principal.token_hash)
            if session is None or session.role != principal.role.word:
                return None
            return _News(reader.events_after(after, _EVENTS_AT_ONCE), reader.heartbeats())


def register_events(app: FastAPI, platform: Platform) -> None:
    """Add the route."""
    streams = EventStreams(platform)
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}}

    @app.get(
        "/api/events",
        tags=["platform"],
        summary="What happens to the account and signs of life, as it happens",
        response_class=StreamingResponse,
        responses={200: {"description": "Server-sent events", "content": content}},
    )
    async def events(
        request: Request, query: Annotated[EventsQuery, Query()], principal: Annotated[Principal, Depends(asking)]
    ) -> StreamingResponse:
        """Send each event of the account once, with its id; a browser that reconnects goes on after the last one."""
        after = _last_id(request) if query.after is None else query.after
        if after is None:
            after = await run_in_threadpool(_newest, platform)
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(streams.opened(principal, after), media_type="text/event-stream", headers=headers)


def _newest(platform: Platform) -> int:
    with platform.store.reading() as reader:
        return reader.newest_event_id()


def _last_id(request: Request) -> int | None:
    text = request.headers.get("last-event-id", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) > _LARGEST_ID:
        raise InputError("header.last-event-id: it must be the id of an event")
    return int(text)


def _event_text(event: NumberedEvent) -> str:
    shown = shown_event(event.row)
    return f"id: {event.id}\nevent: {shown.type}\ndata: {shown.model_dump_json()}\n\n"


def _life_text(rows: Sequence[HeartbeatRow], seen: dict[tuple[str, str], int]) -> str:
    """Return the signs of life that are new, and remember them."""
    fresh: list[dict[str, Any]] = []
    for row in rows:
        if seen.get((row.service, row.instance)) != row.seen_at:
            seen[row.service, row.instance] = row.seen_at
            fresh.append(shown_heartbeat(row).model_dump())
    return f"event: service.heartbeat\ndata: {json.dumps(fresh)}\n\n" if fresh else ""
