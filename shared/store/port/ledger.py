"""The port of the store: trades, positions, events of the account, days and equity."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from shared.contracts.facts import AccountEvent
from shared.contracts.trades import Exit, TradeCosts
from shared.store.rows.ledger import AppliedQuoteRow, DailyStatsRow, EquityRow, PositionRow, TradeOpening, TradeRow


class LedgerReads(Protocol):
    """Read trades, positions and the account's course."""

    def trade(self, trade_id: str) -> TradeRow | None:
        """Return one trade."""
        ...

    def trades(self, limit: int, pair: str | None = None) -> list[TradeRow]:
        """Return trades, the latest opened first."""
        ...

    def trade_of_number(self, number: int) -> TradeRow | None:
        """Return the trade that was opened as the so manieth, counted from 1."""
        ...

    def trade_of_signal(self, pair: str, candle_time: int) -> TradeRow | None:
        """Return the trade that the pair's candle which opened at `candle_time` gave the signal for."""
        ...

    def trades_in_order(self, chunk: int = 1_000) -> Iterator[TradeRow]:
        """Iterate over all trades in order of opening, reading `chunk` rows at a time."""
        ...

    def positions(self, pair: str | None = None) -> list[PositionRow]:
        """Return the open positions by pair name."""
        ...

    def account_events(self, limit: int, pair: str | None = None) -> list[AccountEvent]:
        """Return events of the account, newest first."""
        ...

    def account_events_of(self, stream: str, seq: int) -> list[AccountEvent]:
        """Return the events that one candle caused, in order."""
        ...

    def account_events_in_order(self, chunk: int = 1_000) -> Iterator[AccountEvent]:
        """Iterate over all events from the first, reading `chunk` rows at a time."""
        ...

    def daily_stats(self, limit: int) -> list[DailyStatsRow]:
        """Return trading days, newest first."""
        ...

    def equity(self, limit: int) -> list[EquityRow]:
        """Return points of the equity curve, newest first."""
        ...

    def equity_in_order(self, chunk: int = 10_000) -> Iterator[EquityRow]:
        """Iterate over the equity curve from its first point, reading `chunk` rows at a time."""
        ...

    def applied_quotes_in_order(self, chunk: int = 1_000) -> Iterator[AppliedQuoteRow]:
        """Iterate over the quotes that did something from the first, reading `chunk` rows at a time."""
        ...


class LedgerWrites(Protocol):
    """Write the ledger."""

    def open_trade(self, opening: TradeOpening, costs: TradeCosts) -> int:
        """Add an open trade and return its number; a second open one of the pair is an InvariantError."""
        ...

    def close_trade(self, trade_id: str, closing: Exit, costs: TradeCosts) -> None:
        """Close an open trade for good; one that is not open is an InvariantError."""
        ...

    def replace_positions(self, rows: Sequence[PositionRow]) -> None:
        """Make these the open positions; each must belong to a stored trade."""
        ...

    def add_account_events(self, rows: Sequence[AccountEvent]) -> None:
        """Add events; a second one of the same (stream, seq) is an InvariantError."""
        ...

    def save_daily_stats(self, rows: Sequence[DailyStatsRow]) -> None:
        """Add trading days or overwrite them."""
        ...

    def add_equity(self, rows: Sequence[EquityRow]) -> None:
        """Add points of the equity curve."""
        ...

    def add_applied_quotes(self, rows: Sequence[AppliedQuoteRow]) -> None:
        """Add quotes that did something; a second one of a pair, seq and purpose is an InvariantError."""
        ...
