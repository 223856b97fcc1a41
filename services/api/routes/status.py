"""The routes that tell how the platform and this process stand."""

from http import HTTPStatus

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.api.context import ApiContext
from services.api.shapes.ledger import shown_day
from services.api.shapes.status import Alive, Newest, PendingCommands, Ready, Status, shown_heartbeat, shown_hold
from services.api.threads import Threads, run_in
from shared.contracts.decimals import format_money
from shared.contracts.errors import InfrastructureError
from shared.contracts.granularity import granularity_name
from shared.contracts.runs import RunMode
from shared.contracts.times import format_time
from shared.runtime.commands import age_seconds
from shared.runtime.overview.account import account_overview
from shared.runtime.overview.trading import Trading, trading_now
from shared.runtime.remembered import missing_rates, remembered_mode
from shared.store.port import Reader


def register_status(app: FastAPI, context: ApiContext) -> None:
    """Add the route to the platform's status."""

    @app.get("/api/status", tags=["platform"], summary="Mode, account, feed, processes")
    def status() -> Status:
        with context.store.reading() as reader:
            return _status(reader, trading_now(reader, context.file_is_held()), context.clock())


def register_health(app: FastAPI, context: ApiContext, threads: Threads) -> None:
    """Add the routes for those who watch this process."""

    def heartbeats() -> None:
        with context.store.reading() as reader:
            reader.heartbeats()

    # Monitors and load balancers often ask for the head alone; the server leaves the body out.
    # Answered between all other work, however much of it waits for a thread.
    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", tags=["process"], summary="Is the process alive", responses={503: {"model": Alive}})
    async def healthz() -> JSONResponse:
        alive = context.health.alive()
        return JSONResponse(Alive(alive=alive).model_dump(), HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE)

    @app.head("/readyz", include_in_schema=False)
    @app.get("/readyz", tags=["process"], summary="Is the API ready", responses={503: {"model": Ready}})
    async def readyz() -> JSONResponse:
        missing = dict.fromkeys(context.health.missing(), "unavailable")
        try:
            await run_in(threads.watching, heartbeats)
        except InfrastructureError:
            # What is wrong with it is for the log: anybody may ask here.
            missing["store"] = "unavailable"
        body = Ready(ready=not missing, waiting_for=missing).model_dump()
        return JSONResponse(body, HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK)

    @app.head("/metrics", include_in_schema=False)
    @app.get("/metrics", tags=["process"], summary="Figures for Prometheus", response_class=Response)
    def metrics() -> Response:
        return Response(generate_latest(context.health.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _status(reader: Reader, trading: Trading, now: float) -> Status:
    account = account_overview(reader)
    oldest = account.oldest_command
    newest = [_newest(pair, length, time, now) for pair, length, time in reader.newest_candles()]
    mode = remembered_mode(reader)
    return Status(
        mode=mode,
        balance=None if account.balance is None else format_money(account.balance),
        equity=None if account.equity is None else format_money(account.equity),
        halted=account.halted,
        holds=[shown_hold(row) for row in account.holds],
        pending_commands=PendingCommands(
            count=account.commands_waiting, oldest_age_seconds=None if oldest is None else age_seconds(oldest, now)
        ),
        trading_day=None if account.day is None else shown_day(account.day),
        open_positions=account.open_positions,
        trades=account.trades,
        candles_not_traded=account.candles_waiting,
        trading=trading,
        feed_age_seconds=min((each.age_seconds for each in newest), default=None) if mode == RunMode.LIVE else None,
        notes=missing_rates(reader),
        newest_candles=newest,
        heartbeats=[shown_heartbeat(row) for row in reader.heartbeats()],
    )


def _newest(pair: str, granularity_seconds: int, time: int, now: float) -> Newest:
    closed = time + granularity_seconds
    return Newest(
        pair=pair,
        granularity=granularity_name(granularity_seconds),
        time=format_time(time),
        age_seconds=round(now - closed, 3),
    )
