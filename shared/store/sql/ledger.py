"""The ledger in the store: trades, open positions, the account's events, days and equity."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, delete, func, select, update

from shared.contracts.decimals import (
    MONEY_DIGITS,
    PIPS_DIGITS,
    format_money,
    format_pips,
    format_points,
)
from shared.contracts.errors import InvariantError
from shared.contracts.times import format_day, format_time
from shared.contracts.vocabulary import EXIT_OF_NAME, SIDE_OF_NAME
from shared.core.types import EXIT_NAMES, SIDE_NAMES
from shared.store.postgresql import TRADE_TURN
from shared.store.rows.ledger import (
    AccountEventRow,
    AppliedQuoteRow,
    DailyStatsRow,
    EquityRow,
    PositionRow,
    TradeClosing,
    TradeCosts,
    TradeOpening,
    TradeRow,
)
from shared.store.sql.session import Session, Values, digits_of, read_fixed, read_name
from shared.store.tables.ledger import ACCOUNT_EVENTS, APPLIED_QUOTES, DAILY_STATS, EQUITY, POSITIONS, TRADES

_OPEN: Final = "OPEN"
_CLOSED: Final = "CLOSED"


class LedgerSession(Session):
    """Read and write trades, positions, events, days and equity."""

    def trade(self, trade_id: str) -> TradeRow | None:
        """Return one trade."""
        return next(iter(self._trade_rows(select(TRADES).where(TRADES.c.id == trade_id))), None)

    def trades(self, limit: int, pair: str | None = None) -> list[TradeRow]:
        """Return trades, the latest opened first."""
        query = _of_pair(select(TRADES), TRADES.c.pair, pair)
        return self._trade_rows(query.order_by(TRADES.c.number.desc()).limit(limit))

    def trade_of_signal(self, pair: str, candle_time: int) -> TradeRow | None:
        """Return the trade that the pair's candle which opened at `candle_time` gave the signal for."""
        query = select(TRADES).where(TRADES.c.pair == pair, TRADES.c.signal_time == candle_time)
        return next(iter(self._trade_rows(query)), None)

    def open_trades(self) -> list[TradeRow]:
        """Return the trades that are open, in order of opening."""
        return self._trade_rows(select(TRADES).where(TRADES.c.status == _OPEN).order_by(TRADES.c.number))

    def trades_in_order(self, chunk: int = 1_000) -> Iterator[TradeRow]:
        """Iterate over all trades in order of opening, reading `chunk` rows at a time."""
        number = 0
        query = select(TRADES).order_by(TRADES.c.number).limit(chunk)
        while rows := self._trade_rows(query.where(TRADES.c.number > number)):
            yield from rows
            number = rows[-1].number

    def positions(self, pair: str | None = None) -> list[PositionRow]:
        """Return the open positions by pair name."""
        query = _of_pair(select(POSITIONS), POSITIONS.c.pair, pair).order_by(POSITIONS.c.pair)
        return [_position_row(row) for row in self._connection.execute(query)]

    def account_events(self, limit: int, pair: str | None = None) -> list[AccountEventRow]:
        """Return events of the account, newest first."""
        query = _of_pair(select(ACCOUNT_EVENTS), ACCOUNT_EVENTS.c.pair, pair)
        query = query.order_by(ACCOUNT_EVENTS.c.id.desc()).limit(limit)
        return [event_row(row) for row in self._connection.execute(query)]

    def account_events_of(self, stream: str, seq: int) -> list[AccountEventRow]:
        """Return the events that one candle caused, in order."""
        columns = ACCOUNT_EVENTS.c
        query = select(ACCOUNT_EVENTS).where(columns.cause_stream == stream, columns.cause_seq == seq)
        query = query.order_by(columns.seq)
        return [event_row(row) for row in self._connection.execute(query)]

    def account_events_in_order(self, chunk: int = 1_000) -> Iterator[AccountEventRow]:
        """Iterate over all events from the first, reading `chunk` rows at a time."""
        identity = 0
        query = select(ACCOUNT_EVENTS).order_by(ACCOUNT_EVENTS.c.id).limit(chunk)
        while rows := self._connection.execute(query.where(ACCOUNT_EVENTS.c.id > identity)).all():
            yield from map(event_row, rows)
            identity = rows[-1].id

    def daily_stats(self, limit: int) -> list[DailyStatsRow]:
        """Return trading days, newest first."""
        query = select(DAILY_STATS).order_by(DAILY_STATS.c.trading_day.desc()).limit(limit)
        return [daily_stats_row(row) for row in self._connection.execute(query)]

    def equity(self, limit: int) -> list[EquityRow]:
        """Return points of the equity curve, newest first."""
        query = select(EQUITY).order_by(EQUITY.c.id.desc()).limit(limit)
        return [equity_row(row) for row in self._connection.execute(query)]

    def equity_in_order(self, chunk: int = 10_000) -> Iterator[EquityRow]:
        """Iterate over the equity curve from its first point, reading `chunk` rows at a time."""
        identity = 0
        query = select(EQUITY).order_by(EQUITY.c.id).limit(chunk)
        while rows := self._connection.execute(query.where(EQUITY.c.id > identity)).all():
            yield from map(equity_row, rows)
            identity = rows[-1].id

    def applied_quotes_in_order(self, chunk: int = 1_000) -> Iterator[AppliedQuoteRow]:
        """Iterate over the quotes that did something from the first, reading `chunk` rows at a time."""
        identity = 0
        query = select(APPLIED_QUOTES).order_by(APPLIED_QUOTES.c.id).limit(chunk)
        while rows := self._connection.execute(query.where(APPLIED_QUOTES.c.id > identity)).all():
            yield from map(_quote_row, rows)
            identity = rows[-1].id

    def open_trade(self, opening: TradeOpening, costs: TradeCosts) -> int:
        """Add an open trade and return its number; a second open one of the pair is an InvariantError."""
        self._take_turns(TRADE_TURN)
        number = 1 + (self._connection.execute(select(func.max(TRADES.c.number))).scalar() or 0)
        self._add(TRADES, [_opening_values(number, opening, costs)])
        return number

    def close_trade(self, closing: TradeClosing, costs: TradeCosts) -> None:
        """Close an open trade for good; one that is not open is an InvariantError."""
        is_it = TRADES.c.id == closing.id
        pair = self._connection.execute(select(TRADES.c.pair).where(is_it, TRADES.c.status == _OPEN)).scalar()
        if pair is None:
            raise InvariantError(f"trade {closing.id} cannot be closed: it is not open")
        digits = digits_of({pair})[pair]
        self._connection.execute(
            update(TRADES)
            .where(is_it)
            .values(
                status=_CLOSED,
                exit_time=closing.exit_time,
                exit_price=format_points(closing.exit_price, digits),
                exit_reason=EXIT_NAMES[closing.exit_reason],
                pnl_pips=format_pips(closing.pnl_points),
                pnl=format_money(closing.pnl),
                ambiguous=closing.ambiguous,
                spread_cost=format_money(costs.spread),
                slippage_cost=format_money(costs.slippage),
            )
        )

    def replace_positions(self, rows: Sequence[PositionRow]) -> None:
        """Make these the open positions; each must belong to a stored trade."""
        self._connection.execute(delete(POSITIONS))
        self._add(POSITIONS, [_position_values(row) for row in rows])

    def add_account_events(self, rows: Sequence[AccountEventRow]) -> None:
        """Add events; a second one of the same (stream, seq) is an InvariantError."""
        self._add(ACCOUNT_EVENTS, [_event_values(row) for row in rows])

    def save_daily_stats(self, rows: Sequence[DailyStatsRow]) -> None:
        """Add trading days or overwrite them."""
        self._add(DAILY_STATS, [_daily_stats_values(row) for row in rows])

    def add_equity(self, rows: Sequence[EquityRow]) -> None:
        """Add points of the equity curve."""
        self._add(
            EQUITY,
            [
                (seq, format_time(time), format_money(balance), format_money(equity))
                for seq, time, balance, equity in rows
            ],
        )

    def add_applied_quotes(self, rows: Sequence[AppliedQuoteRow]) -> None:
        """Add quotes that did something; a second one of a pair, seq and purpose is an InvariantError."""
        self._add(APPLIED_QUOTES, [_quote_values(row) for row in rows])

    def _trade_rows(self, query: Select[Any]) -> list[TradeRow]:
        return [_trade_row(row) for row in self._connection.execute(query)]


def _of_pair(query: Select[Any], column: Any, pair: str | None) -> Select[Any]:
    return query if pair is None else query.where(column == pair)


def _money(row: Row[Any], table: Any, key: object, *columns: str) -> list[int]:
    return read_fixed([row._mapping[column] for column in columns], MONEY_DIGITS, table, key, columns)


def _prices(row: Row[Any], table: Any, key: object, *columns: str) -> list[int]:
    digits = digits_of({row.pair})[row.pair]
    return read_fixed([row._mapping[column] for column in columns], digits, table, key, columns)


def _opening_values(number: int, opening: TradeOpening, costs: TradeCosts) -> Values:
    digits = digits_of({opening.pair})[opening.pair]
    not_yet = (None,) * 6
    return (
        opening.id,
        number,
        opening.pair,
        opening.strategy,
        SIDE_NAMES[opening.side],
        opening.units,
        format_time(opening.entry_time),
        format_points(opening.entry_price, digits),
        format_points(opening.stop_loss, digits),
        format_points(opening.take_profit, digits),
        format_time(opening.signal_time),
        format_money(costs.spread),
        format_money(costs.slippage),
        _OPEN,
        *not_yet,
    )


def _trade_row(row: Row[Any]) -> TradeRow:
    entry_price, stop_loss, take_profit = _prices(row, TRADES, row.id, "entry_price", "stop_loss", "take_profit")
    opening = TradeOpening(
        id=row.id,
        pair=row.pair,
        strategy=row.strategy,
        side=read_name(SIDE_OF_NAME, row.side, TRADES, row.id, "side"),
        units=row.units,
        entry_time=row.entry_time,
        entry_price=entry_price,
        stop_loss=stop_loss,
        take_profit=take_profit,
        signal_time=row.signal_time,
    )
    costs = TradeCosts(*_money(row, TRADES, row.id, "spread_cost", "slippage_cost"))
    return TradeRow(row.number, opening, costs, None if row.status == _OPEN else _closing(row))


def _closing(row: Row[Any]) -> TradeClosing:
    (exit_price,) = _prices(row, TRADES, row.id, "exit_price")
    (pnl_points,) = read_fixed([row.pnl_pips], PIPS_DIGITS, TRADES, row.id, ["pnl_pips"])
    (pnl,) = _money(row, TRADES, row.id, "pnl")
    return TradeClosing(
        id=row.id,
        exit_time=row.exit_time,
        exit_price=exit_price,
        exit_reason=read_name(EXIT_OF_NAME, row.exit_reason, TRADES, row.id, "exit_reason"),
        pnl_points=pnl_points,
        pnl=pnl,
        ambiguous=row.ambiguous,
    )


def _position_values(row: PositionRow) -> Values:
    digits = digits_of({row.pair})[row.pair]
    return (
        row.trade_id,
        row.pair,
        row.strategy,
        SIDE_NAMES[row.side],
        row.units,
        format_time(row.entry_time),
        format_points(row.entry_price, digits),
        format_points(row.stop_loss, digits),
        format_points(row.take_profit, digits),
        format_time(row.mark_time),
        format_points(row.mark_price, digits),
        format_money(row.unrealised_pnl),
    )


def _position_row(row: Row[Any]) -> PositionRow:
    entry_price, stop_loss, take_profit, mark_price = _prices(
        row, POSITIONS, row.trade_id, "entry_price", "stop_loss", "take_profit", "mark_price"
    )
    return PositionRow(
        trade_id=row.trade_id,
        pair=row.pair,
        strategy=row.strategy,
        side=read_name(SIDE_OF_NAME, row.side, POSITIONS, row.trade_id, "side"),
        units=row.units,
        entry_time=row.entry_time,
        entry_price=entry_price,
        stop_loss=stop_loss,
        take_profit=take_profit,
        mark_time=row.mark_time,
        mark_price=mark_price,
        unrealised_pnl=_money(row, POSITIONS, row.trade_id, "unrealised_pnl")[0],
    )


def _event_values(row: AccountEventRow) -> Values:
    return (
        row.stream,
        row.seq,
        row.cause_stream,
        row.cause_seq,
        format_time(row.time),
        row.type,
        row.pair,
        format_money(row.balance),
        format_money(row.equity),
        row.detail_json,
    )


def event_row(row: Row[Any]) -> AccountEventRow:
    """Return a stored event of the account."""
    balance, equity = _money(row, ACCOUNT_EVENTS, row.id, "balance", "equity")
    return AccountEventRow(
        row.stream,
        row.seq,
        row.cause_stream,
        row.cause_seq,
        row.ts_utc,
        row.type,
        row.pair,
        balance,
        equity,
        row.detail_json,
    )


def equity_row(row: Row[Any]) -> EquityRow:
    """Return a stored point of the equity curve."""
    return EquityRow(row.seq, row.ts_utc, *_money(row, EQUITY, row.seq, "balance", "equity"))


def _quote_values(row: AppliedQuoteRow) -> Values:
    digits = digits_of({row.pair})[row.pair]
    prices = format_points(row.bid, digits), format_points(row.ask, digits)
    return (row.seq, row.purpose, row.pair, format_time(row.time), *prices, row.command_id)


def _quote_row(row: Row[Any]) -> AppliedQuoteRow:
    bid, ask = _prices(row, APPLIED_QUOTES, row.id, "bid", "ask")
    return AppliedQuoteRow(row.seq, row.purpose, row.pair, row.ts_utc, bid, ask, row.command_id)


def _daily_stats_values(row: DailyStatsRow) -> Values:
    return (
        format_day(row.trading_day),
        format_money(row.start_equity),
        format_money(row.end_equity),
        format_money(row.realised_pnl),
        row.trades,
        row.wins,
        row.losses,
        row.max_drawdown_ratio,
        row.halted,
    )


def daily_stats_row(row: Row[Any]) -> DailyStatsRow:
    """Return a stored trading day."""
    start, end, realised = _money(row, DAILY_STATS, row.trading_day, "start_equity", "end_equity", "realised_pnl")
    return DailyStatsRow(
        row.trading_day, start, end, realised, row.trades, row.wins, row.losses, row.max_drawdown_ratio, row.halted
    )
