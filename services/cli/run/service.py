"""What a service that was asked for works with: its settings, the addresses of database and broker, its process."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from services.cli.broker import broker_url
from services.cli.configuration import read_settings
from services.cli.database import database_url
from services.cli.process import Stop, own_process
from services.cli.run.asked import Asked
from services.cli.terminal.streams import lasting_streams
from shared.runtime.logs import telling_of_libraries
from shared.runtime.monitor.server import HealthServer
from shared.runtime.process import Process
from shared.settings.settings import Settings


class Service(NamedTuple):
    """A service before its start."""

    name: str
    asked: Asked
    settings: Settings

    @property
    def addresses(self) -> tuple[str, str]:
        """Return the URLs of database and broker; raise InputError where there is no broker."""
        broker = broker_url(self.asked.broker, self.settings, "--broker")
        return database_url(self.asked.database, self.settings), broker

    def process(self) -> AbstractContextManager[Process]:
        """Return the process of the service, to be entered."""
        asked = self.asked
        return served_process(self.name, asked.instance, asked.health_host, asked.health_port, asked.level("info"))


def service_of(name: str, asked: Asked) -> Service:
    """Return a service with the settings in force; raise InputError for a wrong value."""
    return Service(name, asked, read_settings(asked.config))


@contextmanager
def served_process(service: str, instance: str | None, host: str, port: int, level: str = "info") -> Iterator[Process]:
    """Give a service its outside for as long as the block lasts: asked for its health over HTTP, and told to stop."""
    with lasting_streams(), Stop() as stop:
        process = own_process(service, lambda: stop.asked, instance, level=level)
        with telling_of_libraries(process.log), HealthServer(process.health, process.log, host, port) as server:
            process.log.info("starting", health_port=server.port)
            yield process
