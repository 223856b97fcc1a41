"""Gold is traded in its own pips and points, from the candle file to the ledger."""

import csv
import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from shared.settings.settings import load_settings
from tests.fixtures.paper import SAMPLE
from tests.verbs import Run, answer, run_

__all__ = ["run_"]

SPREADS = '[pairs.XAU_USD]\nmodel_spread_pips = 30\nmax_spread_pips = 40\nstrategy = "ema_vwap"\n'


@pytest.fixture(name="gold")
def gold_(tmp_path: Path) -> str:
    """Write candles of gold around 2,000 dollars, made from a sample, with cents."""
    path = tmp_path / "XAU_USD_M5.csv"
    with (SAMPLE / "EUR_USD_M5_sample.csv").open(encoding="utf-8") as sample, path.open("w", encoding="utf-8") as made:
        for row in csv.reader(sample):
            if row[0] == "time":
                made.write("time,open,high,low,close,volume\n")
                continue
            prices = row[1:5]
            made.write(",".join([row[0], *(f"{Decimal(price) * 1800:.2f}" for price in prices), row[-1]]) + "\n")
    return str(path)


def settings(folder: Path, text: str = "") -> tuple[str, str]:
    path = folder / "own.toml"
    path.write_text(SPREADS + text, encoding="utf-8")
    return "--config", str(path)


def test_gold_is_counted_in_cents(run: Run, gold: str, tmp_path: Path) -> None:
    (found,) = answer(run, "data", "check", "--csv", gold, *settings(tmp_path))["files"]
    assert found["median_spread_pips"] == 30.0
    report = answer(run, "backtest", "--csv", gold, *settings(tmp_path))
    assert report["trades"] > 0
    for trade in report["trade_list"]:
        assert {len(trade[name].partition(".")[2]) for name in ("entry_price", "exit_price", "sl", "tp")} == {3}
        move = (Decimal(trade["exit_price"]) - Decimal(trade["entry_price"])) * (1 if trade["side"] == "BUY" else -1)
        assert Decimal(trade["pnl_pips"]) == move * 100
        assert Decimal(trade["pnl"]) == move * trade["units"]
        assert Decimal(trade["spread_cost"]) == Decimal("0.3") * trade["units"]


def test_gold_gives_the_same_trades_in_a_ledger_that_parity_confirms(run: Run, gold: str, tmp_path: Path) -> None:
    own = settings(tmp_path)
    paper = answer(run, "paper", "--csv", gold, *own)
    assert paper["trade_hash"] == answer(run, "backtest", "--csv", gold, *own)["trade_hash"]
    assert run("parity")[0] == 0
    trade = answer(run, "trades", "--limit", "1")[0]
    assert len(trade["entry_price"].partition(".")[2]) == 3


def test_spreads_that_are_all_above_the_limit_are_told(run: Run, gold: str, tmp_path: Path) -> None:
    (tmp_path / "narrow.toml").write_text("[pairs.XAU_USD]\nmodel_spread_pips = 30\n", encoding="utf-8")
    report = answer(run, "backtest", "--csv", gold, "--config", str(tmp_path / "narrow.toml"))
    (note,) = (each for each in report["warnings"] if "spread" in each)
    assert "above the limit of 2.0 pips (half of them with 30.0 or more)" in note
    assert "max_spread_pips under [pairs.XAU_USD]" in note


def test_price_between_two_points_of_gold_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "XAU_USD_M5.csv"
    rows = [
        "2024-01-08T00:00:00Z,2030.1,2030.2,2030.0,2030.15,9",
        "2024-01-08T00:05:00Z,2030.1,2030.2,2030,2030.1505,9",
    ]
    file.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n", encoding="utf-8")
    code, _, errors = run("backtest", "--csv", str(file))
    assert code == 2
    assert "close 2030.1505 has more than 3 decimals" in errors


def test_instrument_of_unknown_grid_is_refused_until_the_settings_add_it(run: Run, gold: str, tmp_path: Path) -> None:
    code, _, errors = run("backtest", "--csv", f"NOK_SEK={gold}")
    assert code == 2
    assert errors.count("\n") == 1
    assert '[instruments.NOK_SEK] pip = "0.0001"' in errors
    own = settings(tmp_path, '[instruments.NOK_SEK]\npip = "0.01"\n')
    assert answer(run, "data", "check", "--csv", f"NOK_SEK={gold}", *own)["files"][0]["pair"] == "NOK_SEK"


def test_database_keeps_to_the_grid_it_was_begun_with(run: Run, gold: str, tmp_path: Path) -> None:
    fine = settings(tmp_path, '[instruments.XAU_USD]\npip = "0.0001"\n')
    assert run("paper", "--csv", gold, *fine)[0] == 0
    # As a database that was begun before price grids were part of the settings.
    listed = settings(tmp_path)
    with closing(sqlite3.connect(tmp_path / "data" / "paper_trading.db")) as connection:
        ((body,),) = connection.execute("SELECT body_json FROM settings WHERE name = 'paper_run'").fetchall()
        before = json.loads(body)
        del before["settings"]["instruments"]
        before["digest"] = load_settings(Path(listed[1]), {}).trading_digest()
        connection.execute("UPDATE settings SET body_json = ? WHERE name = 'paper_run'", [json.dumps(before)])
        connection.commit()
    assert run("parity")[0] == 0
    code, _, errors = run("paper", "--csv", gold, *listed)
    assert code == 2
    assert '[instruments.XAU_USD] pip = "0.0001"' in errors
    fine = settings(tmp_path, '[instruments.XAU_USD]\npip = "0.0001"\n')
    assert answer(run, "paper", "--csv", gold, *fine)["run"]["new_candles"] == 0
    assert run("parity")[0] == 0


def test_smallest_order_of_an_instrument_is_kept(run: Run, gold: str, tmp_path: Path) -> None:
    own = settings(tmp_path, "[instruments.XAU_USD]\nminimum = 100000\n")
    report = answer(run, "backtest", "--csv", gold, *own)
    assert (report["trades"], set(report["refusals"])) == (0, {"size_below_minimum"})


def test_settings_show_how_an_instrument_is_counted(run: Run, tmp_path: Path) -> None:
    shown = answer(run, "config", "show", *settings(tmp_path))["pairs"]["XAU_USD"]
    assert (shown["pip"], shown["point"], shown["minimum_units"]) == ("0.01", "0.001", 1)
    code, _, errors = run("config", "check", *settings(tmp_path, '[instruments.XAU_USD]\npip = "0.02"\n'))
    assert code == 2
    assert "instruments.XAU_USD.pip is '0.02'; it must be a power of ten" in errors
    code, _, errors = run(
        "config", "check", *settings(tmp_path, '[instruments.XAU_USD]\npip = "0.01"\npoint = "0.01"\n')
    )
    assert code == 2
    assert "point must be a tenth of pip" in errors
