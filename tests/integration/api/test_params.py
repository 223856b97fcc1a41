"""Parameters over HTTP: read, replaced in versions, put into force by the executor, refused where they cannot be."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.runtime.param_versions import section_of
from shared.settings.settings import Settings
from shared.store.engine import sqlite_url
from shared.store.rows.commands import CommandFilter
from shared.store.rows.listing import Span
from tests.fixtures.api import Api, running
from tests.fixtures.api_stores import quick_api
from tests.fixtures.commanded import PAIR, Commanded, commanded, require_sound

__all__ = ["quick_api"]

STRATEGY = "/api/strategy-params/vwap_rsi"
SETTINGS = "/api/settings"
PROFILES = {
    "conservative": {"lo": 25, "hi": 75, "k": 0.2},
    "normal": {"lo": 30, "hi": 70, "k": 0.3},
    "aggressive": {"lo": 49, "hi": 51, "k": 2},
}
RISK = section_of(Settings(), "risk")


@contextmanager
def traded(tmp_path: Path) -> Iterator[tuple[Commanded, Api]]:
    """Trade a little, and serve an API on the same store."""
    with commanded(sqlite_url(tmp_path / "paper.db")) as desk:
        desk.trade(60)
        with running(desk.store) as api:
            yield desk, api


def put(api: Api, path: str, body: object, name: str = "admin") -> httpx.Response:
    signed = api.sign_in(name)
    return api.client.put(path, json=body, headers={**signed.headers, "X-CSRF-Token": signed.csrf})


def read(api: Api, path: str, **query: object) -> Any:
    answer = api.get(path, "operator", **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_strategy_gets_other_parameters_while_it_runs(tmp_path: Path) -> None:
    with traded(tmp_path) as (desk, api):
        before = read(api, STRATEGY)
        assert (before["active_version"], before["newest_version"]) == (0, 0)
        assert before["pairs"] == {PAIR: "aggressive"}
        answer = put(api, STRATEGY, {"profiles": PROFILES, "replaces": 0}, "operator")
        assert answer.status_code == 202
        (saved,) = answer.json()["versions"]
        assert (saved["version"], saved["actor"], saved["activated"]) == (1, "operator", None)
        waiting = read(api, STRATEGY)
        assert (waiting["active_version"], waiting["active"]) == (0, before["active"])
        assert (waiting["newest_version"], waiting["newest"]["aggressive"]["k"]) == (1, 2.0)
        desk.obey()
        assert desk.result(answer.json()["command_id"])[0] == "SUCCEEDED"
        now = read(api, STRATEGY)
        assert (now["active_version"], now["active"]) == (1, waiting["newest"])
        desk.trade(1)
        newest, last = read(api, "/api/gates", limit=2)["items"]
        assert (newest["params_version"], last["params_version"]) == (1, 0)
        assert newest["params_hash"] != last["params_hash"]
        (version,) = read(api, f"{STRATEGY}/versions")["items"]
        assert version["activated"] is not None
        assert version["hash"] == saved["hash"]
        again = put(api, STRATEGY, {"profiles": PROFILES}, "operator")
        assert (again.status_code, again.json()) == (200, {"versions": [], "command_id": None})
        require_sound(desk.store)


def test_limits_and_risk_change_together_by_one_command(tmp_path: Path) -> None:
    with traded(tmp_path) as (desk, api):
        known = read(api, SETTINGS)
        sections = known["changeable"]
        body = {
            "gates": {**sections["gates"], "max_open_positions": 1},
            "risk": {**sections["risk"], "risk_percent": 0.25},
            "pairs": {PAIR: {"profile": "conservative", "max_spread_pips": "0.4"}},
            "replaces": known["newest_version"],
        }
        answer = put(api, SETTINGS, body)
        assert answer.status_code == 202
        assert [each["section"] for each in answer.json()["versions"]] == ["gates", "risk", "pairs"]
        desk.obey()
        shown = read(api, SETTINGS)
        assert (shown["active_version"], shown["settings"]["risk"]["risk_percent"]) == (3, 0.25)
        assert shown["settings"]["pairs"][PAIR]["profile"] == "conservative"
        desk.trade(1)
        (newest,) = read(api, "/api/gates", limit=1)["items"]
        limits = {verdict["gate"]: verdict["limit"] for verdict in newest["gates"]}
        assert (limits["spread"], limits["open_position"]) == ("0.4 pips", "1")
        pages = [read(api, f"{SETTINGS}/versions", limit=2)]
        pages.append(read(api, f"{SETTINGS}/versions", limit=2, cursor=pages[0]["next_cursor"]))
        assert [each["version"] for page in pages for each in page["items"]] == [3, 2, 1]
        require_sound(desk.store)


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        (STRATEGY, {"profiles": PROFILES, "replaces": 7}, 409, "version 0 was saved after version 7"),
        (STRATEGY, {"profiles": {**PROFILES, "normal": {"lo": 70, "hi": 30, "k": 0}}}, 422, "lo must be below hi"),
        (STRATEGY, {"profiles": {**PROFILES, "normal": {"lo": 30, "hi": 70}}}, 422, "vwap_rsi.normal.k is missing"),
        (STRATEGY, {"profile": {}}, 422, "body.profile"),
        (STRATEGY, {"profiles": {}, "actor": "somebody"}, 422, "body.actor"),
        ("/api/strategy-params/martingale", {"profiles": PROFILES}, 422, "path.strategy"),
        (SETTINGS, {"risk": {**RISK, "risk_percent": 101}}, 422, "body.risk.risk_percent"),
        (SETTINGS, {"account": {"start_balance": "1"}}, 422, "body.account"),
        (SETTINGS, {"pairs": {PAIR: {"strategy": "ema_vwap"}}}, 422, "body.pairs.USD_JPY.strategy"),
        (SETTINGS, {}, 422, "name at least one of gates, risk, pairs"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_saved(
    quick_api: Api, path: str, body: dict[str, object], status: int, sentence: str
) -> None:
    answer = put(quick_api, path, body)
    assert answer.status_code == status, answer.text
    assert sentence in answer.json()["detail"]
    with quick_api.store.reading() as reader:
        assert reader.newest_params() == []
        assert reader.list_commands(Span(1), CommandFilter()) == []


def test_not_a_number_is_refused(quick_api: Api) -> None:
    headers = {**quick_api.sign_in("admin").headers, "Content-Type": "application/json"}
    for number in ("NaN", "Infinity", "-Infinity", "1e400"):
        body = f'{{"profiles": {{"normal": {{"lo": 30, "hi": 70, "k": {number}}}}}}}'
        answer = quick_api.client.put(STRATEGY, content=body, headers=headers)
        assert answer.status_code == 422, answer.text
