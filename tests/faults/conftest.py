"""The stage of the fault tests: servers that may be killed, shared by all of them, and the table of what came of it."""

from collections.abc import Iterator
from dataclasses import asdict

import pytest

from tests.faults.equipment.small_disk import SmallDisk
from tests.faults.outcome import REPORTED
from tests.faults.played.database import DISK_MEGABYTES
from tests.faults.stage import Stage
from tests.servers.errors import UnavailableError
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitServer


@pytest.fixture(scope="session", name="_stage")
def session_stage(
    rabbit_server: RabbitServer, durable_postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Stage:
    """Return a broker and a database that waits for the disk, with what an undisturbed run comes to."""
    return Stage(rabbit_server, durable_postgres_server, tmp_path_factory.mktemp("faults"))


@pytest.fixture
def stage(_stage: Stage, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Return the stage, and report what is played on it."""
    played = len(_stage.outcomes)
    yield _stage
    request.node.user_properties += [(REPORTED, asdict(outcome)) for outcome in _stage.outcomes[played:]]


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """Return a disk that may be filled."""
    try:
        disk = SmallDisk(DISK_MEGABYTES)
    except UnavailableError as fault:
        pytest.skip(f"left out: {fault}")
    with disk:
        yield disk
