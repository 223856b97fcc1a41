"""Which way requests to OANDA and for the calendar take out, and whether its proxy and certificates can be used."""

import socket
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from services.inspection.doctor.findings import CheckGroup, Limits, Report
from shared.settings.network import way_out
from shared.settings.settings import Settings
from shared.web.client import trusted
from shared.web.way_out import WayOut, place_of

NETWORK: Final = "way out"
_PORTS: Final = {"http": 80, "https": 443}


def network_section(settings: Settings, limits: Limits) -> CheckGroup:
    """Return the check of the way out."""

    def examine(report: Report) -> None:
        report.judge(NETWORK, partial(_look, settings, limits.connect_seconds, report))

    return CheckGroup((NETWORK,), examine)


def _look(settings: Settings, seconds: float, report: Report) -> None:
    way = way_out(settings)
    trusted(way)
    for proxy in sorted({way.https_proxy, way.http_proxy} - {None}, key=str):
        why = None if proxy is None else _unreachable_proxy(proxy, seconds)
        if why is not None:
            report.problem(NETWORK, f"{why}: check {way.proxy_from}, and whether the proxy runs")
            return
    report.ok(NETWORK, f"{_proxy_told(way)}; {_authorities_told(way)}")


def _proxy_told(way: WayOut) -> str:
    proxy = way.https_proxy or way.http_proxy
    if proxy is None:
        return "requests to OANDA and for the calendar go straight out, through no proxy"
    scheme = "" if way.https_proxy == way.http_proxy else " of https" if way.https_proxy else " of http"
    excepted = f", but for {way.exceptions} (NO_PROXY)" if way.exceptions else ""
    told = f"requests{scheme} to OANDA and for the calendar go through the proxy {place_of(proxy)}"
    return f"{told} ({way.proxy_from}){excepted}"


def _authorities_told(way: WayOut) -> str:
    if way.authorities is None:
        return "the usual certificate authorities are trusted"
    return (
        f"the certificate authorities in {way.authorities} ({way.authorities_from}) are trusted beside the usual ones"
    )


def _unreachable_proxy(proxy: str, seconds: float) -> str | None:
    parts = urlsplit(proxy)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except TimeoutError:
        return f"the proxy {place_of(proxy)} does not answer within {seconds:g} s"
    except OSError as fault:
        return f"the proxy {place_of(proxy)} cannot be reached ({fault.strerror or fault})"
    return None
