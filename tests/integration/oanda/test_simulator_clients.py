"""Public clients of OANDA, which nobody wrote for it, understand what the simulated OANDA answers."""

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.fixtures.paper import sample_series
from tests.simulators.oanda import OandaSimulator, VirtualClock

MONDAY_MORNING: Final = 1_710_745_200  # 2024-03-18T07:00:00Z
SINCE: Final = "2024-03-15T10:00:00Z"
PAIRS: Final = "EUR_USD,USD_JPY"


@pytest.fixture(name="simulator", params=[False, True], ids=["at once", "with the next quote"])
def simulator_(request: pytest.FixtureRequest) -> Iterator[OandaSimulator]:
    clock = VirtualClock(MONDAY_MORNING, 60.0)
    with OandaSimulator(sample_series("EUR_USD", "USD_JPY"), clock, heartbeat_seconds=0.05) as simulator:
        simulator.faults.completes_with_next_tick = request.param
        yield simulator


# Its source has escape sequences that Python warns of when it compiles them.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::SyntaxWarning")
def test_oandapyv20_understands_everything(simulator: OandaSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("oandapyV20.oandapyV20", reason="left out: oandapyV20 is not installed")
    names = ("accounts", "instruments", "orders", "positions", "pricing", "transactions")
    accounts, instruments, orders, positions, pricing, transactions = (
        import_module(f"oandapyV20.endpoints.{name}") for name in names
    )
    hosts = [url.removesuffix("/v3") for url in simulator.address[:2]]
    monkeypatch.setitem(module.TRADING_ENVIRONMENTS, "practice", dict(zip(("api", "stream"), hosts, strict=True)))
    client, account = module.API(access_token=simulator.token, environment="practice"), simulator.account_id

    def ask(request: Any) -> Any:
        return client.request(request)

    assert ask(accounts.AccountList())["accounts"][0]["id"] == account
    assert ask(accounts.AccountSummary(account))["account"]["dividendAdjustment"] == "0"
    assert len(ask(accounts.AccountInstruments(account))["instruments"]) == 2
    page = ask(instruments.InstrumentsCandles("EUR_USD", {"granularity": "M5", "from": SINCE, "count": 20}))
    assert len(page["candles"]) == 20
    assert len(ask(pricing.PricingInfo(account, {"instruments": PAIRS}))["prices"]) == 2
    order = {"order": {"type": "MARKET", "instrument": "EUR_USD", "units": "100", "timeInForce": "FOK"}}
    assert "orderFillTransaction" in ask(orders.OrderCreate(account, order))
    assert ask(positions.OpenPositions(account))["positions"][0]["long"]["units"] == "100"
    assert "longOrderFillTransaction" in ask(positions.PositionClose(account, "EUR_USD", {"longUnits": "ALL"}))
    assert len(ask(transactions.TransactionsSinceID(account, {"id": 1}))["transactions"]) >= 4
    stream = pricing.PricingStream(account, {"instruments": PAIRS})
    kinds = [each["type"] for each in islice(ask(stream), 12)]
    with suppress(Exception):
        stream.terminate("enough")
    assert set(kinds) == {"PRICE", "HEARTBEAT"}


def test_v20_understands_everything(simulator: OandaSimulator) -> None:
    v20 = pytest.importorskip("v20", reason="left out: v20 is not installed")
    account = simulator.account_id
    rest, stream = (
        v20.Context(place.hostname, place.port, ssl=False, token=simulator.token, application="test")
        for place in map(urlsplit, simulator.address[:2])
    )
    assert rest.account.list().get("accounts", 200)[0].id == account
    assert rest.account.summary(account).get("account", 200).currency == "USD"
    assert len(rest.account.instruments(account).get("instruments", 200)) == 2
    candles = rest.instrument.candles("EUR_USD", granularity="M5", price="BA", fromTime=SINCE, count=20)
    assert [each.complete for each in candles.get("candles", 200)] == [True] * 20
    assert len(rest.pricing.get(account, instruments=PAIRS).get("prices", 200)) == 2
    filled = rest.order.market(account, instrument="EUR_USD", units=100)
    assert filled.get("orderFillTransaction", 201).units == 100
    assert rest.position.list_open(account).get("positions", 200)[0].long.units == 100
    closed = rest.position.close(account, "EUR_USD", longUnits="ALL")
    assert closed.get("longOrderFillTransaction", 200).units == -100
    assert len(rest.transaction.since(account, id=1).get("transactions", 200)) >= 4
    assert rest.account.summary("101-004-7654321-001").status == 403
    parts = stream.pricing.stream(account, instruments=PAIRS, snapshot=True).parts()
    assert {kind for kind, _ in islice(parts, 12)} == {"pricing.ClientPrice", "pricing.PricingHeartbeat"}


def test_fivetwenty_which_is_strict_understands_everything(
    simulator: OandaSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    fivetwenty = pytest.importorskip("fivetwenty", reason="left out: fivetwenty is not installed")
    environment = fivetwenty.Environment
    for name, url in zip(("base_url", "stream_url"), simulator.address[:2], strict=True):
        monkeypatch.setattr(environment, name, url)
    account = simulator.account_id
    client = fivetwenty.Client(token=simulator.token, account_id=account)
    try:
        assert client.accounts.get_accounts()[0].id == account
        client.accounts.get_account(account)
        client.accounts.get_account_summary(account)
        client.accounts.get_account_instruments(account)
        client.instruments.get_instrument_candles("EUR_USD", granularity="M5", price="MBA", count=20)
        client.pricing.get_pricing(account, ["EUR_USD", "USD_JPY"])
        client.orders.post_market_order(account_id=account, instrument="EUR_USD", units=100)
        client.positions.get_open_positions(account)
        client.accounts.get_account(account)
        client.positions.close_position(account, "EUR_USD", long_units="ALL")
        client.transactions.get_transactions_since_id(account, "1")
        client.accounts.get_account_changes(account, since_transaction_id="1")
        stream = client.pricing.stream_iter(account, ["EUR_USD", "USD_JPY"])
        assert {type(each).__name__ for each in islice(stream, 12)} == {"ClientPrice", "PricingHeartbeat"}
        stream.close()
    finally:
        client.close()
