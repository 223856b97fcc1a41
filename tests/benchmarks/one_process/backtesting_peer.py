"""Run backtesting.py once on the same entries and exits and print its result.

Arguments: a candle file, and how the strategy is written, `fast` or `manual`.
"""

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover


def middle_prices(file: str) -> pd.DataFrame:
    """Return the candles between bid and ask, as backtesting.py wants them."""
    table = pd.read_csv(file)
    prices = {name: (table[f"bid_{name}"] + table[f"ask_{name}"]) / 2 for name in ("open", "high", "low", "close")}
    columns = {name.capitalize(): column.to_numpy() for name, column in prices.items()}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(pd.to_datetime(table["time"]).dt.tz_localize(None)))


def average(close: pd.Series, span: int) -> pd.Series:
    """Return the EMA of some closes."""
    return close.ewm(span=span, adjust=False).mean()


def average_range(prices: pd.DataFrame) -> pd.Series:
    """Return ATR 14."""
    before = prices["Close"].shift(1)
    spans = [prices["High"] - prices["Low"], (prices["High"] - before).abs(), (prices["Low"] - before).abs()]
    return pd.concat(spans, axis=1).max(axis=1).ewm(alpha=1 / 14, adjust=False).mean()


class FastCross(Strategy):  # type: ignore[misc, unused-ignore]
    """Cross EMA 9 over EMA 21, stop at 1.5 ATR, target at 3 ATR.

    Written for speed: the library has nothing to prepare for a candle, and is asked at crosses only.
    """

    def init(self) -> None:
        """Reckon indicators and crosses at once, over whole columns, and keep them as plain lists."""
        close = self.data.df["Close"]
        above = (average(close, 9) > average(close, 21)).to_numpy(np.int8)
        self.closes = close.tolist()
        self.stops = (1.5 * average_range(self.data.df)).tolist()
        # The library begins with the second candle.
        self.crosses = enumerate(np.diff(above).tolist(), start=1)

    def next(self) -> None:
        """Enter at a cross unless a position is open."""
        row, cross = next(self.crosses)
        if not cross or self.position:
            return
        close, stop = self.closes[row], self.stops[row]
        if cross > 0:
            self.buy(size=100_000, sl=close - stop, tp=close + 2 * stop)
        else:
            self.sell(size=100_000, sl=close + stop, tp=close - 2 * stop)


class ManualCross(Strategy):  # type: ignore[misc, unused-ignore]
    """The same, written as the library's manual writes strategies."""

    def init(self) -> None:
        """Register the indicators, which the library then cuts anew for every candle."""
        self.fast = self.I(lambda: average(self.data.df["Close"], 9), name="fast")
        self.slow = self.I(lambda: average(self.data.df["Close"], 21), name="slow")
        self.range = self.I(lambda: average_range(self.data.df), name="range")

    def next(self) -> None:
        """Enter at a cross unless a position is open."""
        if self.position:
            return
        close, stop = self.data.Close[-1], 1.5 * self.range[-1]
        if crossover(self.fast, self.slow):
            self.buy(size=100_000, sl=close - stop, tp=close + 2 * stop)
        elif crossover(self.slow, self.fast):
            self.sell(size=100_000, sl=close + stop, tp=close - 2 * stop)


def main(file: str, written: str) -> None:
    """Print the result of a run, and in the last line how long it took."""
    warnings.simplefilter("ignore")
    prices = middle_prices(file)
    cross = ManualCross if written == "manual" else FastCross
    test = Backtest(prices, cross, cash=1e9, trade_on_close=True, finalize_trades=True)
    begin = time.perf_counter()
    result = test.run()
    seconds = time.perf_counter() - begin
    print(result)
    print(json.dumps({"best": seconds, "candles": len(prices), "trades": int(result["# Trades"])}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
