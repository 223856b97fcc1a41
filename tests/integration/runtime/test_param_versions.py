"""Parameters that change while a platform runs: in versions, at once, and the ledger can still be replayed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from services.inspection.csv_export import closed_trades
from shared.contracts.errors import InputError
from shared.contracts.runs import RunMode
from shared.contracts.shown import trade_hash
from shared.runtime.param_versions import Saved, StaleParamsError, require_newest, save_params, section_of
from shared.settings.settings import Settings, load_settings
from shared.store.engine import sqlite_url
from shared.store.rows.commands import CommandFilter
from shared.store.rows.listing import Span
from shared.store.rows.market import GateSnapshotRow
from tests.fixtures.commanded import EAGER, Commanded, commanded, plain_sql, require_sound
from tests.fixtures.paper import PAIRS

BEGUN_WITH = load_settings(None, EAGER)
TIGHT = dict.fromkeys([*PAIRS, "others"], "0.1")


@pytest.fixture(name="database")
def database_(tmp_path: Path) -> Path:
    return tmp_path / "paper.db"


@pytest.fixture(name="url")
def url_(database: Path) -> str:
    return sqlite_url(database)


def save(desk: Commanded, section: str, body: object, replaces: int | None = None) -> Saved:
    with desk.store.transaction() as transaction:
        if replaces is not None:
            require_newest(transaction, [section], replaces)
        return save_params(transaction, BEGUN_WITH, {section: body}, "ann", int(desk.clock.now))


def changed(desk: Commanded, section: str, body: object) -> dict[str, Any]:
    """Save a section, have it put into force, and return the result of the command that did."""
    saved = save(desk, section, body)
    assert saved.command is not None
    desk.obey()
    status, result = desk.result(saved.command.id)
    assert status == "SUCCEEDED"
    return result


def section(name: str, **changes: object) -> dict[str, Any]:
    return {**section_of(BEGUN_WITH, name), **changes}


def judged(desk: Commanded) -> list[GateSnapshotRow]:
    with desk.store.reading() as reader:
        return reader.gate_snapshots_after(0, 10_000)


def test_saved_parameters_rule_from_the_next_candle_on_and_after_a_restart(url: str) -> None:
    with commanded(url) as desk:
        desk.trade(300)
        result = changed(desk, "gates", section("gates", max_spread_pips=TIGHT))
        assert (result["changed"], result["version"]) == (True, 1)
        desk.trade(100)
    with commanded(url) as desk:
        desk.trade(100)
        before, after = judged(desk)[:300], judged(desk)[300:]
        assert {row.params_version for row in before} == {0}
        assert {row.params_version for row in after} == {1}
        assert len({row.params_hash for row in before}) == len({row.params_hash for row in after}) == 1
        assert before[0].params_hash != after[0].params_hash
        spreads = [row.verdicts.in_words()[1] for row in after]
        assert {(verdict["limit"], verdict["passed"]) for verdict in spreads} == {("0.1 pips", False)}
        require_sound(desk.store)


def test_half_the_risk_takes_half_the_units_and_leaves_open_positions_alone(tmp_path: Path) -> None:
    def entries(desk: Commanded) -> list[tuple[int, int]]:
        with desk.store.reading() as reader:
            return [(row.opening.signal_time, row.opening.entry.units) for row in reader.trades_in_order()]

    # Without a cap by leverage, units are what the risk and the stop make them.
    environ = {"SCALP_BOT_RISK__MAX_LEVERAGE": "1000"}
    with commanded(sqlite_url(tmp_path / "free.db"), environ=environ) as desk:
        desk.trade_until(lambda: desk.trades() >= 1, 1)
        begun = len(desk.done)
        desk.trade_until(lambda: desk.trades() >= 2, 1)
        free = entries(desk)
    with commanded(sqlite_url(tmp_path / "halved.db"), environ=environ) as desk:
        desk.trade(begun)
        with desk.store.reading() as reader:
            (opened,) = reader.positions()
        changed(desk, "risk", section("risk", max_leverage=1000, risk_percent=0.5, stop_atr=3.0))
        desk.trade(1)
        with desk.store.reading() as reader:
            assert [(each.entry.stop_loss, each.entry.take_profit) for each in reader.positions()] in (
                [],
                [(opened.entry.stop_loss, opened.entry.take_profit)],
            )
        desk.trade_until(lambda: desk.trades() >= 2, 1)
        assert entries(desk)[0] == free[0]
        # Half the risk on a stop twice as far.
        assert entries(desk)[1][1] == pytest.approx(free[1][1] / 4, rel=0.02)
        require_sound(desk.store)


@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    k=some.floats(0.0, 2.0),
    low=some.floats(1.0, 49.0),
    high=some.floats(51.0, 99.0),
    risk=some.floats(0.1, 3.0),
    open_positions=some.integers(1, 3),
)
def test_parameters_of_the_first_candle_are_those_of_a_run_begun_with_them(
    tmp_path_factory: pytest.TempPathFactory, k: float, low: float, high: float, risk: float, open_positions: int
) -> None:
    own = {"lo": low, "hi": high, "k": k}
    folder = tmp_path_factory.mktemp("params")
    environ = {
        **{f"SCALP_BOT_STRATEGIES__VWAP_RSI__AGGRESSIVE__{name.upper()}": str(value) for name, value in own.items()},
        "SCALP_BOT_RISK__RISK_PERCENT": str(risk),
        "SCALP_BOT_GATES__MAX_OPEN_POSITIONS": str(open_positions),
    }
    with commanded(sqlite_url(folder / "begun.db"), candles=500, environ=environ) as desk:
        desk.trade(500)
        wanted = trade_of(desk)
        hashes = {row.params_hash for row in judged(desk)}
    with commanded(sqlite_url(folder / "changed.db"), candles=500) as desk:
        save(desk, "vwap_rsi", section("vwap_rsi", aggressive=own))
        save(desk, "risk", section("risk", risk_percent=risk))
        save(desk, "gates", section("gates", max_open_positions=open_positions))
        desk.obey()
        desk.trade(500)
        assert trade_of(desk) == wanted
        assert {row.params_hash for row in judged(desk)} == hashes
        require_sound(desk.store)


def trade_of(desk: Commanded) -> str:
    with desk.store.reading() as reader:
        return trade_hash(closed_trades(reader))


def test_every_partition_and_the_account_go_by_the_version_of_each_candle(url: str) -> None:
    environ = {"SCALP_BOT_DEPLOYMENT__PARTITIONS": "3"}
    with commanded(url, *PAIRS, environ=environ) as desk:
        for step, percent in enumerate((0.4, 0.9, 0.2, 1.0)):
            desk.trade(200)
            changed(desk, "risk", section("risk", risk_percent=percent))
            changed(desk, "pairs", {"EUR_USD": {"profile": "normal" if step % 2 else "conservative"}})
        desk.trade(200)
        versions = [row.params_version for row in judged(desk)]
        assert versions == sorted(versions)
        assert set(versions) == {0, 2, 4, 6, 8}
        require_sound(desk.store)


def test_what_was_done_is_in_the_audit_log_with_before_and_after(url: str) -> None:
    with commanded(url) as desk:
        saved = save(desk, "vwap_rsi", section("vwap_rsi", normal={"lo": 25, "hi": 75, "k": 0.5}))
        assert saved.command is not None
        desk.obey()
        with desk.store.reading() as reader:
            records = [(row.actor, row.action, json.loads(row.detail_json)) for row in reader.audit_in_order()]
            ((_, _, row),) = reader.list_params(["vwap_rsi"], Span(10))
        actor, action, detail = records[0]
        assert (actor, action, detail["version"]) == ("ann", "params.saved", 1)
        assert json.loads(detail["after"])["normal"] == {"lo": 25.0, "hi": 75.0, "k": 0.5}
        assert desk.actions(saved.command.id) == [
            "command.sent",
            "command.claimed",
            "command.started",
            "params.activated",
            "command.completed",
        ]
        assert (row.hash, row.actor, row.activated_command_id) == (saved.rows[0].hash, "ann", saved.command.id)


def test_the_same_parameters_are_not_saved_twice_and_reloading_without_news_changes_nothing(url: str) -> None:
    with commanded(url) as desk:
        body = section("risk", risk_percent=0.5)
        assert [row.version for row in save(desk, "risk", body).rows] == [1]
        assert save(desk, "risk", {**body, "risk_percent": "0.50"}) == Saved([], None)
        desk.obey()
        assert desk.ordered("RELOAD_PARAMS") == ("SUCCEEDED", {"changed": False, "version": 1})


def test_of_two_who_changed_the_same_version_the_second_is_told(url: str) -> None:
    with commanded(url) as desk:
        save(desk, "risk", section("risk", risk_percent=0.5), replaces=0)
        with pytest.raises(StaleParamsError, match="version 1 was saved after version 0"):
            save(desk, "risk", section("risk", risk_percent=0.7), replaces=0)
        assert save(desk, "risk", section("risk", risk_percent=0.7), replaces=1).rows[0].version == 2


@pytest.mark.parametrize(
    ("name", "body", "sentence"),
    [
        ("risk", lambda: section("risk", risk_percent=0), "risk.risk_percent is 0; it must be above 0"),
        ("risk", lambda: section("risk", risk_percent=float("nan")), "risk.risk_percent is nan; it must be a finite"),
        ("risk", lambda: section("risk", stop_atr="far"), "risk.stop_atr is 'far'; it must be a valid number"),
        ("risk", lambda: {"risk_percent": 0.5}, "risk.stop_atr is missing; risk is replaced in full"),
        ("gates", lambda: section("gates", max_spread_pips={}), "gates.max_spread_pips.EUR_USD is missing"),
        ("risk", lambda: section("risk", leverage=2), "risk.leverage is not known here"),
        ("risk", lambda: [1], "risk must be a table"),
        ("gates", lambda: section("gates", daily_loss_percent="3.005"), "it must have at most 2 decimals"),
        ("vwap_rsi", lambda: section("vwap_rsi", normal={"lo": 70, "hi": 30, "k": 0}), "lo must be below hi"),
        ("vwap_rsi", lambda: {"normal": {"lo": 30, "k": 0}, "other": {}}, "vwap_rsi.conservative is missing"),
        ("ema_vwap", lambda: section("ema_vwap", normal={"k": float("inf")}), "ema_vwap.normal.k"),
        ("pairs", lambda: {"EUR_USD": {"strategy": "vwap_rsi"}}, "pairs.EUR_USD.strategy is not known here"),
        ("pairs", lambda: {"EURUSD": {"profile": "normal"}}, "EURUSD"),
        ("live", dict, "there are no parameters 'live'"),
    ],
)
def test_parameters_that_cannot_be_are_refused_in_one_sentence(
    url: str, name: str, body: Callable[[], object], sentence: str
) -> None:
    with commanded(url) as desk:
        with pytest.raises(InputError) as refusal:
            save(desk, name, body())
        assert sentence in str(refusal.value)
        assert "\n" not in str(refusal.value)
        with desk.store.reading() as reader:
            assert reader.newest_params() == []
            assert reader.list_commands(Span(1), CommandFilter()) == []


def test_a_version_of_plain_sql_is_checked_before_it_rules(database: Path, url: str) -> None:
    row = (
        "INSERT INTO strategy_params (version, section, body_json, hash, actor, created_ts_utc)"
        " VALUES ({version}, 'risk', '{body}', 'x', 'sql', '2026-01-05T12:00:00Z')"
    )
    with commanded(url) as desk:
        desk.trade(100)
        plain_sql(database, row.format(version=1, body='{"risk_percent": 0.5}'))
        assert "risk.stop_atr is missing" in desk.ordered("RELOAD_PARAMS")[1]["detail"]
        plain_sql(database, row.format(version=2, body=json.dumps(section("risk", risk_percent=-1))))
        status, result = desk.ordered("RELOAD_PARAMS")
        assert status == "FAILED"
        assert "risk.risk_percent is -1" in result["detail"]
        plain_sql(database, row.format(version=3, body="not JSON"))
        assert desk.ordered("RELOAD_PARAMS")[1]["detail"] == "version 3 (risk) of the parameters is not JSON"
        desk.trade(100)
        plain_sql(database, row.format(version=4, body=json.dumps(section("risk", risk_percent=0.5))))
        assert desk.ordered("RELOAD_PARAMS")[1]["version"] == 4
        desk.trade(100)
        assert [row.params_version for row in judged(desk)] == [0] * 200 + [4] * 100
        require_sound(desk.store)


def test_a_section_that_is_not_known_never_rules_and_bars_none_after_it(database: Path, url: str) -> None:
    row = (
        "INSERT INTO strategy_params (version, section, body_json, hash, actor, created_ts_utc)"
        " VALUES (1, 'risc', '{}', 'x', 'sql', '2026-01-05T12:00:00Z')"
    )
    with commanded(url) as desk:
        plain_sql(database, row)
        status, result = desk.ordered("RELOAD_PARAMS")
        assert status == "FAILED"
        assert "there are no parameters 'risc': use one of" in result["detail"]
        assert changed(desk, "risk", section("risk", risk_percent=0.5))["version"] == 2


def test_a_section_is_written_the_same_way_however_it_was_sent() -> None:
    for name in ("ema_vwap", "vwap_rsi", "bb_breakout", "gates", "risk", "pairs"):
        assert section_of(Settings(), name) == json.loads(json.dumps(section_of(Settings(), name)))


def test_a_run_that_was_begun_live_keeps_its_parameters_too(url: str) -> None:
    with commanded(url, mode=RunMode.LIVE) as desk:
        desk.trade(200)
        changed(desk, "vwap_rsi", section("vwap_rsi", aggressive={"lo": 49, "hi": 51, "k": 2}))
        desk.trade(200)
        require_sound(desk.store)
