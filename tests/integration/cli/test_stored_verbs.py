"""The verbs that store and show: what a trader sees, and what happens when the database is not what it should be."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.fixtures.paper import SAMPLE
from tests.material import shared_material
from tests.verbs import Run, answer, run_

__all__ = ["run_"]

M5_HASH = "64d92738f13078cec04e2dc95df7bfcc83b21592e3497e84016d35353660282b"
M1_HASH = "10e8c2e98ca608094eac3b3d843668ad36098794a742f41b2767aaf901086b03"
M5_NEWS_HASH = "a4350d862c54ac1929794669dade3ec31c4e97e0c719129cca5b20c5428cbd44"


def sample(pair: str = "EUR_USD") -> str:
    return str(SAMPLE / f"{pair}_M5_sample.csv")


def test_paper_run_reports_trades_funnel_and_place(run: Run) -> None:
    code, output, _ = run("paper", "--mode", "OFFLINE", "--csv", sample())
    assert code == 0
    for expected in ("closed trades", "net P/L", "Gate funnel", "daily loss", "Trade hash", "data/paper_trading.db"):
        assert expected in output
    report = answer(run, "paper", "--csv", sample())
    assert report["run"]["new_candles"] == 0
    assert report["trades"] > 0
    assert (
        sum(gate["stopped_first"] for gate in report["funnel"]["gates"]) + report["funnel"]["passed"]
        == report["candles"]
    )


def test_paper_and_backtest_print_the_same_hash(run: Run) -> None:
    files = ("--csv", sample(), "--csv", sample("USD_JPY"), "--news", str(SAMPLE / "calendar_sample.json"))
    paper, backtest = answer(run, "paper", *files), answer(run, "backtest", *files)
    assert paper["trade_hash"] == backtest["trade_hash"]
    assert paper["net"] == backtest["net"]
    assert [(gate["stopped_first"], gate["failed"]) for gate in paper["funnel"]["gates"]] == [
        (gate["stopped_first"], gate["failed"]) for gate in backtest["funnel"]
    ]


@pytest.mark.parametrize(
    ("name", "news", "trades", "expected"),
    [
        ("EUR_USD_M5_2014-05.csv", False, 6, M5_HASH),
        ("EUR_USD_M1_2014-05.csv", False, 16, M1_HASH),
        ("EUR_USD_M5_2014-05.csv", True, 5, M5_NEWS_HASH),
    ],
)
def test_real_candles_end_with_the_known_hash(run: Run, name: str, news: bool, trades: int, expected: str) -> None:
    calendar = ("--news", str(shared_material("data", "calendar_2014-05.json"))) if news else ()
    report = answer(run, "paper", "--csv", str(shared_material("data", name)), *calendar)
    assert (report["trades"], report["trade_hash"]) == (trades, expected)
    code, output, _ = run("parity")
    assert (code, expected in output) == (0, True)


def test_why_tells_the_gates_and_the_end_of_a_trade(run: Run) -> None:
    run("paper", "--csv", str(shared_material("data", "EUR_USD_M5_2014-05.csv")))
    code, output, _ = run("why", "EUR_USD", "2014-05-08T11:45:00Z")
    assert code == 0
    for expected in ("session", "spread", "news", "open position", "daily loss", "market state", "signal"):
        assert expected in output
    assert "1.0 pips" in output
    assert "1.5 pips" in output
    assert "Traded: BUY 123464 at 1.39532, stop loss 1.39451, take profit 1.39693; stopped out" in output
    told = answer(run, "why", "EUR_USD", "2014-05-08T11:50:00+00:00")
    assert told["candle_time"] == "2014-05-08T11:50:00Z"
    assert [gate["number"] for gate in told["gates"]] == [1, 2, 3, 4, 5, 6, 7]


def test_why_names_the_news_that_stopped_a_candle(run: Run) -> None:
    news = str(shared_material("data", "calendar_2014-05.json"))
    run("paper", "--csv", str(shared_material("data", "EUR_USD_M5_2014-05.csv")), "--news", news)
    _, output, _ = run("why", "EUR_USD", "2014-05-08T11:45:00Z")
    assert "EUR Main Refinancing Rate 5 min ago" in output
    assert "No trade: gate 3 (news) stopped it first" in output


def test_why_of_an_unknown_candle_says_what_is_known(run: Run) -> None:
    run("paper", "--csv", sample())
    code, _, errors = run("why", "EUR_USD", "2014-05-08T11:45:00Z")
    assert code == 2
    assert "holds no judged EUR_USD candle for 2014-05-08T11:45:00Z; its newest is from 2024-04-05T20:55:00Z" in errors


def test_tables_and_documents_show_the_same(run: Run) -> None:
    run("paper", "--csv", sample())
    trades = answer(run, "trades", "--limit", "3")
    _, table, _ = run("trades", "--limit", "3")
    assert len(trades) == 3
    for trade in trades:
        assert trade["pnl"] in table
    assert answer(run, "gates", "--pair", "EUR_USD", "--limit", "1")[0]["candle_time"] == "2024-04-05T20:55:00Z"
    assert answer(run, "gates", "--pair", "USD_JPY") == []
    assert run("gates", "--limit", "2")[1].count("EUR_USD") == 2
    assert answer(run, "positions") == []
    assert "No open positions." in run("positions")[1]
    status = answer(run, "status")
    assert (status["candles"], status["candles_not_traded"]) == (answer(run, "paper", "--csv", sample())["candles"], 0)
    assert status["balance"] in run("status")[1]


def test_parity_exits_3_with_the_first_difference(run: Run, tmp_path: Path) -> None:
    run("paper", "--csv", sample())
    assert run("parity")[0] == 0
    connection = sqlite3.connect(tmp_path / "data" / "paper_trading.db")
    with connection:
        connection.execute("UPDATE candles SET bid_close = '1.00000' WHERE seq = 500")
    connection.close()
    code, output, _ = run("parity")
    assert code == 3
    assert "First difference: EUR_USD candle of" in output
    assert json.loads(run("parity", "--json")[1])["ok"] is False


def test_audit_log_is_shown_and_verified(run: Run, tmp_path: Path) -> None:
    run("paper", "--csv", sample())
    assert "trade.opened" in run("audit", "tail", "--limit", "50")[1]
    assert run("audit", "verify")[0] == 0
    connection = sqlite3.connect(tmp_path / "data" / "paper_trading.db")
    connection.executescript("DROP TRIGGER audit_log_refuses_update; UPDATE audit_log SET actor = 'me' WHERE id = 7")
    connection.close()
    code, output, _ = run("audit", "verify")
    assert code == 3
    assert "broken at record 7" in output


def test_database_is_made_checked_and_upgraded(run: Run, tmp_path: Path) -> None:
    assert run("db", "check")[0] == 3
    assert run("db", "upgrade")[0] == 0
    assert run("db", "check")[0] == 0
    connection = sqlite3.connect(tmp_path / "data" / "paper_trading.db")
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for arguments in (("paper", "--csv", sample()), ("trades",)):
        code, _, errors = run(*arguments)
        assert code == 2
        assert "newer" in errors
        assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("paper",), "give at least one candle file with --csv"),
        (("paper", "--mode", "LIVE"), "needs the pairs to trade: give --pairs"),
        (("paper", "--mode", "LIVE", "--pairs", "EUR_USD"), "OANDA_API_KEY is not set"),
        (("paper", "--mode", "LIVE", "--csv", sample()), "--csv goes with --mode OFFLINE"),
        (("paper", "--mode", "DREAM"), "'DREAM' is not one of 'OFFLINE', 'LIVE'"),
        (("paper", "--csv", sample(), "--pairs", "USD_JPY"), "no --csv file has its candles"),
        (("paper", "--csv", sample(), "--csv", sample()), "EUR_USD is given by two candle files"),
        (("paper", "--csv", sample(), "--db", "."), "is a folder"),
        (("paper", "--csv", sample(), "--db", sample()), "is not an SQLite database"),
        (("trades",), "does not exist"),
        (("why", "EUR_USD", "yesterday"), "write it like 2014-05-08T11:45:00Z"),
        (("why", "EURUSD", "2014-05-08T11:45:00Z"), "'EURUSD' is not a pair"),
        (("up", "--pairs", "EUR_XXX"), "is not a pair"),
        (("up", "--speed", "fast"), "give max or a number above 0"),
        (("up", "--feed", "replay"), "there is nothing to replay"),
        (("up", "--feed", "replay", "--csv", sample(), "--seed", "2"), "--seed goes with --feed demo"),
        (("up", "--feed", "replay", "--csv", sample(), "--pairs", "USD_JPY"), "no --csv file has its candles"),
        (("up", "--feed", "oanda", "--pairs", "EUR_USD"), "OANDA_API_KEY is not set"),
        (("up", "--csv", sample()), "--csv goes with --feed replay"),
        (("up", "--host", "0.0.0.0"), "passwords would travel unencrypted"),  # noqa: S104
    ],
)
def test_bad_input_is_one_clear_sentence(run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    code, output, errors = run(*arguments)
    assert (code, output) == (2, "")
    assert words in errors
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_bad_row_leaves_no_database_behind(run: Run, tmp_path: Path) -> None:
    lines = Path(sample()).read_text(encoding="utf-8").splitlines()[:300]
    lines[200] = lines[200].replace(lines[200].split(",")[1], "abc", 1)
    (tmp_path / "EUR_USD.csv").write_text("\n".join(lines), encoding="utf-8")
    code, _, errors = run("paper", "--csv", "EUR_USD.csv")
    assert code == 2
    assert "EUR_USD.csv:201: bid_open 'abc' is not a number" in errors
    assert not (tmp_path / "data").exists()
    report = answer(run, "paper", "--csv", "EUR_USD.csv", "--skip-bad-rows")
    assert (report["candles"], report["rejected_rows"]) == (298, 1)
    connection = sqlite3.connect(tmp_path / "data" / "paper_trading.db")
    assert connection.execute("SELECT line, reason FROM rejected_candles").fetchall() == [
        (201, "bid_open 'abc' is not a number")
    ]
    connection.close()


def test_csv_logs_hold_every_row_once(run: Run, tmp_path: Path) -> None:
    export = ("paper", "--csv", sample(), "--export-csv")
    first = answer(run, *export)["exported"]
    assert answer(run, *export)["exported"] == {"folder": "data", "signals": 0, "trades": 0}
    log = tmp_path / "data" / "trades_log.csv"
    lines = log.read_text(encoding="utf-8").splitlines()
    assert len(lines) == first["trades"] + 1
    log.write_text("\n".join(lines)[:-5], encoding="utf-8")  # an interrupted append
    assert answer(run, *export)["exported"]["trades"] == 1
    assert log.read_text(encoding="utf-8").splitlines() == lines


def test_demo_market_goes_on_where_it_was_stopped(run: Run) -> None:
    market = ("up", "--no-api", "--speed", "max", "--db", "demo.db")
    assert run(*market, "--candles", "1500")[0] == 0
    code, output, errors = run(*market, "--candles", "1500")
    assert code == 0
    assert "began with equity" in output
    assert "stopped after" in errors
    assert run("parity", "--db", "demo.db")[0] == 0
    assert "made-up market of --seed 1" in run(*market, "--seed", "2")[2]


def test_made_up_candles_do_not_follow_real_ones(run: Run) -> None:
    run("paper", "--csv", sample())
    code, _, errors = run("up", "--no-api", "--candles", "10", "--db", "data/paper_trading.db")
    assert code == 2
    assert "holds candles of another market" in errors


def test_missing_conversion_rate_is_named_by_the_report_and_by_status(run: Run) -> None:
    code, output, errors = run("paper", "--csv", f"EUR_GBP={sample()}")
    assert code == 0, errors
    assert "Note: No rate converts GBP to the account's USD, so " in output
    assert "under [rates] in the settings: GBP_USD = ..." in output
    (note,) = answer(run, "status")["notes"]
    assert "every order in EUR_GBP is refused (no_conversion_rate)" in note
    assert note in run("status")[1]
