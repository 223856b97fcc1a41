"""Choose what a private server runs on: a Docker engine that answers, else programs of this machine."""

from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

from tests.servers.docker_engine import require_engine
from tests.servers.errors import UnavailableError
from tests.servers.postgres import PostgresNode, PostgresServer
from tests.servers.postgres_local import LocalPostgresNode
from tests.servers.programs import postgres_programs, rabbit_programs
from tests.servers.rabbitmq import RabbitNode, RabbitServer
from tests.servers.rabbitmq_local import LocalRabbitNode

# The environment variable that forces a way: docker, local or none.
SWITCH: Final = "SCALP_BOT_TEST_SERVERS"

Node = TypeVar("Node", RabbitNode, PostgresNode)


class Way(Enum):
    """What servers can run on."""

    DOCKER = "docker"
    LOCAL = "local"


def is_forced(switch: str) -> bool:
    """Return whether the switch asks for one way, so that it is a fault if that way is closed."""
    return switch in {way.value for way in Way}


def open_rabbit_server(switch: str) -> RabbitServer:
    """Return a broker that runs; raises UnavailableError with every reason, ServerError if it could not start."""
    node: RabbitNode = _started(switch, {Way.DOCKER: _rabbit_container, Way.LOCAL: _local_rabbit})
    return RabbitServer(node)


def open_postgres_server(switch: str, *, survives_power_cut: bool = False) -> PostgresServer:
    """Return a database server that runs; raises as `open_rabbit_server` does."""
    ways = {
        Way.DOCKER: lambda: _postgres_container(survives_power_cut),
        Way.LOCAL: lambda: _local_postgres(survives_power_cut),
    }
    node: PostgresNode = _started(switch, ways)
    return PostgresServer(node)


def open_own_postgres_server(*, disk: Path | None = None, environ: Mapping[str, str] | None = None) -> PostgresServer:
    """Return a server of this machine, its cluster on a disk or with variables of its own; raises as those above do."""
    node = LocalPostgresNode(postgres_programs(), survives_power_cut=True, disk=disk, environ=environ)
    try:
        node.start()
    except BaseException:
        node.close()
        raise
    return PostgresServer(node)


def _rabbit_container() -> RabbitNode:
    require_engine()
    from tests.servers.rabbitmq_container import RabbitContainer  # noqa: PLC0415 - slow, and seldom needed

    return RabbitContainer()


def _local_rabbit() -> RabbitNode:
    return LocalRabbitNode(rabbit_programs())


def _postgres_container(survives_power_cut: bool) -> PostgresNode:
    require_engine()
    from tests.servers.postgres_container import PostgresContainer  # noqa: PLC0415 - slow, and seldom needed

    return PostgresContainer(survives_power_cut=survives_power_cut)


def _local_postgres(survives_power_cut: bool) -> PostgresNode:
    return LocalPostgresNode(postgres_programs(), survives_power_cut=survives_power_cut)


def _started(switch: str, ways: Mapping[Way, Callable[[], Node]]) -> Node:
    reasons = []
    for way in _ways(switch):
        try:
            node = ways[way]()
        except UnavailableError as reason:
            reasons.append(str(reason))
            continue
        try:
            node.start()
        except BaseException:
            node.close()
            raise
        return node
    raise UnavailableError("; ".join(reasons) or f"{SWITCH}={switch} asks for none")


def _ways(switch: str) -> tuple[Way, ...]:
    if not switch:
        return (Way.DOCKER, Way.LOCAL)
    if switch == "none":
        return ()
    try:
        return (Way(switch),)
    except ValueError:
        raise ValueError(f"{SWITCH}={switch} names no way: write docker, local or none.") from None
