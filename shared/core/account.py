"""The account machine: marks positions, halts, judges gates 4 and 5, decides, sizes and fills.

One candle in, one outcome out, in the order of the trading rules: trading day, venue, equity, halt, gates,
decision, order, fill. The paper venue of live runs and the backtest's venue are this same code.
"""

from typing import Final, NamedTuple

from shared.core.books import AccountState, Books, PairTable, TradeLog, conversion_rate
from shared.core.gates import daily_loss_verdict, failed_gates, first_reason, position_verdict, signal_verdict
from shared.core.jit import jitable
from shared.core.risk import ENTRY_LEG, EXIT_LEG, RiskParams, price_order, size_order, slippage_points
from shared.core.types import (
    BUY,
    DAILY_HALT,
    HOLD_BIT,
    NO_SIDE,
    PASSED,
    STILL_OPEN,
    STOP_LOSS,
    TIME_EXIT,
    TIMED,
    Assessment,
    Candle,
    ExitReason,
    Reason,
    Side,
)
from shared.core.venue import (
    ExitFill,
    close_all,
    close_position,
    open_notional,
    quote_exit,
    revalued,
    slipped,
    venue_exit,
)

_BASIS_POINTS: Final = 10_000
NO_DAY: Final = -(2**31)


class AccountParams(NamedTuple):
    """What the account machine is set to; the start balance in quanta, the daily loss limit in 1/10,000."""

    start_balance: int
    max_open_positions: int
    daily_loss_limit: int
    exit_mode: int
    hold_candles: int
    optimistic: bool
    risk: RiskParams


class Conditions(NamedTuple):
    """What surrounds a decision besides the market: why entries are held (0: they are not), and the prices to enter at.

    Bid and ask in points are those of a quote; 0 stands for the candle's close.
    """

    hold: Reason
    bid: int
    ask: int


AT_CLOSE: Final = Conditions(PASSED, 0, 0)


class Outcome(NamedTuple):
    """What became of one candle: failed gates (mask), the reason of no trade (0: entered), and what it rests on.

    `refusal` is the reason why an order was not filled; it can belong to the candle before in time-exit mode.
    `equity` is what the gates saw, before a fill of this candle.
    """

    failed: int
    reason: Reason
    refusal: Reason
    position_verdict: Reason
    daily_loss_verdict: Reason
    open_positions: int
    equity: int
    day_start_equity: int
    opened: bool
    halted_now: bool


def account_start(params: AccountParams) -> AccountState:
    """Return the account before its first candle."""
    balance = params.start_balance
    return AccountState(balance, balance, NO_DAY, balance, False, 0, 0)


@jitable
def _enter(
    state: AccountState,
    books: Books,
    table: PairTable,
    pair: int,
    side: Side,
    bid: int,
    ask: int,
    atr: float,
    candle_time: int,
    entry_time: int,
    params: RiskParams,
) -> tuple[AccountState, Reason]:
    """Price, size and fill an entry; return the state and the reason of a refusal (0: filled)."""
    slippage = slippage_points(params, table.key[pair], candle_time, ENTRY_LEG)
    scale = table.points_per_price[pair]
    order = price_order(side, bid, ask, atr, slippage, scale, params)
    if order.side != NO_SIDE:
        rate = conversion_rate(table, books, pair)
        notional = open_notional(books, table) if state.open_positions > 0 else 0.0
        order = size_order(order, state.equity, notional, scale, table.minimum_units[pair], rate, params)
    if order.side == NO_SIDE:
        return state, order.refusal
    books.side[pair] = order.side
    books.units[pair] = order.units
    books.entry_time[pair] = entry_time
    books.entry_price[pair] = order.entry_price
    books.stop_loss[pair] = order.stop_loss
    books.take_profit[pair] = order.take_profit
    books.entry_slippage[pair] = slippage
    books.entry_spread[pair] = ask - bid
    books.candles_held[pair] = 0
    opened = AccountState(
        state.balance,
        state.equity,
        state.trading_day,
        state.day_start_equity,
        state.halted,
        state.open_positions + 1,
        state.closed_trades,
    )
    return revalued(opened, books, table), PASSED


@jitable
def _enter_at_close(
    state: AccountState,
    books: Books,
    table: PairTable,
    pair: int,
    candle: Candle,
    assessment: Assessment,
    decision_time: int,
    conditions: Conditions,
    params: RiskParams,
) -> tuple[AccountState, Reason]:
    """Enter on a candle's signal at the quote that is given, or at its closing bid or ask."""
    side, atr = assessment.signal, assessment.atr
    bid, ask = candle.bid_close, candle.ask_close
    if conditions.bid != 0:
        bid, ask = conditions.bid, conditions.ask
    return _enter(state, books, table, pair, side, bid, ask, atr, candle.time, decision_time, params)


@jitable
def _begin_day(state: AccountState, trading_day: int) -> AccountState:
    if trading_day <= state.trading_day:
        return state
    return AccountState(
        state.balance, state.equity, trading_day, state.equity, False, state.open_positions, state.closed_trades
    )


@jitable
def _halt(
    state: AccountState, books: Books, log: TradeLog, table: PairTable, decision_time: int, params: AccountParams
) -> AccountState:
    """Halt for the day once its drawdown reaches the limit, closing everything at the last closes."""
    loss = state.day_start_equity - state.equity
    if state.halted or loss * _BASIS_POINTS < params.daily_loss_limit * state.day_start_equity:
        return state
    state = close_all(state, books, log, table, decision_time, DAILY_HALT)
    for pair in range(len(books.pending_side)):
        books.pending_side[pair] = NO_SIDE
    return AccountState(
        state.balance,
        state.balance,
        state.trading_day,
        state.day_start_equity,
        True,
        state.open_positions,
        state.closed_trades,
    )


@jitable
def _timed_open(
    state: AccountState, books: Books, log: TradeLog, table: PairTable, pair: int, candle: Candle, params: AccountParams
) -> tuple[AccountState, Reason, bool]:
    """Do what time-exit mode does at a candle's open: fill the pending entry, or close what was held long enough."""
    refusal, opened = PASSED, False
    if books.pending_side[pair] != NO_SIDE:
        # The entry at the open knows only the closes before it, so the books take this candle afterwards.
        side, atr = books.pending_side[pair], books.pending_atr[pair]
        books.pending_side[pair] = NO_SIDE
        state, refusal = _enter(
            state,
            books,
            table,
            pair,
            side,
            candle.bid_open,
            candle.ask_open,
            atr,
            candle.time,
            candle.time,
            params.risk,
        )
        opened = refusal == PASSED
    books.bid_close[pair] = candle.bid_close
    books.ask_close[pair] = candle.ask_close
    if books.side[pair] != NO_SIDE and not opened:
        books.candles_held[pair] += 1
        if books.candles_held[pair] >= params.hold_candles:
            price = candle.bid_open if books.side[pair] == BUY else candle.ask_open
            spread = candle.ask_open - candle.bid_open
            leaving = ExitFill(TIME_EXIT, price, candle.time, False, 0, spread)
            state = close_position(state, books, log, table, pair, leaving)
    return state, refusal, opened


@jitable
def _venue(
    state: AccountState,
    books: Books,
    log: TradeLog,
    table: PairTable,
    pair: int,
    candle: Candle,
    decision_time: int,
    params: AccountParams,
) -> AccountState:
    """Take the candle into the books and close the pair's position where its stops say so."""
    books.bid_close[pair] = candle.bid_close
    books.ask_close[pair] = candle.ask_close
    side = books.side[pair]
    if side == NO_SIDE:
        return state
    leaving = venue_exit(side, books.stop_loss[pair], books.take_profit[pair], candle, decision_time, params.optimistic)
    if leaving.reason == STILL_OPEN:
        return state
    # A gap fills at the open as it is; a stop inside the candle slips.
    if leaving.reason == STOP_LOSS and leaving.time == decision_time:
        slippage = slippage_points(params.risk, table.key[pair], candle.time, EXIT_LEG)
        leaving = slipped(leaving, side, slippage)
    return close_position(state, books, log, table, pair, leaving)


@jitable
def _mark(
    state: AccountState,
    books: Books,
    log: TradeLog,
    table: PairTable,
    pair: int,
    candle: Candle,
    decision_time: int,
    params: AccountParams,
) -> tuple[AccountState, Reason, bool]:
    """Let a candle act on what is open: venue, equity, halt; say what became of a waiting entry."""
    refusal, opened = PASSED, False
    if params.exit_mode == TIMED:
        state, refusal, opened = _timed_open(state, books, log, table, pair, candle, params)
    else:
        state = _venue(state, books, log, table, pair, candle, decision_time, params)
    state = revalued(state, books, table)
    return _halt(state, books, log, table, decision_time, params), refusal, opened


@jitable
def account_step(
    state: AccountState,
    books: Books,
    log: TradeLog,
    table: PairTable,
    pair: int,
    candle: Candle,
    assessment: Assessment,
    decision_time: int,
    trading_day: int,
    conditions: Conditions,
    params: AccountParams,
) -> tuple[AccountState, Outcome]:
    """Settle one assessed candle under what surrounds its decision.

    The books are written in place, so a step is made once from each state. Closed trades are appended to the log
    at `closed_trades`, which the caller may set back to 0 once it has read them.
    """
    state = _begin_day(state, trading_day)
    was_halted = state.halted
    state, refusal, opened = _mark(state, books, log, table, pair, candle, decision_time, params)
    judged = state
    taken = books.side[pair] != NO_SIDE or books.pending_side[pair] != NO_SIDE
    position = position_verdict(taken, judged.open_positions, params.max_open_positions)
    daily_loss = daily_loss_verdict(judged.halted)
    verdicts = (
        assessment.session,
        assessment.spread,
        assessment.news,
        position,
        daily_loss,
        assessment.market_state_verdict,
        signal_verdict(assessment.signal),
    )
    held = conditions.hold != PASSED
    reason = conditions.hold if held else first_reason(*verdicts)
    if reason == PASSED and params.exit_mode == TIMED:
        books.pending_side[pair] = assessment.signal
        books.pending_atr[pair] = assessment.atr
    elif reason == PASSED:
        state, refusal = _enter_at_close(
            state, books, table, pair, candle, assessment, decision_time, conditions, params.risk
        )
        reason = refusal
        opened = refusal == PASSED
    outcome = Outcome(
        failed_gates(*verdicts) | (HOLD_BIT if held else 0),
        reason,
        refusal,
        position,
        daily_loss,
        judged.open_positions,
        judged.equity,
        judged.day_start_equity,
        opened,
        judged.halted and not was_halted,
    )
    return state, outcome


def quote_step(
    state: AccountState, books: Books, log: TradeLog, table: PairTable, pair: int, bid: int, ask: int, time: int
) -> AccountState:
    """Close a pair's position where a quote in points reaches its stop or its target, at the quote.

    Only what is closed changes the account: equity and halt are the next candle's. A quote from before the entry's
    decision is none of the position's business.
    """
    if books.side[pair] == NO_SIDE or time <= books.entry_time[pair]:
        return state
    leaving = quote_exit(books.side[pair], books.stop_loss[pair], books.take_profit[pair], bid, ask, time)
    if leaving.reason == STILL_OPEN:
        return state
    state = close_position(state, books, log, table, pair, leaving)
    return revalued(state, books, table)


def close_step(
    state: AccountState,
    books: Books,
    log: TradeLog,
    table: PairTable,
    pair: int,
    reason: ExitReason,
    bid: int,
    ask: int,
    time: int,
) -> AccountState:
    """Close a pair's position at a bid and ask in points, wherever its stops are; do nothing where none is open.

    As with a quote, only what is closed changes the account: equity and halt are the next candle's.
    """
    side = books.side[pair]
    if side == NO_SIDE:
        return state
    leaving = ExitFill(reason, bid if side == BUY else ask, time, False, 0, ask - bid)
    state = close_position(state, books, log, table, pair, leaving)
    return revalued(state, books, table)
