"""Which way requests take out: straight, or through a proxy, and which certificate authorities are believed."""

import re
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from shared.contracts.hosts import is_loopback


class WayOut(NamedTuple):
    """One rule for all that is asked of others' servers; `proxy_from` and `authorities_from` name who said so.

    Proxies are addresses that may hold a password, for addresses of https and of http; `exceptions` are names of hosts
    that are asked straight, separated by commas, as in NO_PROXY. The authorities are believed beside the usual ones.
    """

    https_proxy: str | None = None
    http_proxy: str | None = None
    exceptions: str = ""
    authorities: Path | None = None
    proxy_from: str = ""
    authorities_from: str = ""

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy that an address is asked through, None where it is asked straight, as this machine is."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        proxy = self.https_proxy if parts.scheme == "https" else self.http_proxy
        return None if proxy is None or is_loopback(host) or self._is_excepted(host) else proxy

    def _is_excepted(self, host: str) -> bool:
        for each in self.exceptions.lower().split(","):
            name = re.sub(r":\d+$", "", each.strip()).removeprefix("*").lstrip(".")
            if each.strip() == "*" or (name and (host == name or host.endswith(f".{name}"))):
                return True
        return False


STRAIGHT: Final = WayOut()


def place_of(proxy: str) -> str:
    """Return where a proxy is, without user and password."""
    return urlsplit(proxy).netloc.rpartition("@")[2]
