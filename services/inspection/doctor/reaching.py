"""Whether a server can be reached at all, and if not, at which step it fails."""

import socket
import ssl
import threading
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

import httpx

_PORTS: Final = {"http": 80, "https": 443}


def unreachable_of(urls: Iterable[str], seconds: float) -> dict[str, str | None]:
    """Return of each address what `unreachable` says of it, tried side by side: each may take all the time."""
    whys: dict[str, str | None] = {}

    def look(url: str) -> None:
        whys[url] = unreachable(url, seconds)

    # Daemons, since resolving a name may hang for longer than anybody waits.
    threads = [threading.Thread(target=look, args=(url,), daemon=True) for url in set(urls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return whys


def unreachable(url: str, seconds: float) -> str | None:
    """Return why no connection to an address can be made, with how to mend it, or None where one can."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    place = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=seconds) as plain:
            if parts.scheme == "https":
                # The certificates that requests go by, which need not be those of the system.
                with httpx.create_ssl_context(trust_env=False).wrap_socket(plain, server_hostname=host):
                    return None
            return None
    except socket.gaierror:
        return f"the name {host} cannot be resolved: check the network and its name servers"
    except ssl.SSLCertVerificationError as fault:
        return (
            f"{place} cannot prove who it is ({fault.verify_message}): look for a proxy in between, and check the "
            "clock and the certificates of this machine"
        )
    except TimeoutError:
        return f"{place} does not answer within {seconds:g} s: check the network, and look for a firewall in between"
    except ConnectionRefusedError:
        return f"{place} refuses connections: check the address, and look for a firewall in between"
    except OSError as fault:
        return f"{place} cannot be reached ({fault.strerror or fault}): check the network"
