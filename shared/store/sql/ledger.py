"""The ledger in the store: trades, open positions, the account's events, days and equity."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Row, Select, delete, func, select, update

from shared.contracts.decimals import MONEY_DIGITS, PIPS_DIGITS, digits_in, format_money, format_pips, format_points
from shared.contracts.errors import InvariantError
from shared.contracts.facts import AccountEvent, Quote
from shared.contracts.times import format_day, format_time
from shared.contracts.trades import Entry, Exit, TradeCosts
from shared.contracts.vocabulary import EXIT_OF_NAME, SIDE_OF_NAME
from shared.core.types import EXIT_NAMES, SIDE_NAMES
from shared.store.postgresql import TRADE_TURN
from shared.store.rows.ledger import AppliedQuoteRow, DailyStatsRow, EquityRow, PositionRow, TradeOpening, TradeRow
from shared.store.sql.session import Session, Values, of_pair, read_fixed, read_name
from shared.store.tables.ledger import ACCOUNT_EVENTS, APPLIED_QUOTES, DAILY_STATS, EQUITY, POSITIONS, TRADES

_OPEN: Final = "OPEN"
_CLOSED: Final = "CLOSED"
# No candle is longer than a week, and an entry follows its signal's candle.
_LONGEST_TO_ENTRY_SECONDS: Final = 14 * 86_400
_NOT_CLOSED: Final = dict.fromkeys(("exit_time", "exit_price", "exit_reason", "pnl_pips", "pnl", "ambiguous"))


class LedgerSession(Session):
    """Read and write trades, positions, events, days and equity."""

    def trade(self, trade_id: str) -> TradeRow | None:
        """Look the id up in the primary key."""
        return next(iter(self._trade_rows(select(TRADES).where(TRADES.c.id == trade_id))), None)

    def trades(self, limit: int, pair: str | None = None) -> list[TradeRow]:
        """Order by number from the end; of one pair by time of entry and number, which is the order of its index."""
        place = (TRADES.c.number,) if pair is None else (TRADES.c.entry_time, TRADES.c.number)
        query = of_pair(select(TRADES), TRADES.c.pair, pair)
        return self._trade_rows(query.order_by(*(column.desc() for column in place)).limit(limit))

    def trade_of_number(self, number: int) -> TradeRow | None:
        """Look the number up in its unique index."""
        return next(iter(self._trade_rows(select(TRADES).where(TRADES.c.number == number))), None)

    def trade_of_signal(self, pair: str, candle_time: int) -> TradeRow | None:
        """Search two weeks from the signal on in the index on pair and time of entry; the signal has no index."""
        query = select(TRADES).where(TRADES.c.pair == pair, TRADES.c.signal_time == candle_time)
        query = query.where(TRADES.c.entry_time.between(candle_time, candle_time + _LONGEST_TO_ENTRY_SECONDS))
        return next(iter(self._trade_rows(query)), None)

    def trades_in_order(self, chunk: int = 1_000) -> Iterator[TradeRow]:
        """Page by number, which has a unique index, one statement for each chunk."""
        return map(_trade_row, self._in_order(select(TRADES), TRADES.c.number, chunk))

    def positions(self, pair: str | None = None) -> list[PositionRow]:
        """Read the whole table, in which nothing but open positions stands."""
        query = of_pair(select(POSITIONS), POSITIONS.c.pair, pair).order_by(POSITIONS.c.pair)
        return [_position_row(row) for row in self._connection.execute(query)]

    def account_events(self, limit: int, pair: str | None = None) -> list[AccountEvent]:
        """Walk the primary key from its end; the pair has no index."""
        query = of_pair(select(ACCOUNT_EVENTS), ACCOUNT_EVENTS.c.pair, pair)
        query = query.order_by(ACCOUNT_EVENTS.c.id.desc()).limit(limit)
        return [event_row(row) for row in self._connection.execute(query)]

    def account_events_of(self, stream: str, seq: int) -> list[AccountEvent]:
        """Look the candle up in the index of causes and sort by the event's own seq."""
        columns = ACCOUNT_EVENTS.c
        query = select(ACCOUNT_EVENTS).where(columns.cause_stream == stream, columns.cause_seq == seq)
        query = query.order_by(columns.seq)
        return [event_row(row) for row in self._connection.execute(query)]

    def account_events_in_order(self, chunk: int = 1_000) -> Iterator[AccountEvent]:
        """Page by row id, one statement for each chunk."""
        return map(event_row, self._in_order(select(ACCOUNT_EVENTS), ACCOUNT_EVENTS.c.id, chunk))

    def daily_stats(self, limit: int) -> list[DailyStatsRow]:
        """Walk the primary key, which is the day, from its end."""
        query = select(DAILY_STATS).order_by(DAILY_STATS.c.trading_day.desc()).limit(limit)
        return [daily_stats_row(row) for row in self._connection.execute(query)]

    def equity(self, limit: int) -> list[EquityRow]:
        """Walk the row ids from their end: points of one second have no other order."""
        query = select(EQUITY).order_by(EQUITY.c.id.desc()).limit(limit)
        return [equity_row(row) for row in self._connection.execute(query)]

    def equity_in_order(self, chunk: int = 10_000) -> Iterator[EquityRow]:
        """Page by row id, one statement for each chunk."""
        return map(equity_row, self._in_order(select(EQUITY), EQUITY.c.id, chunk))

    def applied_quotes_in_order(self, chunk: int = 1_000) -> Iterator[AppliedQuoteRow]:
        """Page by row id, one statement for each chunk."""
        return map(_quote_row, self._in_order(select(APPLIED_QUOTES), APPLIED_QUOTES.c.id, chunk))

    def open_trade(self, opening: TradeOpening, costs: TradeCosts) -> int:
        """Take the trades' turn, then insert under the highest number plus one."""
        self._take_turns(TRADE_TURN)
        number = 1 + (self._connection.execute(select(func.max(TRADES.c.number))).scalar() or 0)
        self._add(TRADES, [_opening_values(number, opening, costs)])
        return number

    def close_trade(self, trade_id: str, closing: Exit, costs: TradeCosts) -> None:
        """Find the open row's entry for the digits of its prices, then update by primary key."""
        is_it = TRADES.c.id == trade_id
        entry = self._connection.execute(select(TRADES.c.entry_price).where(is_it, TRADES.c.status == _OPEN)).scalar()
        if entry is None:
            raise InvariantError(f"trade {trade_id} cannot be closed: it is not open")
        self._connection.execute(
            update(TRADES)
            .where(is_it)
            .values(
                status=_CLOSED,
                exit_time=closing.exit_time,
                exit_price=format_points(closing.exit_price, digits_in(entry)),
                exit_reason=EXIT_NAMES[closing.exit_reason],
                pnl_pips=format_pips(closing.pnl_points),
                pnl=format_money(closing.pnl),
                ambiguous=closing.ambiguous,
                spread_cost=format_money(costs.spread),
                slippage_cost=format_money(costs.slippage),
            )
        )

    def replace_positions(self, rows: Sequence[PositionRow]) -> None:
        """Delete all rows, then insert in bulk."""
        self._connection.execute(delete(POSITIONS))
        self._add(POSITIONS, map(_position_values, rows))

    def add_account_events(self, rows: Sequence[AccountEvent]) -> None:
        """Insert in bulk; row ids are given in the order of the rows."""
        self._add(ACCOUNT_EVENTS, map(_event_values, rows))

    def save_daily_stats(self, rows: Sequence[DailyStatsRow]) -> None:
        """Upsert in bulk on the day; every other column takes the new value."""
        self._add(DAILY_STATS, map(_daily_stats_values, rows))

    def add_equity(self, rows: Sequence[EquityRow]) -> None:
        """Insert in bulk; row ids are given in the order of the rows."""
        self._add(EQUITY, map(_equity_values, rows))

    def add_applied_quotes(self, rows: Sequence[AppliedQuoteRow]) -> None:
        """Insert in bulk, prices as decimals with the digits of their points."""
        self._add(APPLIED_QUOTES, map(_quote_values, rows))

    def _trade_rows(self, query: Select[Any]) -> list[TradeRow]:
        return [_trade_row(row) for row in self._connection.execute(query)]


def _money(row: Row[Any], table: Any, key: object, *columns: str) -> list[int]:
    return read_fixed([row._mapping[column] for column in columns], MONEY_DIGITS, table, key, columns)


def _prices(row: Row[Any], table: Any, key: object, *columns: str) -> list[int]:
    prices = [row._mapping[column] for column in columns]
    return read_fixed(prices, digits_in(prices[0]), table, key, columns)


def _entry_values(entry: Entry) -> Values:
    digits = entry.digits
    return {
        **entry._asdict(),
        "side": SIDE_NAMES[entry.side],
        "entry_time": format_time(entry.entry_time),
        "entry_price": format_points(entry.entry_price, digits),
        "stop_loss": format_points(entry.stop_loss, digits),
        "take_profit": format_points(entry.take_profit, digits),
    }


def _entry(row: Row[Any], table: Any, key: object) -> Entry:
    entry_price, stop_loss, take_profit = _prices(row, table, key, "entry_price", "stop_loss", "take_profit")
    return Entry(
        pair=row.pair,
        strategy=row.strategy,
        side=read_name(SIDE_OF_NAME, row.side, table, key, "side"),
        units=row.units,
        entry_time=row.entry_time,
        entry_price=entry_price,
        stop_loss=stop_loss,
        take_profit=take_profit,
        digits=digits_in(row.entry_price),
    )


def _opening_values(number: int, opening: TradeOpening, costs: TradeCosts) -> Values:
    return {
        **_NOT_CLOSED,
        **_entry_values(opening.entry),
        "id": opening.id,
        "number": number,
        "signal_time": format_time(opening.signal_time),
        "spread_cost": format_money(costs.spread),
        "slippage_cost": format_money(costs.slippage),
        "status": _OPEN,
    }


def _trade_row(row: Row[Any]) -> TradeRow:
    return TradeRow(
        number=row.number,
        opening=TradeOpening(id=row.id, entry=_entry(row, TRADES, row.id), signal_time=row.signal_time),
        costs=TradeCosts(*_money(row, TRADES, row.id, "spread_cost", "slippage_cost")),
        closing=None if row.status == _OPEN else _closing(row),
    )


def _closing(row: Row[Any]) -> Exit:
    (exit_price,) = _prices(row, TRADES, row.id, "exit_price")
    (pnl_points,) = read_fixed([row.pnl_pips], PIPS_DIGITS, TRADES, row.id, ["pnl_pips"])
    (pnl,) = _money(row, TRADES, row.id, "pnl")
    return Exit(
        exit_time=row.exit_time,
        exit_price=exit_price,
        exit_reason=read_name(EXIT_OF_NAME, row.exit_reason, TRADES, row.id, "exit_reason"),
        pnl_points=pnl_points,
        pnl=pnl,
        ambiguous=row.ambiguous,
    )


def _position_values(row: PositionRow) -> Values:
    return {
        **_entry_values(row.entry),
        "trade_id": row.trade_id,
        "mark_time": format_time(row.mark_time),
        "mark_price": format_points(row.mark_price, row.entry.digits),
        "unrealised_pnl": format_money(row.unrealised_pnl),
    }


def _position_row(row: Row[Any]) -> PositionRow:
    (mark_price,) = _prices(row, POSITIONS, row.trade_id, "mark_price")
    (unrealised_pnl,) = _money(row, POSITIONS, row.trade_id, "unrealised_pnl")
    return PositionRow(
        trade_id=row.trade_id,
        entry=_entry(row, POSITIONS, row.trade_id),
        mark_time=row.mark_time,
        mark_price=mark_price,
        unrealised_pnl=unrealised_pnl,
    )


def _event_values(row: AccountEvent) -> Values:
    return {
        **row._asdict(),
        "ts_utc": format_time(row.time),
        "balance": format_money(row.balance),
        "equity": format_money(row.equity),
        "detail_json": msgspec.json.encode(row.detail).decode(),
    }


def event_row(row: Row[Any]) -> AccountEvent:
    """Return a stored event of the account."""
    balance, equity = _money(row, ACCOUNT_EVENTS, row.id, "balance", "equity")
    try:
        detail = msgspec.json.decode(row.detail_json, type=dict[str, str])
    except msgspec.DecodeError as fault:
        raise InvariantError(f"table {ACCOUNT_EVENTS.name}, row {row.id}, column detail_json: {fault}") from fault
    return AccountEvent(
        stream=row.stream,
        seq=row.seq,
        cause_stream=row.cause_stream,
        cause_seq=row.cause_seq,
        time=row.ts_utc,
        type=row.type,
        pair=row.pair,
        balance=balance,
        equity=equity,
        detail=detail,
    )


def _equity_values(row: EquityRow) -> Values:
    return {
        "seq": row.seq,
        "ts_utc": format_time(row.time),
        "balance": format_money(row.balance),
        "equity": format_money(row.equity),
    }


def equity_row(row: Row[Any]) -> EquityRow:
    """Return a stored point of the equity curve."""
    balance, equity = _money(row, EQUITY, row.seq, "balance", "equity")
    return EquityRow(seq=row.seq, time=row.ts_utc, balance=balance, equity=equity)


def _quote_values(row: AppliedQuoteRow) -> Values:
    quote = row.quote
    return {
        **row._asdict(),
        "pair": quote.pair,
        "ts_utc": format_time(quote.time),
        "bid": format_points(quote.bid, quote.digits),
        "ask": format_points(quote.ask, quote.digits),
    }


def _quote_row(row: Row[Any]) -> AppliedQuoteRow:
    bid, ask = _prices(row, APPLIED_QUOTES, row.id, "bid", "ask")
    quote = Quote(pair=row.pair, time=row.ts_utc, digits=digits_in(row.bid), bid=bid, ask=ask)
    return AppliedQuoteRow(seq=row.seq, purpose=row.purpose, quote=quote, command_id=row.command_id)


def _daily_stats_values(row: DailyStatsRow) -> Values:
    return {
        **row._asdict(),
        "trading_day": format_day(row.trading_day),
        "start_equity": format_money(row.start_equity),
        "end_equity": format_money(row.end_equity),
        "realised_pnl": format_money(row.realised_pnl),
    }


def daily_stats_row(row: Row[Any]) -> DailyStatsRow:
    """Return a stored trading day."""
    start, end, realised = _money(row, DAILY_STATS, row.trading_day, "start_equity", "end_equity", "realised_pnl")
    return DailyStatsRow(
        trading_day=row.trading_day,
        start_equity=start,
        end_equity=end,
        realised_pnl=realised,
        trades=row.trades,
        wins=row.wins,
        losses=row.losses,
        max_drawdown_ratio=row.max_drawdown_ratio,
        halted=row.halted,
    )
