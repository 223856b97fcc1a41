"""Every recorded OANDA body that the client can meet becomes typed values or the right error.

A recording is judged by what it holds and not by its name, so that recordings of the same kinds may be added at will.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from shared.contracts.errors import MessageError
from shared.contracts.feed import Complete, Refused
from shared.contracts.granularity import SECONDS_BY_NAME
from shared.contracts.instruments import LISTED
from shared.core.types import Instrument
from shared.oanda.account import parse_accounts, parse_instruments, parse_summary
from shared.oanda.candles import CandlePage, parse_candles, parse_latest_candles
from shared.oanda.closing import Cancelled, PositionClosed, Rejected, parse_close_answer, parse_close_rejection
from shared.oanda.errors import OandaRefusedError, OandaUnauthorizedError, OandaUnavailableError, parse_error_body
from shared.oanda.positions import parse_position, parse_positions
from shared.oanda.pricing import ClientPrice, PricingHeartbeat, parse_prices, parse_stream_line
from shared.oanda.transactions import ORDER_FILL, parse_transaction, parse_transactions
from tests.material import shared_material
from tests.unit.oanda.stand_in import Reply, answers, serving, whole

# What OANDA offers and the client does not use, by the field that tells it.
NOT_NEEDED: Final = frozenset(
    {
        "changes",
        "pages",
        "order",
        "orders",
        "trade",
        "trades",
        "orderBook",
        "positionBook",
        "clientConfigureTransaction",
    }
)
_SUFFIXES: Final = frozenset({".json", ".jsonl", ".html", ".txt"})
_STATUS: Final = re.compile(r"(\d{3})_")


def recordings() -> list[str]:
    """Return the names of all recordings, one empty name where there are none: its test skips and says so."""
    try:
        folder = shared_material("oanda")
    except pytest.skip.Exception:
        return [""]
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.suffix in _SUFFIXES and path.relative_to(folder).parts[0] != "spec"
    )


def bodies(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return [json.loads(text)] if path.suffix == ".json" else []


def instrument_of(name: str) -> Instrument:
    """Return an instrument for any name, also for one that is no pair of currencies."""
    name = name.replace("/", "_")
    return LISTED.get(name) or Instrument(name, name, "", 5, 10**5)


@pytest.mark.parametrize("name", recordings())
def test_recorded_body_is_understood(name: str) -> None:
    for body in bodies(shared_material("oanda", name)):
        assert understood(body) is not None


@pytest.mark.parametrize("name", recordings())
def test_order_of_fields_and_fields_from_the_future_do_not_matter(name: str) -> None:
    for body in bodies(shared_material("oanda", name)):
        assert understood(turned_around(body)) == understood(body)


@pytest.mark.parametrize("name", [name for name in recordings() if not name or "errors" in Path(name).parts])
def test_recorded_error_ends_the_question_as_the_right_error(name: str) -> None:
    path = shared_material("oanda", name)
    content = path.read_bytes()
    found = _STATUS.match(path.name)
    status = int(found[1]) if found else 400
    expected = {401: OandaUnauthorizedError, 429: OandaUnavailableError}.get(
        status, OandaUnavailableError if status >= 500 else OandaRefusedError
    )
    with serving(answers([Reply(status, content)]), patience_seconds=3.0) as (_, connection):
        with pytest.raises(expected) as caught:
            connection.ask("/accounts/{accountID}/pricing", whole)
        sentence = str(caught.value)
    assert f"HTTP {status}" in sentence
    if status != 401 and path.suffix == ".json":
        assert json.loads(content)["errorMessage"].rstrip(".") in sentence
    assert "\n" not in sentence


def turned_around(body: Any) -> Any:
    """Return a body with the fields of all objects in reverse order, and a field in each that nobody knows."""
    if isinstance(body, dict):
        fields = {name: turned_around(value) for name, value in reversed(body.items())}
        return fields | {"unheardOf": {"id": 7}}
    return [turned_around(value) for value in body] if isinstance(body, list) else body


def understood(body: Any) -> object:
    """Return a body as the client's own values; fail where it is neither known nor known not to be needed."""
    assert isinstance(body, dict), "OANDA sends objects"
    if "errorMessage" in body:
        return error(body)
    for field, judge in BY_FIELD.items():
        if field in body:
            return judge(body)
    if body.get("type") == "HEARTBEAT":
        return heartbeat(body)
    if body.get("type") == "PRICE":
        return price(body)
    if "type" in body and "id" in body:
        return transaction(body)
    if NOT_NEEDED & body.keys():
        return "not needed"
    if any(name.endswith("Transaction") for name in body):
        return answered_order(body)
    raise AssertionError(f"a body with {', '.join(body)} is of a kind that nobody has thought of")


def error(body: Mapping[str, Any]) -> object:
    parsed = parse_error_body(body)
    assert parsed.message == body["errorMessage"]
    assert parsed.code == body.get("errorCode")
    rejects = {name: value for name, value in body.items() if name.endswith("RejectTransaction")}
    assert sorted(parsed.rejections) == sorted(
        value["rejectReason"] for value in rejects.values() if "rejectReason" in value
    )
    if {"longOrderRejectTransaction", "shortOrderRejectTransaction"} & rejects.keys():
        assert isinstance(parse_close_rejection(body), Rejected)
    return parsed


def candles(body: Mapping[str, Any]) -> object:
    if body["granularity"] not in SECONDS_BY_NAME:
        with pytest.raises(MessageError, match="length is not fixed"):
            parse_candles(body, instrument_of(body["instrument"]))
        return body["granularity"]
    one = instrument_of(body["instrument"])
    page = parse_candles({**body, "instrument": one.name}, one)
    check_candles(body, page)
    return without_texts(page)


def latest_candles(body: Mapping[str, Any]) -> object:
    pages = parse_latest_candles(body, [instrument_of(one["instrument"]) for one in body["latestCandles"]])
    for raw, page in zip(body["latestCandles"], pages, strict=True):
        check_candles(raw, page)
    return [without_texts(page) for page in pages]


def without_texts(page: CandlePage) -> CandlePage:
    """Return a page without the JSON texts of what was refused, which keep the order of the fields."""
    return page._replace(
        candles=tuple(replace(one, raw="") if isinstance(one, Refused) else one for one in page.candles)
    )


def check_candles(body: Mapping[str, Any], page: CandlePage) -> None:
    """All with both sides are taken, exactly; those with the middle or one side only are refused, and named."""
    whole = [raw for raw in body["candles"] if {"bid", "ask"} <= raw.keys()]
    read = [one for one in page.candles if not isinstance(one, Refused)]
    assert len(page.candles) == len(body["candles"])
    for raw, taken in zip(whole, read, strict=True):
        points = instrument_of(page.pair).points_per_price
        assert (taken.candle.bid_open, taken.candle.ask_low) == (
            round(float(raw["bid"]["o"]) * points),
            round(float(raw["ask"]["l"]) * points),
        )
        assert (isinstance(taken, Complete), taken.candle.volume) == (raw["complete"], raw["volume"])
    assert all(page.pair in one.reason for one in page.candles if isinstance(one, Refused))


def prices(body: Mapping[str, Any]) -> object:
    snapshot = parse_prices(body, [instrument_of(one["instrument"]) for one in body["prices"]])
    assert snapshot.unreadable == ()
    for raw, quote in zip(body["prices"], snapshot.quotes, strict=True):
        check_quote(raw, quote)
    assert (snapshot.time_nanoseconds is None) == ("time" not in body)
    return snapshot


def price(body: Mapping[str, Any]) -> object:
    quote = parse_stream_line(json.dumps(body).encode(), {body["instrument"]: instrument_of(body["instrument"])})
    assert isinstance(quote, ClientPrice)
    check_quote(body, quote)
    return quote


def check_quote(raw: Mapping[str, Any], quote: ClientPrice) -> None:
    points = instrument_of(raw["instrument"]).points_per_price
    best = [
        choose((round(float(level["price"]) * points) for level in raw.get(side) or ()), default=None)
        for side, choose in (("bids", max), ("asks", min))
    ]
    assert [quote.bid, quote.ask] == best
    said = raw.get("tradeable", raw.get("status") == "tradeable")
    assert quote.tradeable == (said and None not in best)


def heartbeat(body: Mapping[str, Any]) -> object:
    found = parse_stream_line(json.dumps(body).encode(), {})
    assert isinstance(found, PricingHeartbeat)
    return found


def transaction(body: Mapping[str, Any]) -> object:
    parsed = parse_transaction(body)
    assert (parsed.id, parsed.kind) == (int(body["id"]), body["type"])
    if parsed.kind == ORDER_FILL:
        assert None not in (parsed.units, parsed.price, parsed.pl, parsed.order_id)
    return parsed


def answered_order(body: Mapping[str, Any]) -> object:
    parsed = [transaction(body[name]) for name in sorted(body) if name.endswith("Transaction")]
    if any(name.startswith(("longOrder", "shortOrder")) for name in body):
        filled = any(name.endswith("OrderFillTransaction") for name in body)
        result = parse_close_answer(body)
        assert isinstance(result, PositionClosed if filled else Cancelled)
        return parsed, result
    return parsed


def positions(body: Mapping[str, Any]) -> object:
    found = parse_positions(body)
    assert [one.pair for one in found] == [raw["instrument"] for raw in body["positions"]]
    for raw, one in zip(body["positions"], found, strict=True):
        assert (float(one.long), float(one.short)) == tuple(float(raw[side]["units"]) for side in ("long", "short"))
    return found


BY_FIELD: Final[Mapping[str, Callable[[Mapping[str, Any]], object]]] = {
    "candles": candles,
    "latestCandles": latest_candles,
    "prices": prices,
    "account": parse_summary,
    "accounts": parse_accounts,
    "instruments": lambda body: [(one, one.name) for one in parse_instruments(body)],
    "positions": positions,
    "position": parse_position,
    "transactions": parse_transactions,
    "transaction": lambda body: transaction(body["transaction"]),
}


def test_changes_are_not_needed_but_their_transactions_are_understood() -> None:
    for name in recordings():
        for body in bodies(shared_material("oanda", name)):
            for raw in body.get("changes", {}).get("transactions", ()):
                assert transaction(raw) is not None
