"""`scalpbot up`: trade, and answer requests beside it."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from socket import gethostname, socket
from typing import Final, NamedTuple

from services.api.context import SERVICE
from services.api.process import context_of, recorded
from services.api.root_path import checked_root_path
from services.api.security.proxies import checked_proxies
from services.api.serving import first_password, served
from services.cli.configuration import read_settings
from services.cli.options import Logging
from services.cli.paper.screen import shown
from services.cli.process import Stop, own_process
from services.cli.run.api_job import listening_for, terms_of
from services.cli.run.asked import ApiOrder
from services.cli.telling import tell_events
from services.cli.terminal.output import note
from services.cli.terminal.streams import lasting_streams
from services.cli.trading import note_missing_rates, trading
from services.cli.up.feeds import chosen_feed, url_of
from services.cli.up.order import CandleOrder, HealthOrder
from services.executor.restored import proven
from services.platform.feeds import OandaFeed, TradedFeed
from services.platform.trading import TRADING, Audience, Run
from services.upkeep.retention import retained
from shared.runtime.logs import service_log, telling_of_libraries
from shared.runtime.monitor.server import HealthServer
from shared.store.engine import beside, shown_place, write_private

_PASSWORD_ENDING: Final = ".first-password"  # noqa: S105 - of a file


class Around(NamedTuple):
    """What is around the trading: the API, None without one, where health is told, and how much is logged."""

    api: ApiOrder | None
    health: HealthOrder
    logging: Logging


def run_up_verb(
    candles: CandleOrder, around: Around, *, database: str | None, config: Path | None, as_json: bool
) -> None:
    """Trade until the process is to stop, with an API beside it or without."""
    api = around.api
    if api is not None:
        proxies = list(checked_proxies(api.trusted_proxy or ()))
        api = replace(api, root_path=checked_root_path(api.root_path), trusted_proxy=proxies)
    settings = read_settings(config)
    url = url_of(candles.feed, database, settings)
    feed = chosen_feed(candles, settings, url)
    with ExitStack() as stack:
        stack.enter_context(lasting_streams())
        # Before anything is opened: a port that is taken is no reason to have traded.
        listener = None if api is None else stack.enter_context(listening_for(api))
        trader = stack.enter_context(trading(url, "up"))
        stop = stack.enter_context(Stop())
        # Of the many that follow each other on a database only the last is known.
        level = around.logging.level("warning" if sys.stderr.isatty() else "info")
        process = own_process("up", lambda: stop.asked, f"up-{gethostname()}", level=level)
        stack.enter_context(telling_of_libraries(process.log))
        run = Run(process, trader, settings)
        _tell_health(stack, run, around.health)
        feed.prepare(run)
        stack.enter_context(proven(process, trader.store, settings.runtime, url, trader.fence))
        stack.enter_context(retained(process, trader.store, settings.retention, trader.fence))
        if api is not None and listener is not None:
            run = stack.enter_context(_answering(run, url, api, listener, level))
        note_missing_rates(run.trader.store, settings, feed.pairs)
        done = _traded(feed, run, as_json)
        note(f"stopped after {done} new candles; everything is in {shown_place(url)}")


def _traded(feed: TradedFeed, run: Run, as_json: bool) -> int:
    """Trade while people are told, and return how many candles were new."""
    if not isinstance(feed, OandaFeed):
        return feed.trade(run, Audience(note, partial(tell_events, as_json=as_json), lambda _board: None))
    with shown(run.trader.store, feed.pairs, as_json) as (watch, tell):
        return feed.trade(run, Audience(note, tell, partial(watch, run.process)))


def _tell_health(stack: ExitStack, run: Run, health: HealthOrder) -> None:
    """Have the health of the process be told on a port of its own, where one is wanted."""
    run.process.health.waits_for(TRADING, "the platform has not begun to trade")
    if health.health_port is not None:
        server = stack.enter_context(
            HealthServer(run.process.health, run.process.log, health.health_host, health.health_port)
        )
        run.process.log.info("health is told", health_port=server.port)


@contextmanager
def _answering(run: Run, url: str, api: ApiOrder, listener: socket, level: str) -> Iterator[Run]:
    """Answer requests for as long as the block lasts; what is run in it stops where they can be answered no more."""
    process = run.process
    ours = replace(process, log=service_log(SERVICE, process.instance, level))
    context = context_of(ours, run.trader.store, run.settings, url, terms_of(api, listener, api.root_path))
    password = first_password(context, api.bootstrap_file)
    with recorded(context), served(context, listener, api.trusted_proxy or ()) as ended:
        address, port, *_ = listener.getsockname()
        note(f"API: {'https' if api.behind_tls else 'http'}://{_in_url(address)}:{port}{api.root_path}/api/status")
        _tell_password(password, url)
        yield run._replace(process=replace(process, stopped=lambda: process.stopped() or ended()))


def _tell_password(password: str | None, url: str) -> None:
    """Tell a new first password where a person reads it once; where a log may keep what is told, in a file."""
    kept = beside(url, _PASSWORD_ENDING) or Path(f"scalpbot{_PASSWORD_ENDING}")
    kept.unlink(missing_ok=True)
    if password is None:
        return
    if sys.stderr.isatty():
        note(f"sign in as admin with the password {password}")
    else:
        write_private(kept, f"{password}\n")
        note(f"sign in as admin with the password in {kept}, which you alone may read")
    place = shown_place(url)
    note(f"the next start sets another one, until you set your own: scalpbot users passwd admin --db {place}")


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
