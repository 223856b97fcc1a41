"""What `scalpbot backtest` is told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from services.cli.options import AsJson, CandleFiles, ConfigFile, Granularity, NewsFile, Pair, SkipBadRows

Mode: TypeAlias = Annotated[
    Literal["sl_tp", "time_exit"], typer.Option(help="Close a trade at its stop or target, or after a fixed time.")
]
HoldBars: TypeAlias = Annotated[int, typer.Option(min=1, help="Candles that a trade is held in time_exit mode.")]
FillOrder: TypeAlias = Annotated[
    Literal["pessimistic", "optimistic"],
    typer.Option(
        metavar="ORDER",
        help="pessimistic: a candle that reaches both stop loss and take profit hits the stop first; optimistic: the "
        "other way round.",
    ),
]
ChosenProfile: TypeAlias = Annotated[
    Literal["conservative", "normal", "aggressive"] | None,
    typer.Option(
        metavar="NAME",
        help="conservative, normal or aggressive: the profile of the strategies. Default: that of the settings, else "
        "normal.",
    ),
]
ValidationPercent: TypeAlias = Annotated[
    float, typer.Option(min=0, max=90, help="Share of the newest candles kept for validation; 0 for none.")
]
WalkForward: TypeAlias = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="WINDOWS",
        help="Windows in which the profile is chosen in training and then validated; 0 for none.",
    ),
]
Anchored: TypeAlias = Annotated[
    bool, typer.Option("--anchored", help="Let each walk-forward training begin with the first candle.")
]
MinTrades: TypeAlias = Annotated[
    int,
    typer.Option(
        min=1, help="Number of trades, also on either side of a validation, below which figures are not judged."
    ),
]
TradeFile: TypeAlias = Annotated[
    Path | None, typer.Option("--trades", metavar="FILE", help="Write the closed trades to a CSV file.")
]


@dataclass(frozen=True)
class BacktestOrder:
    """What the command line asks for."""

    csv: CandleFiles
    pair: Pair = None
    mode: Mode = "sl_tp"
    hold_bars: HoldBars = 5
    ordering: FillOrder = "pessimistic"
    news: NewsFile = None
    granularity: Granularity = None
    skip_bad_rows: SkipBadRows = False
    profile: ChosenProfile = None
    validation_percent: ValidationPercent = 30.0
    walk_forward: WalkForward = 0
    anchored: Anchored = False
    min_trades: MinTrades = 30
    trades: TradeFile = None
    config: ConfigFile = None
    as_json: AsJson = False
