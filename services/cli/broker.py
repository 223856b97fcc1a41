"""The message broker of a verb: the one given, else that of the environment."""

import logging

from services.cli.configuration import read_settings
from services.cli.options import AtBroker
from shared.bus.topology import Topology, topology
from shared.contracts.errors import InputError
from shared.settings.addresses import BROKER_SCHEMES, server_address
from shared.settings.settings import Settings


def broker_url(given: str | None, settings: Settings, option: str = "--url") -> str:
    """Return the broker's address: the one given, else that of the environment; raise InputError without one."""
    if given is not None:
        return server_address(option, given, BROKER_SCHEMES)
    configured = settings.runtime.rabbitmq_url
    if configured is None:
        raise InputError(
            f"no message broker is named; set RABBITMQ_URL or give {option} amqp://USER:PASSWORD@HOST:5672/VHOST"
        )
    return configured.get_secret_value()


def wanted_topology(given: int | None, settings: Settings) -> Topology:
    """Return what should exist on a broker, for the number of partitions given, else that of the settings."""
    return topology(settings.deployment.partitions if given is None else given)


def named_broker(where: AtBroker) -> tuple[str, Topology]:
    """Return a broker's address and what should exist there, and keep its driver from writing to the log."""
    silence_driver()
    settings = read_settings(where.config)
    return broker_url(where.url, settings), wanted_topology(where.partitions, settings)


def silence_driver() -> None:
    """Keep pika from writing what the verb itself says in one sentence."""
    logging.getLogger("pika").setLevel(logging.CRITICAL + 1)
