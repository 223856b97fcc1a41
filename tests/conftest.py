"""What all tests share: the examples of property tests are the same in every run, unless exploring is asked for.

`HYPOTHESIS_PROFILE=explore make test` draws new examples, more of them, and prints how to reproduce what it finds.

Tests that need RabbitMQ or PostgreSQL ask for the fixtures below and get private servers, started when the first test
asks: containers where a Docker engine answers, else programs of this machine; the environment variable
`SCALP_BOT_TEST_SERVERS` forces a way: docker, local or none. The last lines of a run say what could not run and why.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

import pytest
from hypothesis import settings

from shared.contracts import concealed
from shared.store.schema import upgrade
from tests.faults.outcome import REPORTED, Outcome, table_of
from tests.servers.choice import SWITCH, is_forced, open_postgres_server, open_rabbit_server
from tests.servers.errors import UnavailableError
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitServer

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None, print_blob=True)
settings.register_profile("explore", max_examples=1_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# Taken out of the environment: the program refuses variables of its own prefix that it does not know.
_CHOSEN_WAY = os.environ.pop(SWITCH, "")


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each test knowing no secrets: what one has read must not be masked in the next."""
    monkeypatch.setattr(concealed, "_OF_THIS_PROCESS", concealed.Concealment())


Server = TypeVar("Server", RabbitServer, PostgresServer)


@pytest.fixture(scope="session")
def rabbit_server() -> Iterator[RabbitServer]:
    """Return the broker of this run, which tests may pause and kill if they bring it back."""
    with _opened("RabbitMQ", open_rabbit_server) as server:
        yield server


@pytest.fixture
def vhost_url(rabbit_server: RabbitServer) -> Iterator[str]:
    """Return the AMQP URL of a vhost that only this test uses."""
    rabbit_server.make_usable()
    name = rabbit_server.new_vhost()
    yield rabbit_server.url(name)
    rabbit_server.make_usable()
    rabbit_server.retire_vhost(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Return the database server of this run; it is quick because it does not wait for the disk."""
    with _opened("PostgreSQL", open_postgres_server) as server:
        yield server


@pytest.fixture(scope="session")
def durable_postgres_server() -> Iterator[PostgresServer]:
    """Return a database server that waits for the disk at each commit, for tests that kill it."""
    with _opened("PostgreSQL", lambda switch: open_postgres_server(switch, survives_power_cut=True)) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """Return the name of a database with the current schema and no rows, to copy."""
    name = postgres_server.new_database()
    upgrade(postgres_server.url(name))
    return name


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Return the URL of a database that only this test uses, with the current schema."""
    yield from _database(postgres_server, postgres_template)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Return the URL of a database that only this test uses, without any schema."""
    yield from _database(postgres_server)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the broker had to say."""
    report = yield
    server = item.funcargs.get("rabbit_server") if isinstance(item, pytest.Function) else None
    if report.failed and isinstance(server, RabbitServer):
        report.sections.append(("End of RabbitMQ's log", server.log_end()))
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None, None, None]:
    """Print what the faults have done, and name what was left out, one line for each reason, after everything else."""
    yield
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    reported = [
        found for report in reports for found in getattr(report, "user_properties", ()) if report.when == "teardown"
    ]
    outcomes = [Outcome(**outcome) for name, outcome in reported if name == REPORTED]
    if outcomes:
        terminalreporter.section("faults")
        terminalreporter.write_line(table_of(outcomes))
    left_out: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ").removeprefix("left out: ")
            left_out[reason][report.nodeid.partition("::")[0]] += 1
    for reason, files in sorted(left_out.items()):
        where = ", ".join(f"{count} in {file}" for file, count in sorted(files.items()))
        terminalreporter.write_line(f"left out: {reason}: {where}")


def _opened(name: str, opener: Callable[[str], Server]) -> Server:
    switch = _CHOSEN_WAY
    try:
        return opener(switch)
    except UnavailableError as fault:
        reason = str(fault)
    if is_forced(switch):
        pytest.fail(f"{name} cannot run as {SWITCH}={switch} asks: {reason}", pytrace=False)
    pytest.skip(f"left out: {name} cannot run here: {reason}")


def _database(server: PostgresServer, template: str = "template1") -> Iterator[str]:
    server.make_usable()
    name = server.new_database(template)
    yield server.url(name)
    server.make_usable()
    server.delete_database(name)
