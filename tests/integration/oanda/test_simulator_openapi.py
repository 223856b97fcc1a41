"""What the simulated OANDA answers fits OANDA's own description of its interface, field by field."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import httpx
import jsonschema_rs
import pytest

from tests.fixtures.paper import sample_series
from tests.material import shared_material
from tests.simulators.oanda import OandaSimulator, ResponseFault, VirtualClock
from tests.simulators.oanda.bare_client import BareClient

MONDAY_MORNING: Final = 1_710_745_200  # 2024-03-18T07:00:00Z
# In recorded answers, but younger than the description.
YOUNGER: Final = {
    *("balance", "pl", "resettablePL", "commission", "guaranteedExecutionFees", "quoteGuaranteedExecutionFee"),
    *("requestedUnits", "quotePL", "baseFinancing", "homeConversionFactors", "timestamp"),
    *("guaranteedStopLossOrderMode", "tags", "financing", "dividendAdjustment"),
}
# What stands for many kinds, each with fields of its own.
MANY_KINDS: Final = ("Order", "Transaction")
QUESTIONS: Final[tuple[tuple[str, str, dict[str, str | int]], ...]] = (
    ("GET", "/accounts", {}),
    ("GET", "summary", {}),
    ("GET", "instruments", {}),
    ("GET", "instruments", {"instruments": "EUR_USD"}),
    ("GET", "pricing", {"instruments": "EUR_USD,USD_JPY", "includeHomeConversions": "true"}),
    ("GET", "/instruments/EUR_USD/candles", {"granularity": "M5", "price": "MBA", "count": 5}),
    ("GET", "changes", {"sinceTransactionID": 1}),
    ("GET", "positions", {}),
    ("GET", "openPositions", {}),
    ("GET", "positions/EUR_USD", {}),
    ("GET", "trades", {}),
    ("GET", "openTrades", {}),
    ("GET", "orders", {}),
    ("GET", "pendingOrders", {}),
    ("GET", "transactions", {}),
    ("GET", "transactions/sinceid", {"id": 1}),
    ("GET", "transactions/idrange", {"from": 1, "to": 3}),
    ("GET", "transactions/2", {}),
    ("GET", "transactions/4711", {}),
    ("GET", "positions/GBP_USD", {}),
    ("GET", "/instruments/EUR_USD/candles", {"granularity": "M3"}),
    ("GET", "changes", {"sinceTransactionID": 4711}),
)


@pytest.fixture(name="description", scope="module")
def description_() -> dict[str, Any]:
    text = shared_material("oanda", "spec", "oanda_v20_openapi_3.0.25_2018.json").read_text(encoding="utf-8")
    read: dict[str, Any] = json.loads(text)
    for kind in MANY_KINDS:
        read["definitions"][kind]["additionalProperties"] = True
    for known in _objects(read):
        known["properties"] = {**{name: {} for name in YOUNGER}, **known.get("properties", {})}
        known.setdefault("additionalProperties", False)
    # Fills were recorded with their liquidity as text, prices with a number.
    read["definitions"]["PriceBucket"]["properties"]["liquidity"] = {"type": ["integer", "string"]}
    return read


def _objects(part: object) -> Iterator[dict[str, Any]]:
    """Yield all schemas of objects in a part of the description."""
    if isinstance(part, dict):
        if part.get("type") == "object":
            yield part
        for each in list(part.values()):
            yield from _objects(each)
    elif isinstance(part, list):
        for each in part:
            yield from _objects(each)


@pytest.fixture(name="simulator")
def simulator_() -> Iterator[OandaSimulator]:
    with OandaSimulator(sample_series("EUR_USD", "USD_JPY"), VirtualClock(MONDAY_MORNING)) as simulator:
        yield simulator


def faults_in(description: dict[str, Any], answer: httpx.Response) -> list[str]:
    """Return in which places an answer does not fit the description."""
    path = answer.request.url.path.removeprefix("/v3")
    template = next(
        (
            each
            for each in sorted(description["paths"], key=lambda each: each.count("{"))
            if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", each), path)
        ),
        None,
    )
    assert template is not None, path
    responses = description["paths"][template][answer.request.method.lower()]["responses"]
    shape = responses.get(str(answer.status_code))
    if shape is None:
        # The description leaves refusals out here and there.
        return [] if answer.is_error and answer.json()["errorMessage"] else [f"{path}: {answer.status_code}"]
    if "$ref" in shape:
        shape = description["responses"][shape["$ref"].rsplit("/", 1)[-1]]
    schema = {**shape.get("schema", {}), "definitions": description["definitions"]}
    validator = jsonschema_rs.Draft4Validator(schema)
    return [
        f"{template}: {error.message} at {list(error.instance_path)}" for error in validator.iter_errors(answer.json())
    ]


def test_every_answer_is_described(simulator: OandaSimulator, description: dict[str, Any]) -> None:
    with BareClient(simulator) as client:
        answers = [
            client.order(1_000, stopLossOnFill={"price": "1.00000"}, clientExtensions={"id": "mine"}),
            client.order(-300, "USD_JPY"),
            client.order(0),
            client.ask(
                "POST",
                "orders",
                {
                    "order": {
                        "type": "LIMIT",
                        "instrument": "EUR_USD",
                        "units": "5",
                        "price": "1.00000",
                        "timeInForce": "GTC",
                    }
                },
            ),
            client.ask("GET", f"/accounts/{simulator.account_id}"),
            *(client.ask(method, path, **params) for method, path, params in QUESTIONS),
            client.close(longUnits="ALL"),
            client.close(longUnits="ALL"),
            client.ask("PUT", "trades/4711/close", {"units": "ALL"}),
        ]
        simulator.faults.market_halted = True
        answers.append(client.order(1_000))
        simulator.faults.market_halted = False
        for fault in (ResponseFault.UNAUTHORIZED, ResponseFault.FORBIDDEN, ResponseFault.NOT_FOUND):
            simulator.faults.schedule(fault)
            answers.append(client.ask("GET", "summary"))
    assert len({answer.status_code for answer in answers}) > 6
    assert [fault for answer in answers for fault in faults_in(description, answer)] == []


def test_an_answer_of_another_shape_is_noticed(simulator: OandaSimulator, description: dict[str, Any]) -> None:
    with BareClient(simulator) as client:
        assert faults_in(description, client.ask("GET", "summary")) == []
        simulator.faults.schedule(ResponseFault.OTHER_SHAPE)
        assert faults_in(description, client.ask("GET", "summary")) != []
