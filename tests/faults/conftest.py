"""The stage of the fault tests: servers that may be killed, shared by all of them, and the table of what came of it."""

import os
from typing import Final

import pytest

from tests.faults.outcome import Outcome, table_of
from tests.faults.stage import Stage
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitServer

# The rows of the fault matrix take minutes of real processes: FAULT_ROWS=1 plays them here, `make faults` all of them.
collect_ignore_glob = [] if os.environ.get("FAULT_ROWS") == "1" else ["test_rows_*.py"]

_OUTCOMES: Final = pytest.StashKey[list[Outcome]]()


@pytest.fixture(scope="session")
def stage(
    rabbit_server: RabbitServer,
    durable_postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
) -> Stage:
    """Return a broker and a database that waits for the disk, with what an undisturbed run comes to."""
    stage = Stage(rabbit_server, durable_postgres_server, tmp_path_factory.mktemp("faults"))
    pytestconfig.stash[_OUTCOMES] = stage.outcomes
    return stage


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was injected and what was lost, doubled and violated."""
    outcomes = terminalreporter.config.stash.get(_OUTCOMES, [])
    if outcomes:
        terminalreporter.section("faults")
        terminalreporter.write_line(table_of(outcomes))
