"""The routes that tell how the platform and this process stand."""

from http import HTTPStatus

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.api.context import ApiContext
from services.api.shapes.ledger import shown_day
from services.api.shapes.status import Alive, Newest, PendingCommands, Ready, Status, shown_heartbeat, shown_hold
from shared.contracts.decimals import format_money
from shared.contracts.errors import InfrastructureError
from shared.contracts.granularity import granularity_name
from shared.contracts.runs import RunMode
from shared.contracts.times import format_time
from shared.runtime.commands import age_seconds
from shared.runtime.remembered import missing_rates, remembered_mode
from shared.runtime.streams import candles_not_traded
from shared.store.port import Reader


def register_status(app: FastAPI, context: ApiContext) -> None:
    """Add the route to the platform's status."""

    @app.get("/api/status", tags=["platform"], summary="Mode, account, feed, processes")
    def status() -> Status:
        with context.store.reading() as reader:
            return _status(reader, context.clock())


def register_health(app: FastAPI, context: ApiContext) -> None:
    """Add the routes for those who watch this process."""

    # Monitors and load balancers often ask for the head alone; the server leaves the body out.
    # Answered between all other work, however much of it waits for a thread.
    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", tags=["process"], summary="Is the process alive", responses={503: {"model": Alive}})
    async def healthz() -> JSONResponse:
        alive = context.health.alive()
        return JSONResponse(Alive(alive=alive).model_dump(), HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE)

    @app.head("/readyz", include_in_schema=False)
    @app.get("/readyz", tags=["process"], summary="Is the API ready", responses={503: {"model": Ready}})
    def readyz() -> JSONResponse:
        missing = dict.fromkeys(context.health.missing(), "unavailable")
        try:
            with context.store.reading() as reader:
                reader.heartbeats()
        except InfrastructureError:
            # What is wrong with it is for the log: anybody may ask here.
            missing["store"] = "unavailable"
        body = Ready(ready=not missing, waiting_for=missing).model_dump()
        return JSONResponse(body, HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK)

    @app.head("/metrics", include_in_schema=False)
    @app.get("/metrics", tags=["process"], summary="Figures for Prometheus", response_class=Response)
    def metrics() -> Response:
        return Response(generate_latest(context.health.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _status(reader: Reader, now: float) -> Status:
    points, days, trades = reader.equity(1), reader.daily_stats(1), reader.trades(1)
    events = reader.account_events(1)
    account = points[0] if points else events[0] if events else None
    day = days[0] if days else None
    newest = [_newest(pair, length, time, now) for pair, length, time in reader.newest_candles()]
    mode = remembered_mode(reader)
    return Status(
        mode=mode,
        balance=None if account is None else format_money(account.balance),
        equity=None if account is None else format_money(account.equity),
        halted=day is not None and day.halted,
        holds=[shown_hold(row) for row in reader.holds()],
        pending_commands=_pending(reader, now),
        trading_day=None if day is None else shown_day(day),
        open_positions=len(reader.positions()),
        trades=trades[0].number if trades else 0,
        candles_not_traded=candles_not_traded(reader),
        feed_age_seconds=min((each.age_seconds for each in newest), default=None) if mode == RunMode.LIVE else None,
        notes=missing_rates(reader),
        newest_candles=newest,
        heartbeats=[shown_heartbeat(row) for row in reader.heartbeats()],
    )


def _pending(reader: Reader, now: float) -> PendingCommands:
    waiting, oldest = reader.backlog()
    return PendingCommands(count=waiting, oldest_age_seconds=None if oldest is None else age_seconds(oldest, now))


def _newest(pair: str, granularity_seconds: int, time: int, now: float) -> Newest:
    closed = time + granularity_seconds
    return Newest(
        pair=pair,
        granularity=granularity_name(granularity_seconds),
        time=format_time(time),
        age_seconds=round(now - closed, 3),
    )
