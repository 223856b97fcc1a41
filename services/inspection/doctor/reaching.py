"""Whether a server can be reached at all, and if not, at which step it fails."""

import socket
import ssl
import threading
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

import httpx

from shared.web.client import RoutedTransport, trusted
from shared.web.way_out import WayOut, place_of

_PORTS: Final = {"http": 80, "https": 443}


def unreachable_of(urls: Iterable[str], seconds: float, way: WayOut) -> dict[str, str | None]:
    """Return of each address what `unreachable` says of it, tried side by side: each may take all the time."""
    whys: dict[str, str | None] = {}

    def look(url: str) -> None:
        whys[url] = unreachable(url, seconds, way)

    # Daemons, since resolving a name may hang for longer than anybody waits.
    threads = [threading.Thread(target=look, args=(url,), daemon=True) for url in set(urls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return whys


def unreachable(url: str, seconds: float, way: WayOut) -> str | None:
    """Return why no connection to an address can be made, with how to mend it, or None where one can."""
    proxy = way.proxy_for(url)
    if proxy is not None:
        return _unreachable_through(url, seconds, way, place_of(proxy))
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    place = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=seconds) as plain:
            if parts.scheme == "https":
                # The certificates that requests go by, which need not be those of the system.
                with trusted(way).wrap_socket(plain, server_hostname=host):
                    return None
            return None
    except socket.gaierror:
        return f"the name {host} cannot be resolved: check the network and its name servers"
    except ssl.SSLCertVerificationError as fault:
        return _not_proven(place, fault.verify_message)
    except TimeoutError:
        return f"{place} does not answer within {seconds:g} s: check the network, and look for a firewall in between"
    except ConnectionRefusedError:
        return f"{place} refuses connections: check the address, and look for a firewall in between"
    except OSError as fault:
        return f"{place} cannot be reached ({fault.strerror or fault}): check the network"


def _unreachable_through(url: str, seconds: float, way: WayOut, proxy: str) -> str | None:
    """Return why an address cannot be asked through a proxy; whatever its server answers will do."""
    place = urlsplit(url).netloc
    try:
        with httpx.Client(transport=RoutedTransport(way), timeout=seconds, trust_env=False) as client:
            client.get(url)
    except httpx.ProxyError as fault:
        return (
            f"the proxy {proxy} does not connect to {place} ({fault}): check what it allows, and the user and password "
            "for it"
        )
    except httpx.TimeoutException:
        return f"{place} does not answer through the proxy {proxy} within {seconds:g} s: check what the proxy allows"
    except httpx.TransportError as fault:
        if "CERTIFICATE_VERIFY_FAILED" in str(fault):
            return _not_proven(place, str(fault).rpartition("verify failed: ")[2].partition(" (_ssl")[0])
        return f"{place} cannot be reached through the proxy {proxy} ({fault}): check what the proxy allows"
    return None


def _not_proven(place: str, why: str) -> str:
    return (
        f"{place} cannot prove who it is ({why}): look for a proxy in between, whose certificate authority "
        "live.ca_file can name, and check the clock and the certificates of this machine"
    )
