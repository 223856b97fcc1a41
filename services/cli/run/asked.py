"""What every service is told on the command line."""

from pathlib import Path
from typing import NamedTuple


class Asked(NamedTuple):
    """Where a service finds its settings, database and broker, its name, and where it tells its health."""

    config: Path | None
    database: str | None
    broker: str | None
    instance: str | None
    health_host: str
    health_port: int
