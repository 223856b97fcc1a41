"""Volumes that keep strategies from signalling are told of, in every verb that reads candle files."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from services.cli.program import main
from services.ingest.files.volume import volume_note
from shared.contracts.instruments import instrument
from shared.core.columns import CandleSeries, Floats

DAY = 86_400
WHOLE = "EUR_USD: the volume of every candle is 0, so VWAP has no value, and "
HEADER = "time,open,high,low,close,volume"


def series(volume: Floats) -> CandleSeries:
    """Return candles of an hour each that begin at midnight UTC and do not move."""
    count = len(volume)
    prices = [np.full(count, 110_000, np.int64)] * 8
    return CandleSeries._make((instrument("EUR_USD"), 3600, np.arange(count) * 3600 + 19_800 * DAY, *prices, volume))


def note(volume: Floats, strategy: str | None = None, hour: int = 0) -> str | None:
    return volume_note(series(volume), zone="UTC", hour=hour, strategy=strategy)


def test_volume_of_zero_is_told_with_the_strategies_that_it_keeps_from_signalling() -> None:
    nothing = np.zeros(48)
    assert note(nothing) == f"{WHOLE}bb_breakout, ema_vwap and vwap_rsi never signal"
    assert note(nothing, "vwap_rsi") == f"{WHOLE}vwap_rsi never signals"


def test_volume_that_is_always_the_same_keeps_breakouts_away() -> None:
    said = "EUR_USD: the volume of every candle is 1, so it never rises above its mean, and bb_breakout never signals"
    assert note(np.ones(48)) == f"{said} where it asks for that"
    assert note(np.ones(48), "ema_vwap") is None


def test_days_without_volume_are_counted_as_trading_days_begin() -> None:
    volume = np.repeat([0.0, 5.0, 0.0, 7.0], 24)
    assert note(volume, "ema_vwap") == (
        "EUR_USD: the volume is 0 throughout 2 of 4 trading days, on which VWAP has no value, and ema_vwap never "
        "signals there"
    )
    assert note(volume, "ema_vwap", hour=12) == (
        "EUR_USD: the volume is 0 throughout 1 of 5 trading days, on which VWAP has no value, and ema_vwap never "
        "signals there"
    )


def test_ordinary_volumes_are_not_worth_a_word() -> None:
    assert note(np.tile([0.0, 3.0, 9.0], 16)) is None
    assert note(np.ones(1)) is None


@pytest.fixture
def silent_file(tmp_path: Path) -> str:
    path = tmp_path / "EUR_USD.csv"
    rows = (f"2024-01-08T{hour:02}:00:00Z,1.10000,1.10012,1.09997,1.10004,0" for hour in range(24))
    path.write_text("\n".join([HEADER, *rows, ""]))
    return str(path)


def checked(file: str, folder: Path) -> list[str]:
    return ["data", "check", "--csv", file]


def backtest(file: str, folder: Path) -> list[str]:
    return ["backtest", "--csv", file]


def paper(file: str, folder: Path) -> list[str]:
    return ["paper", "--mode", "OFFLINE", "--csv", file, "--db", str(folder / "paper.db")]


@pytest.mark.parametrize(("verb", "key"), [(checked, None), (backtest, "warnings"), (paper, "notes")])
def test_file_without_volume_is_told_of_in_the_report_and_in_its_json(
    verb: Callable[[str, Path], list[str]],
    key: str | None,
    silent_file: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(verb(silent_file, tmp_path)) == 0
    assert f"Note: {WHOLE}" in capsys.readouterr().out
    assert main([*verb(silent_file, tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    notes = document["files"][0]["notes"] if key is None else document[key]
    assert any(sentence.startswith(WHOLE) for sentence in notes)


def test_indicators_say_why_the_column_of_vwap_is_empty(silent_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["indicators", "--csv", silent_file]) == 0
    assert f"{WHOLE}bb_breakout, ema_vwap and vwap_rsi never signal." in capsys.readouterr().err
