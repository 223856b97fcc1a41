"""A private PostgreSQL server with what tests ask of it, whatever it runs on."""

from enum import Enum
from typing import Final, NamedTuple, Protocol
from uuid import uuid4

import psycopg
from psycopg import sql

USER: Final = "postgres"
_MAINTENANCE_DATABASE: Final = "postgres"
_CONNECT_SECONDS: Final = 5


class PostgresAddress(NamedTuple):
    """Where a server listens, and the password of its owner; none where it trusts everybody."""

    host: str
    port: int
    password: str | None


class Stop(Enum):
    """How a server is told to stop: fast ends transactions and writes all to disk, immediate leaves it to recovery."""

    FAST = "fast"
    IMMEDIATE = "immediate"


class PostgresNode(Protocol):
    """What a server runs on: processes of this machine or a container."""

    @property
    def address(self) -> PostgresAddress:
        """Return where it listens; the same after every start."""

    def is_running(self) -> bool:
        """Return whether it runs, paused or not."""

    def start(self) -> None:
        """Start it and return when it answers; raises ServerError."""

    def stop(self, how: Stop) -> None:
        """Stop it and return when it has stopped."""

    def kill(self) -> None:
        """End all its processes without warning."""

    def pause(self) -> None:
        """Freeze all its processes: connections stay open and nothing answers."""

    def resume(self) -> None:
        """Let its processes go on."""

    def close(self) -> None:
        """End it and delete all it has stored."""


class PostgresServer:
    """One server for tests; data and port outlive everything but `close`."""

    def __init__(self, node: PostgresNode) -> None:
        """Take a node that may or may not run already."""
        self._node = node
        self._paused = False

    def __enter__(self) -> "PostgresServer":
        """Start the server unless it runs already."""
        self.make_usable()
        return self

    def __exit__(self, *_fault: object) -> None:
        """Throw the server away."""
        self.close()

    def url(self, database: str = _MAINTENANCE_DATABASE) -> str:
        """Return the SQLAlchemy URL of a database, through psycopg, for the owner of everything."""
        return f"postgresql+psycopg://{self._authority}/{database}"

    def connection_url(self, database: str = _MAINTENANCE_DATABASE) -> str:
        """Return the URL of a database for PostgreSQL's own programs."""
        return f"postgresql://{self._authority}/{database}"

    def is_running(self) -> bool:
        """Return whether the server runs, paused or not."""
        return self._node.is_running()

    def start(self) -> None:
        """Start the server unless it runs already, and return when it answers; raises ServerError."""
        if not self._node.is_running():
            self._node.start()

    def stop(self, how: Stop = Stop.FAST) -> None:
        """Stop the server; what was committed is kept either way."""
        self.resume()
        self._node.stop(how)

    def kill(self) -> None:
        """Kill all processes of the server with SIGKILL, also while it is paused."""
        self._node.kill()
        self._paused = False

    def restart(self, how: Stop = Stop.FAST) -> None:
        """Stop the server and start it again."""
        self.stop(how)
        self.start()

    def pause(self) -> None:
        """Freeze the server with SIGSTOP: connections stay open and nothing answers."""
        self._node.pause()
        self._paused = True

    def resume(self) -> None:
        """Let a frozen server go on."""
        if self._paused:
            self._node.resume()
            self._paused = False

    def make_usable(self) -> None:
        """Mend what an earlier test may have left behind: a paused server, or one that does not run."""
        self.resume()
        self.start()

    def close(self) -> None:
        """End the server, whatever its state, and delete all it has stored."""
        self._node.close()

    def new_database(self, template: str = "template1") -> str:
        """Make a database that is nobody else's as a copy of another, and return its name for `url`."""
        name = f"test_{uuid4().hex[:12]}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        self._administer(statement)
        return name

    def delete_database(self, name: str) -> None:
        """Delete a database, also while somebody is connected to it."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    @property
    def _authority(self) -> str:
        address = self._node.address
        identity = USER if address.password is None else f"{USER}:{address.password}"
        return f"{identity}@{address.host}:{address.port}"

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.connection_url(), autocommit=True, connect_timeout=_CONNECT_SECONDS) as connection:
            connection.execute(statement)


def answers(address: PostgresAddress) -> bool:
    """Return whether a server lets its owner in."""
    try:
        psycopg.connect(
            host=address.host,
            port=address.port,
            user=USER,
            password=address.password,
            dbname=_MAINTENANCE_DATABASE,
            connect_timeout=_CONNECT_SECONDS,
        ).close()
    except psycopg.OperationalError:
        return False
    return True
