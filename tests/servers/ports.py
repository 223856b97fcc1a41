"""TCP ports for private servers."""

import socket
from random import SystemRandom
from typing import Final

# Below the range that Linux gives to outgoing connections: a client that keeps trying to reach a killed server could
# otherwise be given the server's own port, connect to itself and keep the server from coming back.
_FIRST_PORT: Final = 20_000
_LAST_PORT: Final = 31_999
# Processes that look for ports at the same time can still pick the same one: whoever starts a server tries again.
ATTEMPTS: Final = 5


def free_ports(count: int) -> tuple[int, ...]:
    """Return different ports of 127.0.0.1 that nobody listens on at this moment."""
    chosen: list[int] = []
    random = SystemRandom()
    while len(chosen) < count:
        port = random.randint(_FIRST_PORT, _LAST_PORT)
        if port not in chosen and _is_free(port):
            chosen.append(port)
    return tuple(chosen)


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
