"""Time vectorbt on the same entries and exits. Argument: a candle file."""

import json
import sys
from dataclasses import dataclass

import pandas as pd
import vectorbt as vbt

from tests.benchmarks.timing import timed

_RUNS = 8
_PRICES = ("open", "high", "low", "close")


@dataclass
class _Kept:
    trades: int = 0
    value: float = 0.0


def trade(opening: pd.Series, high: pd.Series, low: pd.Series, close: pd.Series, kept: _Kept) -> None:
    """Cross EMA 9 over EMA 21, stop at 1.5 ATR, target at 3 ATR; ask for trades and the course of the equity."""
    fast = vbt.MA.run(close, 9, ewm=True).ma
    slow = vbt.MA.run(close, 21, ewm=True).ma
    stop = 1.5 * vbt.ATR.run(high, low, close, 14, ewm=True).atr / close
    portfolio = vbt.Portfolio.from_signals(
        close,
        entries=(fast > slow) & (fast.shift(1) <= slow.shift(1)),
        short_entries=(fast < slow) & (fast.shift(1) >= slow.shift(1)),
        open=opening,
        high=high,
        low=low,
        sl_stop=stop,
        tp_stop=2 * stop,
        upon_opposite_entry="ignore",
        size=100_000,
        init_cash=1e9,
        freq="1min",
    )
    kept.trades = len(portfolio.trades.records)
    kept.value = float(portfolio.value().iloc[-1])


def measure(file: str) -> dict[str, object]:
    """Return the seconds of a run from columns of mid prices, made beforehand, and how many trades it made."""
    quotes = pd.read_csv(file)
    opening, high, low, close = ((quotes[f"bid_{name}"] + quotes[f"ask_{name}"]) / 2 for name in _PRICES)
    kept = _Kept()
    timing = timed(lambda: trade(opening, high, low, close, kept), _RUNS)
    return {**timing._asdict(), "candles": len(quotes), "trades": kept.trades}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
