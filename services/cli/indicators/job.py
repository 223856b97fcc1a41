"""`scalpbot indicators`: read, compute, write."""

import math
import sys
from collections.abc import Iterator
from typing import Final, cast

import numpy as np

from services.backtest.indicator_columns import IndicatorColumns, IndicatorPeriods, compute_indicators
from services.backtest.text_file import refuse_unwritable, write_text_file
from services.cli.configuration import read_settings
from services.cli.documents.candles import IndicatorRow, IndicatorRows
from services.cli.indicators.order import IndicatorOrder
from services.cli.inputs import candle_files, read_candles
from services.cli.terminal.output import note, say_json
from services.cli.terminal.progress import busy, preparing
from services.ingest.files.volume import volume_note
from shared.calendar.trading_day import trading_day_numbers
from shared.contracts.granularity import granularity_name
from shared.contracts.times import format_time
from shared.core.columns import Integers

# Numbers as objects take four times the memory of a column, so only a few thousand rows are such at a time.
_ROWS_AT_ONCE: Final = 8192
_NAMES: Final = ("time", *IndicatorColumns._fields)


def run_indicators_verb(order: IndicatorOrder) -> None:
    """Compute the indicators of a candle file and write them; raise InputError where something given is wrong."""
    if order.out is not None:
        refuse_unwritable(order.out)
    settings = read_settings(order.config)
    with busy("reading candles"):
        (read,) = read_candles(
            candle_files([order.csv], order.pair, settings), settings, order.granularity, order.skip_bad_rows
        )
    series = read.series
    zone, hour = settings.calendar.trading_day_zone, settings.calendar.trading_day_hour
    with preparing("indicators"):
        columns = compute_indicators(series, trading_day_numbers(series.time, zone, hour), _periods(order))
    if np.isnan(columns.vwap).any() and (silent := volume_note(series, zone=zone, hour=hour)):
        note(f"{silent}.")
    if read.rejected:
        note(f"{len(read.rejected)} bad rows were dropped")
    lines = indicator_lines(series.time, columns)
    if order.as_json:
        document = _document(series.instrument.name, series.granularity_seconds, series.time, columns)
        say_json(document)
    if order.out is not None:
        write_text_file(order.out, lines)
        note(f"{len(series.time):,} rows written to {order.out}")
    elif not order.as_json:
        sys.stdout.writelines(lines)


def _periods(order: IndicatorOrder) -> IndicatorPeriods:
    return IndicatorPeriods(
        atr=order.atr_period,
        adx=order.adx_period,
        rsi=order.rsi_period,
        ema_fast=order.ema_fast,
        ema_slow=order.ema_slow,
        macd_fast=order.macd_fast,
        macd_slow=order.macd_slow,
        macd_signal=order.macd_signal,
        bb=order.bb_period,
        bb_deviations=order.bb_deviations,
    )


def indicator_lines(times: Integers, columns: IndicatorColumns) -> Iterator[str]:
    """Yield the header and a line for every candle, each ending in a newline."""
    yield ",".join(_NAMES) + "\n"
    row = "%sZ" + ",%.10g" * len(columns) + "\n"
    for start in range(0, len(times), _ROWS_AT_ONCE):
        chunk = slice(start, start + _ROWS_AT_ONCE)
        texts = np.datetime_as_string(times[chunk].astype("datetime64[s]")).tolist()
        for values in zip(texts, *(column[chunk].tolist() for column in columns), strict=True):
            yield (row % values).replace("nan", "")


def _document(pair: str, granularity_seconds: int, times: Integers, columns: IndicatorColumns) -> IndicatorRows:
    rows: list[IndicatorRow] = []
    for time, *values in zip(times.tolist(), *(column.tolist() for column in columns), strict=True):
        figures = (None if math.isnan(value) else float(f"{value:.10g}") for value in values)
        rows.append(cast("IndicatorRow", dict(zip(_NAMES, (format_time(time), *figures), strict=True))))
    return {"ok": True, "pair": pair, "granularity": granularity_name(granularity_seconds), "rows": rows}
