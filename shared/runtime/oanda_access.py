"""A connection to OANDA, for verbs that look or fetch once and for processes that stop when they are told to."""

import random
import time
from collections.abc import Callable
from typing import Final

from shared.contracts.errors import InfrastructureError, InputError
from shared.oanda.connection import ANSWER_SECONDS, PATIENCE_SECONDS, OandaConnection
from shared.oanda.environment import Environment, OandaAddress, address_of
from shared.runtime.process import Process
from shared.settings.network import way_out
from shared.settings.settings import RuntimeSettings, Settings

# Candles are asked for without an account.
_NO_ACCOUNT: Final = ""


def given_address(runtime: RuntimeSettings) -> OandaAddress:
    """Return where the chosen environment is; raise InputError where a replaced address is no address."""
    return address_of(Environment(runtime.oanda_env), runtime.oanda_rest_url, runtime.oanda_stream_url)


def sleep_until_stopped(process: Process) -> Callable[[float], None]:
    """Return a sleep of a process, in seconds, that raises InfrastructureError once that is to stop."""

    def sleep(seconds: float) -> None:
        process.pause(seconds)
        if process.stopped():
            raise InfrastructureError("the process stops")

    return sleep


def connect(
    settings: Settings,
    clock: Callable[[], float],
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
    retrying: Callable[[str, float], None] = lambda _reason, _pause_seconds: None,
    answer_seconds: float = ANSWER_SECONDS,
    patience_seconds: float = PATIENCE_SECONDS,
) -> OandaConnection:
    """Return a connection with the token of the environment, and with its account where one is named; it may wait.

    Raises InputError where the token is missing or cannot be one, or the way out is none.
    """
    runtime = settings.runtime
    if runtime.oanda_api_key is None:
        raise InputError("environment: OANDA_API_KEY is not set; give the token of an OANDA account")
    account = runtime.oanda_account_id
    return OandaConnection(
        given_address(runtime),
        runtime.oanda_api_key.get_secret_value(),
        _NO_ACCOUNT if account is None else account.get_secret_value(),
        clock=clock,
        monotonic=monotonic,
        sleep=sleep,
        jitter=jitter,
        retrying=retrying,
        answer_seconds=answer_seconds,
        patience_seconds=patience_seconds,
        way=way_out(settings),
    )
