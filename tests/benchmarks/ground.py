"""Private servers that keep what they confirm through a power cut, and a fresh database and vhost for each run."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, NamedTuple

import psycopg

from shared.store.schema import upgrade
from tests.fixtures.declared import declare
from tests.servers.choice import SWITCH, open_postgres_server, open_rabbit_server
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitServer


class Ground(NamedTuple):
    """A database and a vhost that only one run uses."""

    store_url: str
    broker_url: str

    @property
    def surroundings(self) -> dict[str, str]:
        """Return the environment of a program that works here and knows of no drivers."""
        return {**os.environ, "DATABASE_URL": self.database, "RABBITMQ_URL": self.broker_url}

    def execute(self, statement: str) -> None:
        """Run a statement that gives nothing back."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute(statement.encode())

    def rows(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """Return what a statement gives."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    @property
    def database(self) -> str:
        """Return the address of the database as its own driver takes it."""
        return self.store_url.replace("+psycopg", "")


class Servers:
    """A broker and a database server; the database server knows when each row was committed."""

    def __init__(self, rabbit: RabbitServer, postgres: PostgresServer) -> None:
        """Take servers that run."""
        self._rabbit = rabbit
        self._postgres = postgres
        Ground(postgres.url(), "").execute("ALTER SYSTEM SET track_commit_timestamp = on")
        postgres.restart()
        self._template = postgres.new_database()
        upgrade(postgres.url(self._template))

    @property
    def rabbit(self) -> RabbitServer:
        """Return the broker, which may be stopped."""
        return self._rabbit

    def new_ground(self) -> Ground:
        """Return a database with the platform's schema and a vhost with its queues."""
        ground = Ground(
            self._postgres.url(self._postgres.new_database(self._template)), self._rabbit.url(self._rabbit.new_vhost())
        )
        declare(ground.broker_url)
        return ground


@contextmanager
def servers() -> Iterator[Servers]:
    """Start servers, and throw them away in the end; raises UnavailableError or ServerError."""
    # Without the package for containers, a Docker engine is of no use.
    switch = os.environ.get(SWITCH, "") or ("" if find_spec("testcontainers") else "local")
    with open_rabbit_server(switch) as rabbit, open_postgres_server(switch, survives_power_cut=True) as postgres:
        yield Servers(rabbit, postgres)
