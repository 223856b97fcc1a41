"""Closing at OANDA on an operator's command, with a connection of its own; only where the environment allows it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from services.executor.commands.broker_closes import BrokerCloses
from services.executor.commands.oanda_broker import OandaBroker
from shared.oanda.environment import Environment, check_account_id
from shared.runtime.consumer import no_fence
from shared.runtime.oanda_access import connect, sleep_until_stopped
from shared.runtime.process import Process
from shared.settings.settings import Settings
from shared.store.port import Store, Transaction

# Short, so that a process can stop; whatever was cut off is tried again anyway.
_ANSWER_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 5.0


@contextmanager
def opened_closes(
    process: Process, settings: Settings, store: Store, fence: Callable[[Transaction], None] = no_fence
) -> Iterator[BrokerCloses | None]:
    """Prepare to close at OANDA, and log that; None without LIVE_TRADING_ENABLED or without an account.

    `fence` raises where this process may not close (any more). Raises InputError where the account cannot be one.
    """
    runtime = settings.runtime
    if not runtime.live_trading_enabled:
        yield None
        return
    if runtime.oanda_api_key is None or runtime.oanda_account_id is None:
        process.log.warning(
            "live trading is enabled without an account: commands with mode LIVE are skipped",
            reason="OANDA_API_KEY and OANDA_ACCOUNT_ID are not both set",
        )
        yield None
        return
    check_account_id(runtime.oanda_account_id.get_secret_value(), Environment(runtime.oanda_env))
    with connect(
        settings,
        process.clock,
        monotonic=process.monotonic,
        sleep=sleep_until_stopped(process),
        jitter=process.rng.random,
        answer_seconds=_ANSWER_SECONDS,
        patience_seconds=_PATIENCE_SECONDS,
    ) as connection:
        broker = OandaBroker(connection, store, enabled=True, crash=process.crash)
        closes = BrokerCloses(
            broker, process.log, process.monotonic, lambda: f"{process.rng.getrandbits(64):016x}", fence, process.crash
        )
        process.log.warning(
            "live trading is enabled: commands with mode LIVE close positions at OANDA", environment=runtime.oanda_env
        )
        try:
            yield closes
        finally:
            closes.stop()
