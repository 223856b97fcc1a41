"""Documents of candle files: `data check`, `data download` and `indicators`."""

from typing import TypedDict

from services.cli.documents.kinds import Count, Pair, Time


class Gap(TypedDict):
    """A span without candles."""

    from_time: Time
    to_time: Time
    missing_candles: Count
    kind: str


class BadRow(TypedDict):
    """A row that cannot be used."""

    line: Count
    reason: str
    text: str


class CandleFile(TypedDict):
    """What a candle file holds; spreads are statistics."""

    file: str
    pair: Pair
    header: str
    granularity: str
    rows: Count
    candles: Count
    first_open_time: Time
    last_open_time: Time
    median_spread_pips: float
    p95_spread_pips: float
    gaps_by_kind: dict[str, Count]
    missing_candles: Count
    gaps: list[Gap]
    candles_without_volume: Count
    notes: list[str]
    bad_rows: list[BadRow]


class CheckedFiles(TypedDict):
    """Every file; `ok` where no row is bad."""

    ok: bool
    files: list[CandleFile]


class LeftOut(TypedDict):
    """A candle that was not written; its time is null where it cannot be read."""

    time: Time | None
    reason: str


class DownloadedCandles(TypedDict):
    """What a download wrote; times are null where there is no complete candle."""

    ok: bool
    file: str
    pair: Pair
    granularity: str
    rows_before: Count
    rows_written: Count
    cut_bytes: Count
    first_open_time: Time | None
    last_open_time: Time | None
    gaps_by_kind: dict[str, Count]
    missing_candles: Count
    left_out: list[LeftOut]


class IndicatorRow(TypedDict):
    """All indicators of a candle, with 10 significant digits; null before one is valid."""

    time: Time
    atr: float | None
    adx: float | None
    plus_di: float | None
    minus_di: float | None
    rsi: float | None
    ema_fast: float | None
    ema_slow: float | None
    vwap: float | None
    macd: float | None
    macd_signal: float | None
    macd_hist: float | None
    bb_middle: float | None
    bb_upper: float | None
    bb_lower: float | None
    bb_width: float | None


class IndicatorRows(TypedDict):
    """A row of indicators for every candle of a file."""

    ok: bool
    pair: Pair
    granularity: str
    rows: list[IndicatorRow]
