"""A trade from entry to exit, as every part of the program knows it; `shown` writes it for people."""

from typing import TYPE_CHECKING, NamedTuple

from shared.core.types import ExitReason, Instrument, Side

if TYPE_CHECKING:
    from shared.core.books import Books, TradeLog


class Entry(NamedTuple):
    """How a position was entered, with its stops; prices in points of 10**-digits, time in seconds."""

    pair: str
    strategy: str
    side: Side
    units: int
    entry_time: int
    entry_price: int
    stop_loss: int
    take_profit: int
    digits: int


class Exit(NamedTuple):
    """How a position was left: `pnl_points` per unit, `pnl` in quanta, `ambiguous` when SL and TP lay in one candle."""

    exit_time: int
    exit_price: int
    exit_reason: ExitReason
    pnl_points: int
    pnl: int
    ambiguous: bool


class TradeCosts(NamedTuple):
    """What a trade has paid so far, in quanta, contained in its P/L."""

    spread: int
    slippage: int


class ClosedTrade(NamedTuple):
    """A trade from entry to exit, with all it paid."""

    entry: Entry
    exit: Exit
    costs: TradeCosts

    @property
    def profit(self) -> int:
        """Return what the trade earned, in quanta."""
        return self.exit.pnl


def entry_in_books(books: "Books", place: int, instrument: Instrument, strategy: str) -> Entry:
    """Return how the open position at a place of the books was entered."""
    return Entry(
        pair=instrument.name,
        strategy=strategy,
        side=Side(int(books.side[place])),
        units=int(books.units[place]),
        entry_time=int(books.entry_time[place]),
        entry_price=int(books.entry_price[place]),
        stop_loss=int(books.stop_loss[place]),
        take_profit=int(books.take_profit[place]),
        digits=instrument.digits,
    )


def trade_in_log(log: "TradeLog", row: int, instrument: Instrument, strategy: str) -> ClosedTrade:
    """Return the closed trade in a row of the core's log."""
    side, entry_price, exit_price = Side(int(log.side[row])), int(log.entry_price[row]), int(log.exit_price[row])
    return ClosedTrade(
        Entry(
            pair=instrument.name,
            strategy=strategy,
            side=side,
            units=int(log.units[row]),
            entry_time=int(log.entry_time[row]),
            entry_price=entry_price,
            stop_loss=int(log.stop_loss[row]),
            take_profit=int(log.take_profit[row]),
            digits=instrument.digits,
        ),
        Exit(
            exit_time=int(log.exit_time[row]),
            exit_price=exit_price,
            exit_reason=ExitReason(int(log.exit_reason[row])),
            pnl_points=side * (exit_price - entry_price),
            pnl=int(log.profit[row]),
            ambiguous=bool(log.ambiguous[row]),
        ),
        TradeCosts(spread=int(log.spread_cost[row]), slippage=int(log.slippage_cost[row])),
    )
