"""The paper venue: when a candle closes a position, at which price, and what that does to the account."""

from typing import NamedTuple

from shared.core.books import AccountState, Books, PairTable, TradeLog, conversion_rate
from shared.core.jit import jitable, natural
from shared.core.risk import Rate, profit_quanta
from shared.core.types import BUY, NO_SIDE, STILL_OPEN, STOP_LOSS, TAKE_PROFIT, Candle, ExitReason, Side


class ExitFill(NamedTuple):
    """A close that the venue decided: why (0: none), at which price and time, and what surrounded it."""

    reason: ExitReason
    price: int
    time: int
    ambiguous: bool
    slippage: int
    spread: int


@jitable
def _no_exit() -> ExitFill:
    return ExitFill(STILL_OPEN, 0, 0, False, 0, 0)


@jitable
def venue_exit(
    side: Side, stop_loss: int, take_profit: int, candle: Candle, decision_time: int, optimistic: bool
) -> ExitFill:
    """Say whether and how a candle closes an older position: gaps at the open, then stops inside the range.

    A long position is watched on bid, a short one on ask. Slippage is not in the price yet.
    """
    if side == BUY:
        opening, high, low = candle.bid_open, candle.bid_high, candle.bid_low
        stopped_at_open, target_at_open = opening <= stop_loss, opening >= take_profit
        stop_inside, target_inside = low <= stop_loss, high >= take_profit
    else:
        opening, high, low = candle.ask_open, candle.ask_high, candle.ask_low
        stopped_at_open, target_at_open = opening >= stop_loss, opening <= take_profit
        stop_inside, target_inside = high >= stop_loss, low <= take_profit
    open_spread = candle.ask_open - candle.bid_open
    if stopped_at_open:
        return ExitFill(STOP_LOSS, opening, candle.time, False, 0, open_spread)
    if target_at_open:
        return ExitFill(TAKE_PROFIT, opening, candle.time, False, 0, open_spread)
    close_spread = candle.ask_close - candle.bid_close
    ambiguous = stop_inside and target_inside
    if stop_inside and not (ambiguous and optimistic):
        return ExitFill(STOP_LOSS, stop_loss, decision_time, ambiguous, 0, close_spread)
    if target_inside:
        return ExitFill(TAKE_PROFIT, take_profit, decision_time, ambiguous, 0, close_spread)
    return _no_exit()


def quote_exit(side: Side, stop_loss: int, take_profit: int, bid: int, ask: int, time: int) -> ExitFill:
    """Say whether a quote closes a position: a long one is watched on bid, a short one on ask, and leaves at it."""
    price = bid if side == BUY else ask
    if side * (price - stop_loss) <= 0:
        return ExitFill(STOP_LOSS, price, time, False, 0, ask - bid)
    if side * (price - take_profit) >= 0:
        return ExitFill(TAKE_PROFIT, price, time, False, 0, ask - bid)
    return _no_exit()


@jitable
def slipped(leaving: ExitFill, side: Side, slippage: int) -> ExitFill:
    """Return the exit moved against the position by some points."""
    return ExitFill(
        leaving.reason, leaving.price - side * slippage, leaving.time, leaving.ambiguous, slippage, leaving.spread
    )


@jitable
def close_position(
    state: AccountState, books: Books, log: TradeLog, table: PairTable, pair: int, leaving: ExitFill
) -> AccountState:
    """Close a pair's open position as told: book the profit, log the trade and clear the book."""
    side, units = books.side[pair], books.units[pair]
    scale = table.points_per_price[pair]
    rate = conversion_rate(table, books, pair)
    profit = profit_quanta(side * (leaving.price - books.entry_price[pair]), units, scale, rate)
    row = state.closed_trades
    log.pair[row] = pair
    log.side[row] = side
    log.units[row] = units
    log.entry_time[row] = books.entry_time[pair]
    log.entry_price[row] = books.entry_price[pair]
    log.stop_loss[row] = books.stop_loss[pair]
    log.take_profit[row] = books.take_profit[pair]
    log.exit_time[row] = leaving.time
    log.exit_price[row] = leaving.price
    log.exit_reason[row] = leaving.reason
    log.profit[row] = profit
    log.ambiguous[row] = 1 if leaving.ambiguous else 0
    # Half the spread is paid at each fill; both halves are scaled together, so that no half point is lost.
    spreads = books.entry_spread[pair] + leaving.spread
    log.spread_cost[row] = profit_quanta(spreads * units, 1, scale, Rate(rate.numerator, 2 * rate.denominator))
    slippage = books.entry_slippage[pair] + leaving.slippage
    log.slippage_cost[row] = profit_quanta(slippage, units, scale, rate)
    books.side[pair] = NO_SIDE
    return AccountState(
        state.balance + profit,
        state.equity,
        state.trading_day,
        state.day_start_equity,
        state.halted,
        state.open_positions - 1,
        row + 1,
    )


@jitable
def unrealised_quanta(books: Books, table: PairTable, pair: int) -> int:
    """Return the unrealised profit of a pair's open position at its last close: bid for long, ask for short."""
    side = books.side[pair]
    last = books.bid_close[pair] if side == BUY else books.ask_close[pair]
    rate = conversion_rate(table, books, pair)
    return profit_quanta(side * (last - books.entry_price[pair]), books.units[pair], table.points_per_price[pair], rate)


@jitable
def revalued(state: AccountState, books: Books, table: PairTable) -> AccountState:
    """Return the state with its equity now: the balance plus the unrealised profit of each position, each rounded."""
    equity = state.balance
    if state.open_positions > 0:
        for place in range(len(books.side)):
            pair = natural(place)
            if books.side[pair] != NO_SIDE:
                equity += unrealised_quanta(books, table, pair)
    return AccountState(
        state.balance,
        equity,
        state.trading_day,
        state.day_start_equity,
        state.halted,
        state.open_positions,
        state.closed_trades,
    )


@jitable
def open_notional(books: Books, table: PairTable) -> float:
    """Return the notional of all open positions, at entry prices and current rates, in the account currency."""
    notional = 0.0
    for place in range(len(books.side)):
        pair = natural(place)
        if books.side[pair] != NO_SIDE:
            rate = conversion_rate(table, books, pair)
            price = books.entry_price[pair] / table.points_per_price[pair]
            notional += books.units[pair] * price * (rate.numerator / rate.denominator)
    return notional


@jitable
def close_all(
    state: AccountState, books: Books, log: TradeLog, table: PairTable, decision_time: int, reason: ExitReason
) -> AccountState:
    """Close every open position at its last close: bid for long, ask for short."""
    for place in range(len(books.side)):
        pair = natural(place)
        if books.side[pair] != NO_SIDE:
            bid, ask = books.bid_close[pair], books.ask_close[pair]
            price = bid if books.side[pair] == BUY else ask
            state = close_position(
                state, books, log, table, pair, ExitFill(reason, price, decision_time, False, 0, ask - bid)
            )
    return state
