"""Trade lists and the files that results are written to."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.backtest.text_file import write_text_file
from services.backtest.trade_list import trade_lines
from shared.contracts.errors import InputError
from tests.unit.backtest.builders import START, a_trade

_HEADER = (
    "pair,strategy,side,units,entry_time,entry_price,sl,tp,exit_time,exit_price,exit_reason,pnl_pips,pnl,ambiguous\n"
)


def test_trade_list_has_the_columns_in_order_and_prices_with_the_pairs_digits() -> None:
    header, line = trade_lines([a_trade(-10)])
    assert header == _HEADER
    assert line == (
        "EUR_USD,ema_vwap,BUY,10000,2014-05-13T00:00:00Z,1.30000,1.29900,1.30200,"
        "2014-05-13T00:10:00Z,1.29900,stop_loss,-10.0,-10.0000,0\n"
    )


def test_trades_are_listed_by_entry_time_and_pair() -> None:
    trades = [a_trade(1, entry_time=START + 60), a_trade(1, pair="NZD_USD"), a_trade(1)]
    lines = list(trade_lines(trades))[1:]
    assert [line[:7] for line in lines] == ["EUR_USD", "NZD_USD", "EUR_USD"]


def test_trade_list_replaces_an_older_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    path.write_text("old")
    write_text_file(path, trade_lines([]))
    assert path.read_text() == _HEADER
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_fails_half_way_leaves_the_older_one_untouched(tmp_path: Path) -> None:
    def lines() -> Iterator[str]:
        yield "first\n"
        raise KeyboardInterrupt

    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_text_file(path, lines())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_written_files_can_be_read_by_whom_the_mask_allows(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    before = os.umask(0o027)
    try:
        write_text_file(path, ["text\n"])
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["missing/out.csv", "."])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_text_file(tmp_path / name, ["text\n"])
