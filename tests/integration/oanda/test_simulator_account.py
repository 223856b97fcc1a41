"""The simulated OANDA's account: orders, closes, history, and the recorded forms of every body."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.core.columns import CandleSeries
from tests.fixtures.paper import sample_series
from tests.material import shared_material
from tests.simulators.oanda import Faults, OandaSimulator, ResponseFault, VirtualClock
from tests.simulators.oanda.bare_client import BareClient, lines_of

MONDAY_MORNING = 1_710_746_100  # 2024-03-18 07:15 UTC
# Bodies had these once; they are gone from today's.
OUTDATED = {"unitsAvailable", "quoteHomeConversionFactors"}


@pytest.fixture(scope="module")
def series() -> list[CandleSeries]:
    return sample_series()


@pytest.fixture
def simulator(series: list[CandleSeries]) -> Iterator[OandaSimulator]:
    with OandaSimulator(series, VirtualClock(MONDAY_MORNING + 130), heartbeat_seconds=0.05) as simulator:
        yield simulator


@pytest.fixture
def client(simulator: OandaSimulator) -> Iterator[BareClient]:
    with BareClient(simulator) as client:
        yield client


def price(client: BareClient) -> tuple[str, str]:
    [found] = client.get("pricing", instruments="EUR_USD")["prices"]
    return found["bids"][0]["price"], found["asks"][0]["price"]


# Orders.


def test_order_fills_at_the_best_price_and_protects_its_trade(client: BareClient) -> None:
    _, ask = price(client)
    answer = client.order(
        1000,
        stopLossOnFill={"price": "1.00000"},
        takeProfitOnFill={"price": "1.20000"},
        clientExtensions={"id": "mine"},
    )
    body = answer.json()
    assert answer.status_code == 201
    assert (body["orderFillTransaction"]["price"], body["orderFillTransaction"]["clientOrderID"]) == (ask, "mine")
    first = int(body["orderCreateTransaction"]["id"])
    assert body["relatedTransactionIDs"] == [str(first + more) for more in range(4)]
    assert body["lastTransactionID"] == str(first + 3)
    assert body["orderFillTransaction"]["batchID"] == str(first)
    pending = client.get("pendingOrders")["orders"]
    assert [(each["type"], each["price"], each["tradeID"]) for each in pending] == [
        ("STOP_LOSS", "1.00000", str(first + 1)),
        ("TAKE_PROFIT", "1.20000", str(first + 1)),
    ]


def test_liquidity_is_a_number_in_quotes_and_text_in_fills(client: BareClient) -> None:
    [quote] = client.get("pricing", instruments="EUR_USD")["prices"]
    fill = client.order(1).json()["orderFillTransaction"]
    assert quote["bids"][0]["liquidity"] == 500_000
    assert fill["fullPrice"]["bids"][0]["liquidity"] == "500000"


@pytest.mark.parametrize(
    ("more", "units", "reason"),
    [
        ({"stopLossOnFill": {"price": "1.20000"}}, 1, "STOP_LOSS_ON_FILL_LOSS"),
        ({"stopLossOnFill": {"price": "1.00000"}}, -1, "STOP_LOSS_ON_FILL_LOSS"),
        ({"takeProfitOnFill": {"price": "1.00000"}}, 1, "TAKE_PROFIT_ON_FILL_LOSS"),
        ({"priceBound": "1.00000"}, 1, "BOUNDS_VIOLATION"),
        ({}, 50_000_000, "INSUFFICIENT_LIQUIDITY"),
        ({}, 12_000_000, "INSUFFICIENT_MARGIN"),
    ],
)
def test_order_that_cannot_fill_is_created_and_cancelled(
    client: BareClient, more: dict[str, Any], units: int, reason: str
) -> None:
    answer = client.order(units, **more)
    assert answer.status_code == 201
    assert answer.json()["orderCancelTransaction"]["reason"] == reason
    assert "orderFillTransaction" not in answer.json()
    assert client.get("openTrades")["trades"] == []


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"units": "0"}, "UNITS_INVALID"),
        ({"units": "1.5"}, "UNITS_PRECISION_EXCEEDED"),
        ({"units": "100000001"}, "UNITS_LIMIT_EXCEEDED"),
        ({"timeInForce": "GTC"}, "TIME_IN_FORCE_INVALID"),
        ({"clientExtensions": {"id": "x" * 129}}, "CLIENT_ORDER_ID_INVALID"),
        ({"stopLossOnFill": {"price": "1.000001"}}, "STOP_LOSS_ON_FILL_PRICE_PRECISION_EXCEEDED"),
        ({"type": "LIMIT", "price": "1.0000001", "timeInForce": "GTC"}, "PRICE_PRECISION_EXCEEDED"),
    ],
)
def test_order_that_is_wrong_is_rejected_and_remembered(
    simulator: OandaSimulator, client: BareClient, order: dict[str, Any], reason: str
) -> None:
    whole = {"type": "MARKET", "instrument": "EUR_USD", "units": "1"} | order
    answer = client.ask("POST", "orders", {"order": whole})
    body = answer.json()
    assert (answer.status_code, body["errorCode"]) == (400, reason)
    assert body["orderRejectTransaction"]["rejectReason"] == reason
    assert simulator.transactions[-1]["id"] == body["lastTransactionID"] == body["relatedTransactionIDs"][0]


@pytest.mark.parametrize("wrong", [{"instrument": "XXX_YYY"}, {"type": "TELEPATHIC"}, {"units": "many"}])
def test_order_that_is_not_understood_leaves_no_transaction(
    simulator: OandaSimulator, client: BareClient, wrong: dict[str, str]
) -> None:
    before = len(simulator.transactions)
    order = {"type": "MARKET", "instrument": "EUR_USD", "units": "1"} | wrong
    answer = client.ask("POST", "orders", {"order": order})
    assert answer.json() == {
        "errorMessage": f"Invalid value specified for 'order.{next(iter(wrong))}'",
        "errorCode": "oanda::rest::core::InvalidParameterException",
    }
    assert len(simulator.transactions) == before


def test_same_client_id_fills_twice_unless_documented_behaviour_is_asked_for(
    simulator: OandaSimulator, client: BareClient
) -> None:
    for _ in range(2):
        assert "orderFillTransaction" in client.order(1, clientExtensions={"id": "mine"}).json()
    assert client.error("orders/@mine")[0] == 404
    simulator.faults.refuses_known_client_ids = True
    limit: dict[str, Any] = {
        "type": "LIMIT",
        "price": "1.00000",
        "timeInForce": "GTC",
        "clientExtensions": {"id": "resting"},
    }
    assert client.order(1, **limit).status_code == 201
    assert client.get("orders/@resting")["order"]["state"] == "PENDING"
    assert client.order(1, **limit).json()["errorCode"] == "CLIENT_ORDER_ID_ALREADY_EXISTS"


def test_opposite_order_reduces_oldest_trades_first(simulator: OandaSimulator, client: BareClient) -> None:
    first, second = simulator.open_position("EUR_USD", 100), simulator.open_position("EUR_USD", 100)
    fill = client.order(-150).json()["orderFillTransaction"]
    assert [each["tradeID"] for each in fill["tradesClosed"]] == [first]
    assert (fill["tradeReduced"]["tradeID"], fill["tradeReduced"]["units"]) == (second, "-50")
    fill = client.order(-150).json()["orderFillTransaction"]
    assert ([each["tradeID"] for each in fill["tradesClosed"]], fill["tradeOpened"]["units"]) == ([second], "-100")
    assert simulator.open_units("EUR_USD") == -100


# Closing.


def test_close_of_the_existing_side_closes_it_once(simulator: OandaSimulator, client: BareClient) -> None:
    simulator.open_position("EUR_USD", -300)
    answer = client.close(shortUnits="ALL", longUnits="NONE")
    assert answer.status_code == 200
    assert answer.json()["shortOrderFillTransaction"]["units"] == "300"
    assert simulator.open_units("EUR_USD") == 0
    again = client.close(shortUnits="ALL", longUnits="NONE")
    assert (again.status_code, again.json()["errorCode"]) == (404, "CLOSEOUT_POSITION_DOESNT_EXIST")


def test_close_of_all_on_a_flat_side_fails_the_whole_request(simulator: OandaSimulator, client: BareClient) -> None:
    simulator.open_position("EUR_USD", -300)
    answer = client.close(longUnits="ALL", shortUnits="ALL")
    body = answer.json()
    assert (answer.status_code, body["errorCode"]) == (400, "CLOSEOUT_POSITION_DOESNT_EXIST")
    assert body["longOrderRejectTransaction"]["rejectReason"] == "CLOSEOUT_POSITION_DOESNT_EXIST"
    assert body["shortOrderRejectTransaction"]["rejectReason"] == "CLOSEOUT_POSITION_REJECT"
    assert simulator.open_units("EUR_USD") == -300


@pytest.mark.parametrize(
    ("sides", "status", "code"),
    [
        ({}, 400, "CLOSEOUT_POSITION_INCOMPLETE_SPECIFICATION"),
        ({"longUnits": "NONE", "shortUnits": "NONE"}, 400, "CLOSEOUT_POSITION_INCOMPLETE_SPECIFICATION"),
        ({"longUnits": "301"}, 400, "CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE"),
        ({"longUnits": "some"}, 400, None),
    ],
)
def test_close_that_makes_no_sense_changes_nothing(
    simulator: OandaSimulator, client: BareClient, sides: dict[str, str], status: int, code: str | None
) -> None:
    simulator.open_position("EUR_USD", 300)
    answer = client.close(**sides)
    assert (answer.status_code, answer.json().get("errorCode")) == (status, code)
    assert simulator.open_units("EUR_USD") == 300


def test_part_of_a_position_can_be_closed_and_nothing_while_halted(
    simulator: OandaSimulator, client: BareClient
) -> None:
    simulator.open_position("EUR_USD", 300)
    client.close(longUnits="100")
    assert simulator.open_units("EUR_USD") == 200
    simulator.faults.market_halted = True
    answer = client.close(longUnits="ALL")
    assert answer.json()["longOrderCancelTransaction"]["reason"] == "MARKET_HALTED"
    assert simulator.open_units("EUR_USD") == 200


def test_closing_a_trade_cancels_its_stop_and_counts_its_profit(simulator: OandaSimulator, client: BareClient) -> None:
    trade = client.order(1000, stopLossOnFill={"price": "1.00000"}).json()["orderFillTransaction"]["tradeOpened"]
    simulator.clock.advance(3600)
    body = client.ask("PUT", f"trades/{trade['tradeID']}/close", {"units": "ALL"}).json()
    profit = round((float(body["orderFillTransaction"]["price"]) - float(trade["price"])) * 1000, 4)
    assert float(body["orderFillTransaction"]["pl"]) == profit != 0
    assert float(client.get("summary")["account"]["balance"]) == round(100_000 + profit, 4)
    assert simulator.transactions[-1]["reason"] == "LINKED_TRADE_CLOSED"
    again = client.ask("PUT", f"trades/{trade['tradeID']}/close", {"units": "ALL"})
    assert (again.status_code, again.json()["errorCode"]) == (404, "TRADE_DOESNT_EXIST")


def test_closing_a_newer_trade_leaves_the_older_one(simulator: OandaSimulator, client: BareClient) -> None:
    older, newer = simulator.open_position("EUR_USD", 100), simulator.open_position("EUR_USD", 100)
    client.ask("PUT", f"trades/{newer}/close", {"units": "100"})
    assert [each["id"] for each in client.get("openTrades")["trades"]] == [older]


def test_profit_in_yen_is_counted_in_dollars(simulator: OandaSimulator, client: BareClient) -> None:
    simulator.open_position("USD_JPY", 10_000)
    simulator.clock.advance(3600)
    fill = client.close("USD_JPY", longUnits="ALL").json()["longOrderFillTransaction"]
    [quote] = client.get("pricing", instruments="USD_JPY")["prices"]
    middle = (float(quote["bids"][0]["price"]) + float(quote["asks"][0]["price"])) / 2
    assert float(fill["pl"]) == pytest.approx(float(fill["quotePL"]) / middle, abs=1e-4)


# History.


def test_positions_tell_flat_from_never_traded(simulator: OandaSimulator, client: BareClient) -> None:
    simulator.open_position("EUR_USD", 10)
    client.close(longUnits="ALL")
    assert client.get("positions/EUR_USD")["position"]["long"]["units"] == "0"
    assert [each["instrument"] for each in client.get("positions")["positions"]] == ["EUR_USD"]
    assert client.get("openPositions")["positions"] == []
    assert client.error("positions/USD_JPY")[0] == 404


def test_changes_since_a_transaction_tell_what_was_opened_and_closed(
    simulator: OandaSimulator, client: BareClient
) -> None:
    before = client.get("summary")["lastTransactionID"]
    trade = simulator.open_position("EUR_USD", 10)
    opened = client.get("changes", sinceTransactionID=before)
    assert [each["id"] for each in opened["changes"]["tradesOpened"]] == [trade]
    assert [each["id"] for each in opened["state"]["trades"]] == [trade]
    client.close(longUnits="ALL")
    closed = client.get("changes", sinceTransactionID=opened["lastTransactionID"])
    assert [each["id"] for each in closed["changes"]["tradesClosed"]] == [trade]
    assert closed["state"]["trades"] == []
    assert client.get("changes", sinceTransactionID=closed["lastTransactionID"])["changes"]["transactions"] == []


def test_transactions_are_numbered_without_gaps_and_found_by_number(
    simulator: OandaSimulator, client: BareClient
) -> None:
    client.order(1)
    client.order(0)
    client.order(-1)
    found = client.get("transactions/sinceid", id=0)["transactions"]
    assert [each["id"] for each in found] == [str(number) for number in range(1, len(found) + 1)]
    assert client.get("transactions/idrange", **{"from": 3, "to": 4})["transactions"] == found[2:4]
    assert client.get("transactions/5")["transaction"] == found[4]
    pages = client.get("transactions", pageSize=2)
    assert pages["count"] == len(found)
    assert pages["pages"][1].endswith("/transactions/idrange?from=3&to=4")
    assert client.get("/" + pages["pages"][1].partition("/v3/")[2])["transactions"] == found[2:4]


# Recorded forms.


def recorded(*parts: str) -> Any:
    text = shared_material("oanda", *parts).read_text(encoding="utf-8")
    return json.loads(text.partition("\n")[0] if Path(parts[-1]).suffix == ".jsonl" else text)


def form(value: Any) -> Any:
    """Return what a client must cope with: keys, nesting and types, without the values."""
    if isinstance(value, dict):
        return {key: form(each) for key, each in value.items() if key not in OUTDATED}
    if isinstance(value, list):
        return [form(value[0])] if value else []
    return type(value).__name__


def keys_in_order(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in (key, *keys_in_order(each))]
    return keys_in_order(value[0]) if isinstance(value, list) and value else []


def contains(ours: Any, recorded_form: Any) -> bool:
    """Return whether a newer body has everything that an older one had, in the same types."""
    if isinstance(recorded_form, dict):
        return isinstance(ours, dict) and all(
            key in ours and contains(ours[key], each) for key, each in recorded_form.items()
        )
    if isinstance(recorded_form, list) and recorded_form:
        return isinstance(ours, list) and bool(ours) and contains(ours[0], recorded_form[0])
    return bool(ours == recorded_form) or isinstance(recorded_form, list)


def test_new_bodies_have_exactly_the_recorded_form(simulator: OandaSimulator, client: BareClient) -> None:
    with client.stream() as pieces:
        lines = lines_of(pieces)
        price_line, heartbeat = next(lines), next(lines)
    ours = {
        ("misc", "candles_200_D_default_alignment_2022-05.json"): client.get(
            "/instruments/EUR_USD/candles", granularity="D", count=2
        ),
        ("misc", "candles_latest_200_weekend_2020-02-21.json"): client.get(
            "candles/latest", candleSpecifications="EUR_USD:M5:AB"
        ),
        ("misc", "pricing_200_weekend_2019-01-20.json"): client.get("pricing", instruments="EUR_USD"),
        ("misc", "order_201_market_fill_with_SL_2022-06-17.json"): client.order(
            1, stopLossOnFill={"price": "1.00000", "timeInForce": "GTC"}
        ).json(),
        ("streams", "pricing_stream_2019-05-28.jsonl"): price_line,
        ("recorded_2017_async_v20", "stream_price_heartbeat.json"): heartbeat,
    }
    client.order(-2)
    ours["errors", "400_position_close_both_sides_ALL_2026-01.json"] = client.close(
        longUnits="ALL", shortUnits="ALL"
    ).json()
    for parts, body in ours.items():
        theirs = form(recorded(*parts))
        assert form(body) == theirs, parts
        assert keys_in_order(form(body)) == keys_in_order(theirs), parts


def test_other_bodies_have_all_that_was_recorded(simulator: OandaSimulator, client: BareClient) -> None:
    flat = simulator.open_position("USD_JPY", 10)
    ours: dict[str, Any] = {"trade__close_trade": client.ask("PUT", f"trades/{flat}/close", {"units": "ALL"}).json()}
    ours["position__position"] = client.get("positions/USD_JPY")
    ours["position__positions"] = client.get("positions")
    client.order(100, clientExtensions={"id": "id", "tag": "tag"})
    ours["trade__open_trades"] = client.get("openTrades")
    start = client.get("summary")["lastTransactionID"]
    ours["position__close_position"] = client.close(longUnits="ALL").json()
    ours["account__changes"] = client.get("changes", sinceTransactionID=start)
    ours["account__account_summary"] = client.get("summary")
    ours["account__instruments"] = client.get("instruments")
    ours["account__accounts"] = client.get("/accounts")
    simulator.faults.market_halted = True
    ours["order__error__market_halted"] = client.order(1, clientExtensions={"id": "id", "tag": "tag"}).json()
    ours["transaction__transaction"] = client.get("transactions/1")
    ours["transaction__transaction_pages"] = client.get("transactions")
    for name, body in ours.items():
        theirs = recorded("fixtures_2019_mab05k", f"{name}.json")
        if name == "account__changes":  # what was recorded there also had another kind of order cancelled
            del theirs["changes"]["ordersCancelled"], theirs["changes"]["transactions"]
        assert contains(form(body), form(theirs)), (name, form(theirs), form(body))


@pytest.mark.parametrize(
    ("file", "path", "params"),
    [
        ("400_count_exceeded", "/instruments/EUR_USD/candles", {"granularity": "M5", "count": "9999"}),
        ("400_invalid_accountID", "/accounts/77/summary", {}),
        ("400_invalid_instrument", "/instruments/GOLD/candles", {"granularity": "M5"}),
        ("400_to_in_future", "/instruments/EUR_USD/candles", {"granularity": "M5", "to": "2030-01-01T00:00:00Z"}),
        ("403_forbidden_account", "/accounts/101-004-7654321-002/summary", {}),
        ("400_count_with_from_and_to", "/instruments/EUR_USD/candles",
         {"granularity": "M5", "from": "2024-03-01T00:00:00Z", "to": "2024-03-02T00:00:00Z", "count": "2"}),
    ],
)  # fmt: skip
def test_error_bodies_are_the_recorded_ones(client: BareClient, file: str, path: str, params: dict[str, str]) -> None:
    assert client.ask("GET", path, **params).json() == recorded("errors", f"{file}.json")


def test_refusals_of_the_server_itself_are_the_recorded_ones(series: list[CandleSeries]) -> None:
    simulator = OandaSimulator(series, VirtualClock(MONDAY_MORNING), Faults(stale_token=True))
    with simulator, BareClient(simulator) as client:
        for method, path in (("GET", "summary"), ("POST", "orders"), ("GET", "/nothing/here")):
            assert client.ask(method, path).json() == recorded("errors", "401_insufficient_authorization.json")
        simulator.faults.stale_token = False
        simulator.faults.schedule(ResponseFault.TIMEOUT)
        assert client.ask("GET", "summary").json() == recorded("errors", "504_timeout.json")
        assert client.ask("POST", "orders").json() == recorded("errors", "400_missing_data.json")
