"""The way out that the settings and the environment say, one for OANDA and for the calendar."""

from pathlib import Path
from typing import Final

from pydantic import SecretStr

from shared.contracts.errors import InputError
from shared.settings.addresses import is_proxy, server_address
from shared.settings.settings import Settings
from shared.settings.values import NO_PROXY_AT_ALL
from shared.web.way_out import WayOut

_PROXY_SETTING: Final = "live.proxy"
_SCHEMES: Final = ("http", "https")


def way_out(settings: Settings) -> WayOut:
    """Return the way out; what the settings say wins over the environment. Raises InputError for a proxy of no use."""
    live, runtime = settings.live, settings.runtime
    way = WayOut(
        exceptions=runtime.no_proxy,
        authorities=Path(live.ca_file) if live.ca_file else runtime.ssl_cert_file,
        proxy_from=_PROXY_SETTING if live.proxy else "HTTPS_PROXY",
        authorities_from="live.ca_file" if live.ca_file else "SSL_CERT_FILE",
    )
    if live.proxy == NO_PROXY_AT_ALL:
        return way
    if live.proxy:
        # Who names a proxy in the settings means it for all that is asked.
        return way._replace(https_proxy=live.proxy, http_proxy=live.proxy, exceptions="")
    return way._replace(
        https_proxy=_usable("HTTPS_PROXY", runtime.https_proxy), http_proxy=_usable("HTTP_PROXY", runtime.http_proxy)
    )


def _usable(name: str, given: SecretStr | None) -> str | None:
    if given is None:
        return None
    address = server_address(f"environment: {name}", given.get_secret_value(), _SCHEMES)
    if not is_proxy(address):
        raise InputError(f"environment: {name} is no proxy that can be used; write it as http://HOST:PORT")
    return address
