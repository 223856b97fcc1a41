"""Look for a Docker engine, without its client: that takes long to load and leaves a socket open where none answers."""

import os
import socket
from typing import Final
from urllib.parse import urlsplit

from tests.servers.errors import UnavailableError

_DEFAULT: Final = "unix:///var/run/docker.sock"
_CONNECT_SECONDS: Final = 3.0


def require_engine() -> None:
    """Return if something listens where DOCKER_HOST, or Docker's default, says; raises UnavailableError."""
    address = os.environ.get("DOCKER_HOST") or _DEFAULT
    place = urlsplit(address)
    try:
        match place.scheme:
            case "unix":
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.settimeout(_CONNECT_SECONDS)
                    connection.connect(place.path)
            case "tcp" | "http" | "https":
                socket.create_connection((place.hostname or "localhost", place.port or 2375), _CONNECT_SECONDS).close()
            case _:
                # Whatever else Docker's client knows, such as ssh, it finds out for itself.
                return
    except OSError:
        raise UnavailableError(f"no Docker engine answers at {address}") from None
