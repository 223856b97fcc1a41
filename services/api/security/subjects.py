"""Who wrong passwords are counted for: addresses as networks give them out, and names that are kept as hashes alone."""

from hashlib import sha256
from ipaddress import IPv4Address, ip_address
from typing import Final

from shared.web.inbound.addresses import network_of

# How the subjects of all addresses begin.
EVERY_ADDRESS: Final = "address:"


def known_address(text: str) -> str | None:
    """Return an address in its one way of writing, that of IPv4 where IPv6 only wraps it; None for what is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return str(address if isinstance(address, IPv4Address) else address.ipv4_mapped or address)


def of_address(text: str) -> str:
    """Return the subject of an address, which IPv6 addresses of one network share."""
    return f"{EVERY_ADDRESS}{network_of(text)}"


def of_name(name: str) -> str:
    """Return the subject of a name, wherever it is tried from."""
    # Of names that nobody has, nothing but a hash is kept: people type passwords into the wrong field.
    return f"name:{sha256(name.encode()).hexdigest()}"


def of_name_at(name: str, address: str) -> str:
    """Return the subject of a name that is tried from an address; it begins like that of the name."""
    return f"{of_name(name)}@{network_of(address)}"
