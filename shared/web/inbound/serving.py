"""A server whose connections come through a door: nothing is told of it, and nothing waits or grows without end."""

import socket
from collections.abc import Sequence
from typing import Any, Final

import uvicorn

from shared.web.inbound.connection import BoundedConfig, Door

_KEEP_ALIVE_SECONDS: Final = 15
_LAST_ANSWERS_SECONDS: Final = 5
# How many the kernel keeps for us, and how many of them are taken in one go: each is an open file until it is looked
# at, and a process is often allowed 1,024 of them.
_BACKLOG: Final = 2_048
_TAKEN_AT_ONCE: Final = 32


def bounded_config(
    app: Any, door: Door, host: str, port: int, *, trusted_proxies: Sequence[str] = (), lifespan: str = "on"
) -> BoundedConfig:
    """Return how an application is served."""
    return BoundedConfig(
        app,
        door,
        host=host,
        port=port,
        loop="asyncio",
        ws="none",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies) or None,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS,
        backlog=_TAKEN_AT_ONCE,
    )


def listener_at(host: str, port: int) -> socket.socket:
    """Return a socket that listens, on any free port for 0; requests wait until they are served. Raises OSError."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server((str(address[0]), port), family=family, backlog=_BACKLOG)


class BoundedServer(uvicorn.Server):
    """uvicorn, with a longer queue in the kernel than it takes from at once."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_BACKLOG)
