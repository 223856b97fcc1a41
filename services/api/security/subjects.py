"""Who wrong passwords are counted for: addresses as networks give them out, and names that are kept as hashes alone."""

from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

# The smallest part of IPv6 that a customer is given: whoever has one address of it has all.
_IPV6_PREFIX: Final = 64
# How the subjects of all addresses begin.
EVERY_ADDRESS: Final = "address:"


def known_address(text: str) -> str | None:
    """Return an address in its one way of writing, that of IPv4 where IPv6 only wraps it; None for what is none."""
    address = _address(text)
    return None if address is None else str(address)


def of_address(text: str) -> str:
    """Return the subject of an address, which IPv6 addresses of one network share."""
    return f"{EVERY_ADDRESS}{_network(text)}"


def of_name(name: str) -> str:
    """Return the subject of a name, wherever it is tried from."""
    # Of names that nobody has, nothing but a hash is kept: people type passwords into the wrong field.
    return f"name:{sha256(name.encode()).hexdigest()}"


def of_name_at(name: str, address: str) -> str:
    """Return the subject of a name that is tried from an address; it begins like that of the name."""
    return f"{of_name(name)}@{_network(address)}"


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or address


def _network(text: str) -> str:
    address = _address(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), _IPV6_PREFIX), strict=False))
    return str(address)
