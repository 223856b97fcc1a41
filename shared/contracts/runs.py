"""How a run is traded: whether its candles are past or happen now, and where they come from."""

from enum import StrEnum


class RunMode(StrEnum):
    """Whether candles happen now or are past: it decides what `auto` means."""

    LIVE = "LIVE"
    OFFLINE = "OFFLINE"
    BACKTEST = "BACKTEST"


class Feed(StrEnum):
    """Where the candles come from: a made-up market, candle files, or OANDA."""

    DEMO = "demo"
    REPLAY = "replay"
    OANDA = "oanda"
