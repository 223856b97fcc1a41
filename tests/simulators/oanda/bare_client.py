"""A client for tests of the simulator that adds nothing: it asks, and gives back what arrived."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final

import httpx

from tests.simulators.oanda.simulator import OandaSimulator

_PATIENCE_SECONDS: Final = 20.0


class BareClient:
    """Ask one simulator over one pool of connections; paths that begin with a word are below the account's own."""

    def __init__(self, simulator: OandaSimulator, token: str | None = None, *, unix_times: bool = False) -> None:
        """Use the simulator's token unless another is given."""
        headers = {"Authorization": f"Bearer {token or simulator.token}"}
        if unix_times:
            headers["Accept-Datetime-Format"] = "UNIX"
        self._simulator = simulator
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loading certificates would take most of a test
        self._web = httpx.Client(headers=headers, timeout=_PATIENCE_SECONDS, trust_env=False, verify=context)

    def __enter__(self) -> "BareClient":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._web.close()

    def ask(self, method: str, path: str, body: object = None, **params: str | int) -> httpx.Response:
        """Send a request and return the answer, whatever it is."""
        return self._web.request(
            method, self._url(self._simulator.address.rest_url, path), json=body, params=params or None
        )

    def get(self, path: str, **params: str | int) -> Any:
        """Return the body of an answer that must be good."""
        answer = self.ask("GET", path, **params)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    def error(self, path: str, **params: str | int) -> tuple[int, str]:
        """Return the status and the message of an answer that must be an error."""
        answer = self.ask("GET", path, **params)
        assert answer.is_error, answer.text
        return answer.status_code, answer.json()["errorMessage"]

    def candles(self, pair: str = "EUR_USD", **params: str | int) -> list[Any]:
        """Return candles with bid and ask, of five minutes unless told otherwise."""
        wanted = {"granularity": "M5", "price": "BA"} | params
        found = self.get(f"/instruments/{pair}/candles", **wanted)["candles"]
        assert isinstance(found, list)
        return found

    def order(self, units: int, pair: str = "EUR_USD", **more: object) -> httpx.Response:
        """Send a market order."""
        order = {"type": "MARKET", "instrument": pair, "units": str(units), "timeInForce": "FOK"} | more
        return self.ask("POST", "orders", {"order": order})

    def close(self, pair: str = "EUR_USD", **sides: str) -> httpx.Response:
        """Ask to close a position, with longUnits and shortUnits as given."""
        return self.ask("PUT", f"positions/{pair}/close", sides)

    @contextmanager
    def stream(self, *pairs: str, **params: str) -> Iterator[Iterator[bytes]]:
        """Open the price stream and yield its bytes as they arrive."""
        url = self._url(self._simulator.address.stream_url, "pricing/stream")
        wanted = {"instruments": ",".join(pairs or ("EUR_USD",))} | params
        with self._web.stream("GET", url, params=wanted) as answer:
            assert answer.status_code == httpx.codes.OK, answer.read()
            yield answer.iter_raw()

    def _url(self, root: str, path: str) -> str:
        return root + (path if path.startswith("/") else f"/accounts/{self._simulator.account_id}/{path}")


def lines_of(pieces: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """Put the pieces of a stream together and yield its lines."""
    buffer = b""
    for piece in pieces:
        buffer += piece
        while (end := buffer.find(b"\n")) >= 0:
            line, buffer = buffer[:end], buffer[end + 1 :]
            yield json.loads(line)
