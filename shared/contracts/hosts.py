"""Which names of hosts are this machine's own."""

from ipaddress import ip_address
from typing import Final

_LOCALHOST: Final = "localhost"


def is_loopback(host: str) -> bool:
    """Tell whether a name or address is this machine's own, which nobody elsewhere reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == _LOCALHOST
