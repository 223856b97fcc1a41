"""What a service that was asked for works with: its settings, the addresses of database and broker, its process."""

from contextlib import AbstractContextManager
from typing import NamedTuple

from services.cli.broker import broker_url
from services.cli.configuration import read_settings
from services.cli.database import database_url
from services.cli.process import served_process
from services.cli.run.asked import Asked
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
        return served_process(self.name, asked.instance, asked.health_host, asked.health_port)


def service_of(name: str, asked: Asked) -> Service:
    """Return a service with the settings in force; raise InputError for a wrong value."""
    return Service(name, asked, read_settings(asked.config))
