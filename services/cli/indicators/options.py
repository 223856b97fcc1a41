"""`scalpbot indicators`: all indicators of a candle file."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.indicators import job
from services.cli.options import AsJson, ConfigFile, Granularity, OneCandleFile, Pair, SkipBadRows


def indicators(
    csv: OneCandleFile,
    pair: Pair = None,
    granularity: Granularity = None,
    skip_bad_rows: SkipBadRows = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the CSV to a file. Default: stdout.")] = None,
    atr_period: Annotated[int, typer.Option(min=1, help="Period of the average true range.")] = 14,
    adx_period: Annotated[int, typer.Option(min=1, help="Period of ADX, +DI and -DI.")] = 14,
    rsi_period: Annotated[int, typer.Option(min=1, help="Period of the relative strength index.")] = 3,
    ema_fast: Annotated[int, typer.Option(min=1, help="Period of the fast moving average.")] = 9,
    ema_slow: Annotated[int, typer.Option(min=1, help="Period of the slow moving average.")] = 21,
    macd_fast: Annotated[int, typer.Option(min=1, help="Fast period of MACD.")] = 12,
    macd_slow: Annotated[int, typer.Option(min=1, help="Slow period of MACD.")] = 26,
    macd_signal: Annotated[int, typer.Option(min=1, help="Period of MACD's signal line.")] = 9,
    bb_period: Annotated[int, typer.Option(min=1, help="Period of the Bollinger bands.")] = 20,
    bb_deviations: Annotated[float, typer.Option(min=0.0, help="Width of the Bollinger bands in deviations.")] = 2.0,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Compute all indicators of a candle file, on mid prices, as CSV with 10 significant digits.

    Times are open times in UTC. A field is empty while its indicator is not valid yet.
    """
    job.run_indicators_verb(
        job.IndicatorOrder(
            csv=csv,
            pair=pair,
            granularity=granularity,
            skip_bad_rows=skip_bad_rows,
            out=out,
            periods=job.IndicatorPeriods(
                atr=atr_period,
                adx=adx_period,
                rsi=rsi_period,
                ema_fast=ema_fast,
                ema_slow=ema_slow,
                macd_fast=macd_fast,
                macd_slow=macd_slow,
                macd_signal=macd_signal,
                bb=bb_period,
                bb_deviations=bb_deviations,
            ),
            config=config,
            as_json=as_json,
        )
    )
