"""Whom an address stands for: one machine, the network of one customer, or all who come by a proxy."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

# Whoever is given one IPv6 address is given at least as many as these.
_PREFIX_OF_A_CUSTOMER: Final = 64


def network_of(address: str) -> str:
    """Return who an address is counted as: an IPv4 address for itself, an IPv6 address with its /64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, _PREFIX_OF_A_CUSTOMER), strict=False))


def among(proxies: Sequence[str]) -> Callable[[str], bool]:
    """Return a function that tells whether what `network_of` returned is one of the proxies, by address or network."""
    networks = [network for proxy in proxies if (network := _network(proxy)) is not None]
    exact = {network_of(proxy) for proxy in proxies}

    def is_one(counted: str) -> bool:
        network = _network(counted)
        return counted in exact or any(
            network is not None and network.version == each.version and network.subnet_of(each)  # type: ignore[arg-type]
            for each in networks
        )

    return is_one


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
