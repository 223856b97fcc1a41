"""`scalpbot backtest` on real candles and on the sample, as a user runs it."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.cli import main
from shared.core.types import GATE_NAMES
from tests.material import shared_material
from tests.repository import ROOT

_SAMPLE = ROOT / "tests" / "fixtures" / "sample"


def _backtest(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    assert main(["backtest", *map(str, arguments), "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_five_minute_candles_give_the_known_trades(capsys: pytest.CaptureFixture[str]) -> None:
    found = _backtest(capsys, "--csv", f"EUR_USD={shared_material('data', 'EUR_USD_M5_2014-05.csv')}")
    assert (found["candles"], found["trades"], found["net"]) == (3168, 6, "-2.3957")
    assert found["trade_hash"] == "64d92738f13078cec04e2dc95df7bfcc83b21592e3497e84016d35353660282b"
    assert found["refusals"] == {}
    assert found["ambiguous"] == {"trades": 0, "pessimistic_net": "-2.3957", "optimistic_net": "-2.3957"}
    assert [gate["name"] for gate in found["funnel"]] == list(GATE_NAMES)
    assert sum(gate["stopped_first"] for gate in found["funnel"]) + found["passed_all_gates"] == 3168
    assert {each["name"]: each["verdict"] for each in found["thresholds"]}["win_rate_percent"] == "fail"
    assert found["metrics"]["wins"] == 2
    assert found["costs"]["slippage"] == "0.0000"
    assert found["trade_list"][0]["entry_price"] == "1.38731"


def test_one_minute_candles_give_the_known_trades_and_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    found = _backtest(capsys, "--csv", shared_material("data", "EUR_USD_M1_2014-05.csv"))
    assert (found["trades"], found["net"]) == (16, "-673.0576")
    assert found["refusals"] == {"stop_inside_spread": 1}
    assert found["passed_all_gates"] == 17
    assert found["trade_hash"] == "10e8c2e98ca608094eac3b3d843668ad36098794a742f41b2767aaf901086b03"


def test_news_keep_a_trade_out(capsys: pytest.CaptureFixture[str]) -> None:
    news = shared_material("data", "calendar_2014-05.json")
    found = _backtest(capsys, "--csv", shared_material("data", "EUR_USD_M5_2014-05.csv"), "--news", news)
    assert found["trades"] == 5
    assert found["trade_hash"] == "a4350d862c54ac1929794669dade3ec31c4e97e0c719129cca5b20c5428cbd44"
    assert not any("news" in warning for warning in found["warnings"])


def test_compressed_hourly_candles_of_a_decade_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    found = _backtest(capsys, "--csv", shared_material("data", "EUR_USD_H1_2007-2018.csv.gz"), "--skip-bad-rows")
    assert found["candles"] > 60_000
    assert found["metrics"]["sharpe"] is not None


def test_several_pairs_run_together_and_the_trade_list_agrees_with_the_report(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    files = [argument for path in sorted(_SAMPLE.glob("*.csv")) for argument in ("--csv", path)]
    out = tmp_path / "trades.csv"
    found = _backtest(
        capsys, *files, "--news", _SAMPLE / "calendar_sample.json", "--trades", out, "--walk-forward", "2"
    )
    assert [each["pair"] for each in found["pairs"]] == ["EUR_USD", "GBP_USD", "USD_JPY"]
    assert found["trades"] > 30
    header, *lines = out.read_text().splitlines()
    assert header.startswith("pair,strategy,side,units,entry_time")
    assert len(lines) == found["trades"]
    assert sum(Decimal(line.split(",")[12]) for line in lines) == Decimal(found["net"])
    assert len(found["walk_forward"]["windows"]) == 2
    assert found["validation"]["train"]["candles"] + found["validation"]["validation"]["candles"] == found["candles"]


def test_time_exit_holds_each_trade_for_the_candles_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    sample = _SAMPLE / "EUR_USD_M5_sample.csv"
    found = _backtest(capsys, "--csv", sample, "--mode", "time_exit", "--hold-bars", "3")
    assert found["trades"] > 0
    assert {trade["exit_reason"] for trade in found["trade_list"]} <= {"time_exit", "daily_halt"}
    assert found["metrics"]["mean_holding_seconds"] == 900
    assert found["ambiguous"]["trades"] == 0


def test_a_profile_can_be_chosen_for_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    sample = _SAMPLE / "EUR_USD_M5_sample.csv"
    normal, bold = (_backtest(capsys, "--csv", sample, "--profile", profile) for profile in ("normal", "aggressive"))
    assert bold["pairs"][0]["parameters"] == {"k": 0.3}
    assert bold["pairs"][0]["settings_digest"] != normal["pairs"][0]["settings_digest"]
    assert bold["passed_all_gates"] >= normal["passed_all_gates"]


def test_the_printed_report_tells_rules_results_and_hash(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", "--csv", str(_SAMPLE / "EUR_USD_M5_sample.csv"), "--walk-forward", "2"]) == 0
    printed = capsys.readouterr().out
    for part in (
        "stop loss is taken first (pessimistic)",
        "Gate funnel",
        "Costs paid",
        "Acceptance thresholds",
        "Training and validation",
        "Walk-forward, rolling",
        "Last 9 of 9 trades",
        "No news calendar was given",
        "Trade hash: ",
    ):
        assert part in printed


def test_orders_without_a_conversion_rate_are_explained_by_the_rate_that_is_missing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sample = f"EUR_GBP={_SAMPLE / 'EUR_USD_M5_sample.csv'}"
    found = _backtest(capsys, "--csv", sample)
    refused = found["refusals"]["no_conversion_rate"]
    assert found["trades"] == 0
    (note,) = (warning for warning in found["warnings"] if "no_conversion_rate" in warning)
    assert f"{refused} orders in EUR_GBP were refused" in note
    assert "[rates]" in note
    settings = tmp_path / "own.toml"
    settings.write_text("[rates]\nGBP_USD = 1.27\n", encoding="utf-8")
    mended = _backtest(capsys, "--csv", sample, "--config", settings)
    assert mended["trades"] > 0
    assert not any("no_conversion_rate" in warning for warning in mended["warnings"])
