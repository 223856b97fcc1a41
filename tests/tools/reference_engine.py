"""A second reading of the trading rules, as naive as they are written, to hold against the engine.

Nothing of the engine is used. Prices and money are fractions and every sum is made anew from all that is known.
Slippage comes from outside, because the rules leave the generator open.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from math import floor
from typing import NamedTuple

from tests.tools.reference_market import DAY, Market, ReferenceCandle, Rules, digits


@dataclass
class Trade:
    """A position from open to close."""

    pair: str
    strategy: str
    side: str
    units: int
    entry_time: int
    entry_price: Fraction
    sl: Fraction
    tp: Fraction
    exit_time: int = 0
    exit_price: Fraction = Fraction(0)
    exit_reason: str = ""
    pnl: Fraction = Fraction(0)
    ambiguous: bool = False
    bars_held: int = 0


class Judged(NamedTuple):
    """What became of a candle: all reasons that a gate gave, the refusal of its order, the equity after it."""

    pair: str
    time: int
    failed: tuple[str, ...]
    refusal: str
    equity: Fraction


def tolerant_floor(quotient: Fraction) -> int:
    """Round down, but take a quotient within a relative 1e-12 of the next integer as that integer."""
    above = floor(quotient) + 1
    return above if above - quotient <= Fraction(above, 10**12) else above - 1


def to_quantum(money: Fraction) -> Fraction:
    """Round to 0.0001, half to even."""
    return Fraction(round(money * 10_000), 10_000)


class ReferenceEngine:
    """The account and the order of events."""

    def __init__(self, candles: Mapping[str, Sequence[ReferenceCandle]], rules: Rules) -> None:
        """Open the account."""
        self.rules = rules
        self.markets = {pair: Market(pair, candles[pair], rules) for pair in candles}
        self.balance = rules.start_balance
        self.open: dict[str, Trade] = {}
        self.closed: list[Trade] = []
        self.judged: list[Judged] = []
        self.last: dict[str, ReferenceCandle] = {}
        self.waiting: dict[str, tuple[str, float]] = {}
        self.day, self.day_start, self.halted = -1, rules.start_balance, False

    def run(self) -> "ReferenceEngine":
        """Process all candles by decision time and pair."""
        events = [(c.time, pair, i) for pair, market in self.markets.items() for i, c in enumerate(market.candles)]
        for _, pair, i in sorted(events):
            self._candle(pair, i)
        return self

    def _rate(self, pair: str) -> Fraction | None:
        quote, account = pair[4:], self.rules.currency
        if quote == account:
            return Fraction(1)
        for name, power in ((f"{quote}_{account}", 1), (f"{account}_{quote}", -1)):
            if name in self.last:
                return ((self.last[name].bid.close + self.last[name].ask.close) / 2) ** power
        for name, power in ((f"{quote}_{account}", 1), (f"{account}_{quote}", -1)):
            if name in self.rules.static_rates:
                return self.rules.static_rates[name] ** power
        return None

    def _profit(self, trade: Trade, price: Fraction) -> Fraction:
        rate = self._rate(trade.pair)
        assert rate is not None
        difference = price - trade.entry_price if trade.side == "BUY" else trade.entry_price - price
        return to_quantum(difference * trade.units * rate)

    def _mark(self, trade: Trade) -> Fraction:
        last = self.last[trade.pair]
        return last.bid.close if trade.side == "BUY" else last.ask.close

    def equity(self) -> Fraction:
        """Return the balance and what the open positions would add to it."""
        return self.balance + sum(self._profit(trade, self._mark(trade)) for trade in self.open.values())

    def _close(self, pair: str, time: int, price: Fraction, reason: str, ambiguous: bool = False) -> None:
        trade = self.open.pop(pair)
        trade.exit_time, trade.exit_price, trade.exit_reason, trade.ambiguous = time, price, reason, ambiguous
        trade.pnl = self._profit(trade, price)
        self.balance += trade.pnl
        self.closed.append(trade)

    def _candle(self, pair: str, i: int) -> None:
        candle = self.markets[pair].candles[i]
        decision = candle.time + self.rules.granularity
        if candle.time // DAY != self.day:
            self.day, self.day_start, self.halted = candle.time // DAY, self.equity(), False
        refusal = ""
        if self.rules.time_exit:
            refusal = self._open_of_candle(pair, candle)
        else:
            self.last[pair] = candle
            if pair in self.open:
                self._venue(pair, candle, decision)
        if not self.halted and (self.day_start - self.equity()) / self.day_start >= self.rules.daily_loss:
            for each in sorted(self.open):
                self._close(each, decision, self._mark(self.open[each]), "daily_halt")
            self.halted = True
            self.waiting.clear()
        session, spread, news, state, signal = self.markets[pair].market_reasons(i)
        full = "max_open_positions" if len(self.open) >= self.rules.max_open_positions else ""
        position = "position_open" if pair in self.open else full
        halt = "daily_loss_halt" if self.halted else ""
        reasons = (session, spread, news, position, halt, state, "" if signal else "no_signal")
        failed = tuple(reason for reason in reasons if reason)
        atr = self.markets[pair].atr[i]
        if not failed and self.rules.time_exit:
            self.waiting[pair] = (signal, atr)
        elif not failed:
            prices = candle.bid.close, candle.ask.close
            refusal = self._order(pair, signal, prices, atr, candle.time, decision)
        self.judged.append(Judged(pair, candle.time, failed, refusal, self.equity()))

    def _open_of_candle(self, pair: str, candle: ReferenceCandle) -> str:
        """Fill what was decided on the candle before, then leave what was held long enough."""
        refusal = ""
        if pair in self.waiting:
            signal, atr = self.waiting.pop(pair)
            prices = candle.bid.open, candle.ask.open
            refusal = self._order(pair, signal, prices, atr, candle.time, candle.time)
        elif pair in self.open:
            self.open[pair].bars_held += 1
        self.last[pair] = candle
        if pair in self.open and self.open[pair].bars_held == self.rules.hold_bars:
            price = candle.bid.open if self.open[pair].side == "BUY" else candle.ask.open
            self._close(pair, candle.time, price, "time_exit")
        return refusal

    def _venue(self, pair: str, candle: ReferenceCandle, decision: int) -> None:
        trade = self.open[pair]
        long = trade.side == "BUY"
        watched = candle.bid if long else candle.ask

        def beyond_stop(price: Fraction) -> bool:
            return price <= trade.sl if long else price >= trade.sl

        def beyond_target(price: Fraction) -> bool:
            return price >= trade.tp if long else price <= trade.tp

        worst, best = (watched.low, watched.high) if long else (watched.high, watched.low)
        slip = Fraction(self.rules.slippage_points(pair, candle.time, "exit"), 10 ** digits(pair))
        slipped_stop = trade.sl - slip if long else trade.sl + slip
        if beyond_stop(watched.open):
            self._close(pair, candle.time, watched.open, "stop_loss")
        elif beyond_target(watched.open):
            self._close(pair, candle.time, watched.open, "take_profit")
        elif beyond_stop(worst) and beyond_target(best) and self.rules.optimistic:
            self._close(pair, decision, trade.tp, "take_profit", ambiguous=True)
        elif beyond_stop(worst):
            self._close(pair, decision, slipped_stop, "stop_loss", ambiguous=beyond_target(best))
        elif beyond_target(best):
            self._close(pair, decision, trade.tp, "take_profit")

    def _order(
        self, pair: str, side: str, prices: tuple[Fraction, Fraction], atr: float, candle_time: int, entry_time: int
    ) -> str:
        """Price, size and fill an order, or return why it is refused."""
        rules, (bid, ask) = self.rules, prices
        point = Fraction(1, 10 ** digits(pair))
        slip = rules.slippage_points(pair, candle_time, "entry") * point
        direction = 1 if side == "BUY" else -1
        entry = ask + slip if side == "BUY" else bid - slip
        sl_distance = rules.stop_atr * atr
        tp_distance = rules.target_ratio * sl_distance
        sl = floor((entry - direction * Fraction(sl_distance)) / point + Fraction(1, 2)) * point
        tp = floor((entry + direction * Fraction(tp_distance)) / point + Fraction(1, 2)) * point
        if (side == "BUY" and sl >= bid) or (side == "SELL" and sl <= ask):
            return "stop_inside_spread"
        rate = self._rate(pair)
        if rate is None:
            return "no_conversion_rate"
        equity = self.equity()
        used = sum((trade.units * trade.entry_price * (self._rate(trade.pair) or 0)) for trade in self.open.values())
        by_risk = tolerant_floor(equity * rules.risk / (abs(entry - sl) * rate))
        by_leverage = tolerant_floor((rules.max_leverage * equity - used) / (entry * rate))
        units = min(by_risk, by_leverage)
        if units < 1:
            return "size_below_minimum"
        strategy = rules.pairs[pair].strategy
        self.open[pair] = Trade(pair, strategy, side, units, entry_time, entry, sl, tp)
        return ""


def trade_hash(trades: Sequence[Trade]) -> str:
    """Return the hash by which two runs are compared."""

    def when(time: int) -> str:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def line(trade: Trade) -> str:
        price = f"%.{digits(trade.pair)}f"
        sides = [trade.pair, trade.strategy, trade.side, str(trade.units), when(trade.entry_time)]
        levels = [price % each for each in (trade.entry_price, trade.sl, trade.tp)]
        leaving = [when(trade.exit_time), price % trade.exit_price, trade.exit_reason, f"{float(trade.pnl):.4f}"]
        return "|".join(sides + levels + leaving)

    ordered = sorted(trades, key=lambda trade: (trade.entry_time, trade.pair))
    return hashlib.sha256("\n".join(line(trade) for trade in ordered).encode()).hexdigest()
