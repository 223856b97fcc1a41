"""Bodies of requests have one meaning: what is no number is none, nothing is given twice, and high risk is meant."""

import json
from collections.abc import Iterator
from typing import Any, Final, get_args

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

from services.api.app import create_app
from services.api.shapes.bodies import Body
from shared.store.rows.commands import CommandFilter
from shared.store.rows.listing import Span
from tests.fixtures.api import PASSWORD, Api
from tests.fixtures.api_stores import quick_api, server_url

__all__ = ["quick_api", "server_url"]

STRATEGY: Final = "/api/strategy-params/vwap_rsi"
SETTINGS: Final = "/api/settings"
RISK: Final = {
    "risk_percent": 0.5,
    "stop_atr": 1.5,
    "target_ratio": 2.0,
    "max_leverage": 30,
    "minimum_units": 1,
    "max_slippage_pips": "0",
    "slippage_seed": 0,
}
PROFILES: Final = {name: {"lo": 30, "hi": 70, "k": 0.1} for name in ("conservative", "normal", "aggressive")}


def sent(api: Api, path: str, body: str | bytes) -> tuple[int, str]:
    """Put or post a body as an admin, and return the status and the sentence of the answer."""
    headers = {**api.sign_in("admin").headers, "Content-Type": "application/json"}
    answer = api.client.request("PUT" if path in (STRATEGY, SETTINGS) else "POST", path, content=body, headers=headers)
    return answer.status_code, answer.json().get("detail", "")


def with_value(document: object, name: str, value: str) -> str:
    """Return a document in which a member has a value, as it is written in JSON."""
    text = json.dumps(document)
    known = next(part for part in (f'"{name}": {json.dumps(each)}' for each in (0.1, *RISK.values())) if part in text)
    return text.replace(known, f'"{name}": {value}')


def require_nothing_saved(api: Api) -> None:
    with api.store.reading() as reader:
        assert reader.newest_params() == []
        assert reader.list_commands(Span(1), CommandFilter()) == []


NO_NUMBERS: Final = (
    *("true", "false", "null", "[]", '"1_0"', '"\u0661"', '" 3 "', '"1e1"', '"0x10"', '"+1"', '"inf"', '""'),
    *("NaN", "-Infinity", "1e-400", "1e400"),
)


@pytest.mark.parametrize("name", ["risk_percent", "max_leverage", "minimum_units", "slippage_seed"])
def test_what_is_no_number_is_not_taken_for_one(quick_api: Api, name: str) -> None:
    for value in (*NO_NUMBERS, '"3"', "9" * 5_000):
        assert sent(quick_api, SETTINGS, with_value({"risk": RISK}, name, value))[0] == 422, value
        assert sent(quick_api, STRATEGY, with_value({"profiles": PROFILES}, "k", value))[0] == 422, value
    require_nothing_saved(quick_api)


def test_what_is_no_decimal_number_is_not_taken_for_one(quick_api: Api) -> None:
    for value in (*NO_NUMBERS, '"NaN"', '"-1"', "-1", '"1."', '".5"'):
        assert sent(quick_api, SETTINGS, with_value({"risk": RISK}, "max_slippage_pips", value))[0] == 422, value
    require_nothing_saved(quick_api)


def test_a_decimal_number_is_a_text_or_a_number(quick_api: Api) -> None:
    for value in ('"0.5"', "0.6", '"1"', "2"):
        assert sent(quick_api, SETTINGS, with_value({"risk": RISK}, "max_slippage_pips", value))[0] == 202
        changeable = quick_api.get(SETTINGS).json()["changeable"]
        assert float(changeable["risk"]["max_slippage_pips"]) == float(value.strip('"'))


@pytest.mark.parametrize(
    ("path", "body", "twice"),
    [
        (SETTINGS, json.dumps({"risk": RISK}).replace("{", '{"risk": {}, ', 1), "risk"),
        (SETTINGS, json.dumps({"risk": RISK}).replace("0.5,", '0.1, "risk_percent": 99,'), "risk_percent"),
        (STRATEGY, json.dumps({"profiles": PROFILES}).replace("0.1}", '0.1, "k": 2}', 1), "k"),
        ("/api/commands", '{"type": "PAUSE_ALL", "type": "RESUME_ALL"}', "type"),
        ("/auth/login", f'{{"username": "viewer", "username": "admin", "password": "{PASSWORD}"}}', "username"),
        ("/api/users", f'{{"name": "x", "role": "viewer", "role": "admin", "password": "{PASSWORD}"}}', "role"),
    ],
)
def test_a_member_that_is_given_twice_is_refused(quick_api: Api, path: str, body: str, twice: str) -> None:
    status, detail = sent(quick_api, path, body)
    assert (status, detail) == (422, f"body: the member '{twice}' is given more than once")
    require_nothing_saved(quick_api)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"\xff{}", "it is not UTF-8"),
        ('{"type": "PAUSE_ALL"}'.encode("utf-16"), "it is not UTF-8"),
        (b"{", "it is not JSON"),
        (b'\xef\xbb\xbf{"type": "PAUSE_ALL"}', "it is not JSON"),
        (b"[" * 30_000, "it is nested too deeply"),
        (b'{"expires_seconds": NaN}', "NaN is not a number"),
    ],
)
def test_what_is_no_document_is_said_to_be_none(quick_api: Api, body: bytes, sentence: str) -> None:
    status, detail = sent(quick_api, "/api/commands", body)
    assert status == 422
    assert sentence in detail


@pytest.mark.parametrize(("name", "high"), [("risk_percent", "5.01"), ("risk_percent", "100"), ("max_leverage", "101")])
def test_high_risk_is_taken_only_by_who_says_so(quick_api: Api, name: str, high: str) -> None:
    body = with_value({"risk": RISK}, name, high)
    status, detail = sent(quick_api, SETTINGS, body)
    assert (status, "accept_high_risk" in detail) == (422, True)
    assert sent(quick_api, SETTINGS, body.replace("{", '{"accept_high_risk": "true", ', 1))[0] == 422
    require_nothing_saved(quick_api)
    assert sent(quick_api, SETTINGS, body.replace("{", '{"accept_high_risk": true, ', 1))[0] == 202


def test_risk_up_to_there_is_taken_at_once(quick_api: Api) -> None:
    for name, value in (("risk_percent", "5"), ("max_leverage", "100")):
        assert sent(quick_api, SETTINGS, with_value({"risk": RISK}, name, value))[0] == 202


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Return the models in an annotation, and all that those are made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for each in get_args(annotation):
        yield from models_in(each)


def test_every_body_is_strict(quick_api: Api) -> None:
    routes = [route for route in create_app(quick_api.context).routes if isinstance(route, APIRoute)]
    fields = [route.body_field for route in routes if route.body_field is not None]
    found = {model for field in fields for model in models_in(field.field_info.annotation)}
    assert len(found) > 10
    lax = {model.__name__ for model in found if not issubclass(model, Body)}
    loosened = {
        model.__name__
        for model in found
        if (model.model_config.get("extra"), model.model_config.get("strict")) != ("forbid", True)
    }
    assert (lax, loosened) == (set(), set())
