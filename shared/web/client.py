"""Requests that take the way out that is settled, whatever the environment says besides."""

import ssl

import httpx

from shared.contracts.errors import InputError
from shared.web.way_out import WayOut

_USUAL_LIMITS = httpx.Limits()


class RoutedTransport(httpx.BaseTransport):
    """Transport of httpx that sends each request, also one that follows a redirect, by its own way."""

    def __init__(self, way: WayOut, limits: httpx.Limits = _USUAL_LIMITS) -> None:
        """Prepare all ways, without connecting yet; InputError where the authorities cannot be read."""
        context = trusted(way)
        self._way = way
        self._straight = httpx.HTTPTransport(verify=context, limits=limits)
        self._by_proxy = {
            proxy: httpx.HTTPTransport(verify=context, limits=limits, proxy=_reached(proxy, context))
            for proxy in (way.https_proxy, way.http_proxy)
            if proxy is not None
        }

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        proxy = self._way.proxy_for(str(request.url))
        transport = self._straight if proxy is None else self._by_proxy[proxy]
        return transport.handle_request(request)

    def close(self) -> None:
        """Close all connections."""
        for transport in (self._straight, *self._by_proxy.values()):
            transport.close()


def _reached(proxy: str, context: ssl.SSLContext) -> httpx.Proxy:
    return httpx.Proxy(proxy, ssl_context=context if proxy.startswith("https://") else None)


def trusted(way: WayOut) -> ssl.SSLContext:
    """Return what certificates are checked by: the usual authorities and the way's; InputError for a bad file."""
    context = httpx.create_ssl_context(trust_env=False)
    if way.authorities is not None:
        try:
            context.load_verify_locations(way.authorities)
        except (OSError, ssl.SSLError) as fault:
            raise InputError(
                f"{way.authorities_from} names {way.authorities}, which holds no certificate that can be read; name a "
                "file of certificates in PEM"
            ) from fault
    return context
