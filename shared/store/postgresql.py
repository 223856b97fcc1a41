"""PostgreSQL: connections with bounded waits that are replaced when they died, and turns between transactions."""

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select

STATEMENT_TIMEOUT_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 3.0
_LOCK_TIMEOUT_SECONDS: Final = 2.0
# A transaction whose process was paused holds its locks until the server ends it.
_IDLE_IN_TRANSACTION_TIMEOUT_SECONDS: Final = 15.0
_CONNECT_TIMEOUT_SECONDS: Final = 5
_POOL_TIMEOUT_SECONDS: Final = 5.0
_KEPT_CONNECTIONS: Final = 5
_CLIENT_NAME: Final = "scalpbot"

# An advisory lock has two numbers: ours, so that other programs' locks differ, and what it is about.
_TURNS: Final = 0x5CA1
SCHEMA_TURN: Final = 1
AUDIT_TURN: Final = 2
TRADE_TURN: Final = 3
SETTING_TURN: Final = 4
USER_TURN: Final = 5
# The first number of a lock that is shared by those who lean on a lease; the second is the lease.
LEASES_LEANT_ON: Final = 0x1EA5

# A peer that vanished without a word is noticed after about 20 s in silence, and after 10 s when something was sent.
_KEEPALIVES: Final = {
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


def open_postgresql(url: URL, statement_timeout_seconds: float) -> Engine:
    """Return an engine for `postgresql+psycopg`; what the URL says wins over the settings made here.

    A statement timeout of 0 stands for none. A server that does not even keep the timeout is given up a little later.
    """
    from shared.store import postgresql_driver as driver  # noqa: PLC0415 - slow, and only needed here

    answer_seconds = statement_timeout_seconds + _GRACE_SECONDS if statement_timeout_seconds else None
    timeouts = _timeouts(url, statement_timeout_seconds)

    def connect(_dialect: object, _record: object, arguments: Sequence[Any], options: dict[str, Any]) -> object:
        return driver.connect(arguments, options, answer_seconds, timeouts)

    engine = create_engine(
        url.difference_update_query(["options"]),
        isolation_level="READ COMMITTED",
        # The server may have been started anew since a connection was last used.
        pool_pre_ping=True,
        pool_size=_KEPT_CONNECTIONS,
        pool_timeout=_POOL_TIMEOUT_SECONDS,
        connect_args=_connect_arguments(url),
    )
    event.listen(engine, "do_connect", connect)
    event.listen(engine, "begin", driver.begin)
    event.listen(engine, "do_executemany", driver.copy_rows)
    return engine


def copy_statement(table: str, columns: Sequence[str]) -> str:
    """Return the statement that takes many rows at once, up to three times as quickly as an insert of each."""
    quoted = ", ".join(f'"{column}"' for column in columns)
    return f'COPY "{table}" ({quoted}) FROM STDIN'


def take_turns(connection: Connection, turn: int) -> None:
    """Let one transaction after the other go on from here: each then sees what the one before has committed."""
    connection.execute(select(func.pg_advisory_xact_lock(_TURNS, turn)))


def _timeouts(url: URL, statement_timeout_seconds: float) -> dict[str, int]:
    """Return the timeouts in milliseconds, without those that the URL sets by its `options`."""
    given = " ".join(_given_options(url))
    seconds = {
        "statement_timeout": statement_timeout_seconds,
        "lock_timeout": _LOCK_TIMEOUT_SECONDS,
        "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION_TIMEOUT_SECONDS,
    }
    return {name: int(value * 1_000) for name, value in seconds.items() if not re.search(rf"\b{name}\s*=", given)}


def _given_options(url: URL) -> Sequence[str]:
    given = url.query.get("options", ())
    return (given,) if isinstance(given, str) else given


def _connect_arguments(url: URL) -> dict[str, Any]:
    ours = {"application_name": _CLIENT_NAME, "connect_timeout": _CONNECT_TIMEOUT_SECONDS, **_KEEPALIVES}
    options = {"options": " ".join(_given_options(url))} if "options" in url.query else {}
    return {name: value for name, value in ours.items() if name not in url.query} | options
