"""The program from outside: help, exit codes, one sentence for each mistake, and what goes where."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli import main, program
from shared.contracts.errors import InfrastructureError

_HEADER = "time,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close,volume\n"
_ROW = "2014-05-01T00:{minute:02}:00Z,1.38676,1.38686,1.38669,1.38686,1.38686,1.38697,1.38680,1.38697,43\n"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in an empty folder, without settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("SCALP_BOT_"):
            monkeypatch.delenv(name)
    return tmp_path


def _candles(path: Path, minutes: int = 30, bad_line: str = "") -> str:
    path.write_text(_HEADER + "".join(_ROW.format(minute=minute) for minute in range(minutes)) + bad_line)
    return str(path)


def test_help_names_the_verbs_and_shows_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in ("backtest", "indicators", "config", "data"))
    assert main(["backtest", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "sl_tp" in shown
    assert "[default: 5]" in shown


def test_help_of_no_verb_imports_anything_heavy() -> None:
    heavy = ["alembic", "argon2", "fastapi", "httpx", "numba", "numpy", "pika", "sqlalchemy", "uvicorn"]
    heavy += ["shared.settings.settings", "shared.store.sql_store"]
    code = f"""
import sys, typer
from services.cli import main, program
def helps(words, verb):
    main([*words, "--help"])
    for name, each in getattr(verb, "commands", {{}}).items():
        helps([*words, name], each)
helps([], typer.main.get_command(program.build_program()))
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("Usage: ") > 40
    assert done.stdout.endswith("[]\n")


def test_a_job_is_loaded_when_its_verb_works() -> None:
    code = """
import sys
from services.cli import main
assert "numpy" not in sys.modules
main(["backtest", "--csv", "EUR_USD.csv"])
assert "numpy" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ("backtest", "Missing option '--csv'"),
        ("backtest --csv EUR_USD.csv --mode other", "'other' is not one of 'sl_tp', 'time_exit'"),
        ("backtest --csv EUR_USD.csv --ordering other", "'pessimistic', 'optimistic'"),
        ("backtest --csv EUR_USD.csv --hold-bars 0", "--hold-bars"),
        ("backtest --csv EUR_USD.csv --nothing", "No such option: --nothing"),
        ("backtst", "Did you mean 'backtest'?"),
        ("backtest --csv EUR_USD.csv", "EUR_USD.csv does not exist"),
        ("backtest --csv candles.csv", "candles.csv does not exist; give the path of a candle file"),
        ("backtest --csv EUR_XYZ=candles.csv", "'XYZ' is not one of the currencies"),
        ("backtest --csv EUR_USD=a.csv --csv EUR_USD=b.csv", "EUR_USD is given by two candle files"),
        ("backtest --csv EUR_USD=a.csv --pair NZD_USD", "--pair NZD_USD contradicts --csv EUR_USD=a.csv"),
        ("backtest --csv a.csv --csv b.csv --pair NZD_USD", "--pair goes with one candle file"),
        (
            "backtest --csv EUR_USD.csv --config other.toml",
            "other.toml does not exist; give the path of a settings file",
        ),
        ("backtest --csv EUR_USD.csv --news other.json", "other.json does not exist; give the path of a news calendar"),
        ("backtest --csv EUR_USD.csv --trades missing/trades.csv", "the folder missing does not exist"),
        ("backtest --csv EUR_USD.csv --anchored", "--anchored goes with walk-forward windows"),
        ("backtest --csv EUR_USD.csv --walk-forward 2 --validation-percent 0", "--validation-percent above 0"),
        ("indicators --csv EUR_USD.csv --rsi-period 0", "--rsi-period"),
        ("config", "Missing command"),
    ],
)
def test_a_mistake_is_told_in_one_sentence_with_exit_code_2(
    arguments: str, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert part in printed.err


def test_a_bad_row_is_named_with_file_and_line_and_nothing_is_written(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _candles(empty_folder / "EUR_USD.csv", bad_line="2014-05-01T00:30:00Z,x,1,1,1,1,1,1,1,1\n")
    assert main(["backtest", "--csv", path, "--trades", "trades.csv"]) == 2
    assert f"{path}:32:" in capsys.readouterr().err
    assert not Path("trades.csv").exists()


def test_bad_rows_are_dropped_and_counted_on_demand(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _candles(empty_folder / "EUR_USD.csv", bad_line="2014-05-01T00:30:00Z,x,1,1,1,1,1,1,1,1\n")
    assert main(["backtest", "--csv", path, "--skip-bad-rows", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["candles"] == 30
    assert document["pairs"][0]["rejected_rows"] == 1


def test_data_check_exits_3_where_a_row_is_bad(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = _candles(empty_folder / "EUR_USD.csv")
    bad = _candles(empty_folder / "NZD_USD.csv", bad_line="2014-05-01T00:30:00Z,x,1,1,1,1,1,1,1,1\n")
    assert main(["data", "check", "--csv", good]) == 0
    assert "ok" in capsys.readouterr().out
    assert main(["data", "check", "--csv", good, "--csv", bad, "--json"]) == 3
    files = json.loads(capsys.readouterr().out)["files"]
    assert [len(each["bad_rows"]) for each in files] == [0, 1]
    assert files[1]["bad_rows"][0]["line"] == 32


def test_config_show_hides_secrets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("OANDA_API_KEY", "very-secret")
    assert main(["config", "show"]) == 0
    shown = capsys.readouterr().out
    assert "very-secret" not in shown
    assert "runtime.oanda_api_key = ***" in shown
    assert main(["config", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["risk"]["risk_percent"] == 1.0


def test_config_check_names_file_line_and_value(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (empty_folder / "scalpbot.toml").write_text("[risk]\nrisk_percent = 0\n")
    assert main(["config", "check"]) == 2
    assert "scalpbot.toml:2: risk.risk_percent is 0" in capsys.readouterr().err
    (empty_folder / "scalpbot.toml").write_text("[risk]\nrisk_percent = 2\n")
    assert main(["config", "check"]) == 0
    assert "scalpbot.toml: ok" in capsys.readouterr().out


def test_indicators_are_written_to_a_file_or_to_stdout(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _candles(empty_folder / "EUR_USD.csv")
    assert main(["indicators", "--csv", path]) == 0
    printed = capsys.readouterr().out
    header, first, *_, last = printed.splitlines()
    assert header == (
        "time,atr,adx,plus_di,minus_di,rsi,ema_fast,ema_slow,vwap,macd,macd_signal,macd_hist,"
        "bb_middle,bb_upper,bb_lower,bb_width"
    )
    assert first == "2014-05-01T00:00:00Z,,,,,,,,1.386858333,,,,,,,"
    assert last.split(",")[5:8] == ["50", "1.386915", "1.386915"]
    assert main(["indicators", "--csv", path, "--out", "indicators.csv"]) == 0
    assert Path("indicators.csv").read_text() == printed
    assert main(["indicators", "--csv", path, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[0]["atr"] is None
    assert rows[-1]["rsi"] == 50.0


def _raising(error: Exception, monkeypatch: pytest.MonkeyPatch) -> int:
    def fail() -> None:
        raise error

    monkeypatch.setattr(program, "_PANELS", {"Trade": (fail,)})
    return main(["fail"])


def test_faults_end_with_exit_code_1_and_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _raising(InfrastructureError("the disk is full"), monkeypatch) == 1
    assert capsys.readouterr().err == "error: the disk is full\n"
    assert _raising(ZeroDivisionError("by zero"), monkeypatch) == 1
    told = capsys.readouterr().err
    assert "ZeroDivisionError: by zero" in told
    assert "SCALP_BOT_DEBUG=1" in told
    assert "Traceback" not in told


def test_the_traceback_of_a_fault_is_shown_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SCALP_BOT_DEBUG", "1")
    assert _raising(ZeroDivisionError("by zero"), monkeypatch) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_has_enough_ends_the_program_quietly(empty_folder: Path) -> None:
    path = _candles(empty_folder / "EUR_USD.csv", minutes=60)
    code = f"import sys; from services.cli import main; sys.exit(main(['indicators', '--csv', {path!r}, '--json']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        told = running.stderr.read()
        assert running.wait() == 141
    # A slow machine is told that the indicators are prepared.
    assert [line for line in told.splitlines() if not line.startswith(b"preparing")] == []
