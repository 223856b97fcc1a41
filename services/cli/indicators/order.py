"""What `scalpbot indicators` is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from services.cli.options import AsJson, ConfigFile, Granularity, OneCandleFile, Pair, SkipBadRows


@dataclass(frozen=True)
class IndicatorOrder:
    """What the command line asks for."""

    csv: OneCandleFile
    pair: Pair = None
    granularity: Granularity = None
    skip_bad_rows: SkipBadRows = False
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the CSV to a file. Default: stdout.")] = None
    atr_period: Annotated[int, typer.Option(min=1, help="Period of the average true range.")] = 14
    adx_period: Annotated[int, typer.Option(min=1, help="Period of ADX, +DI and -DI.")] = 14
    rsi_period: Annotated[int, typer.Option(min=1, help="Period of the relative strength index.")] = 3
    ema_fast: Annotated[int, typer.Option(min=1, help="Period of the fast moving average.")] = 9
    ema_slow: Annotated[int, typer.Option(min=1, help="Period of the slow moving average.")] = 21
    macd_fast: Annotated[int, typer.Option(min=1, help="Fast period of MACD.")] = 12
    macd_slow: Annotated[int, typer.Option(min=1, help="Slow period of MACD.")] = 26
    macd_signal: Annotated[int, typer.Option(min=1, help="Period of MACD's signal line.")] = 9
    bb_period: Annotated[int, typer.Option(min=1, help="Period of the Bollinger bands.")] = 20
    bb_deviations: Annotated[float, typer.Option(min=0.0, help="Width of the Bollinger bands in deviations.")] = 2.0
    config: ConfigFile = None
    as_json: AsJson = False
