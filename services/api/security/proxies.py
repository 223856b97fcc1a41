"""The proxies whose word is taken for where a request comes from: addresses and networks, never everybody."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from shared.contracts.errors import InputError

# No network of one's own is wider: 10.0.0.0/8, and fc00::/7 of IPv6.
_WIDEST_IPV4: Final = 8
_WIDEST_IPV6: Final = 7


def checked_proxies(texts: Sequence[str]) -> tuple[str, ...]:
    """Return addresses and networks as they are compared; raise InputError for what names everybody, or no address."""
    return tuple(_written(_network(text)) for text in texts)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text)
    except ValueError as fault:
        raise InputError(
            f"--trusted-proxy {text} is no address or network ({fault}); write the proxy's, such as 10.0.0.7 or "
            "10.0.0.0/24: a host name can point anywhere"
        ) from fault
    widest = _WIDEST_IPV4 if isinstance(network, IPv4Network) else _WIDEST_IPV6
    if network.prefixlen < widest:
        raise InputError(
            f"--trusted-proxy {text} trusts more than a network of your own (/{widest}); name the proxy's address"
        )
    return network


def _written(network: IPv4Network | IPv6Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
