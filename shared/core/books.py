"""What the account machine keeps: its state, per-pair books, the log of closed trades, and the table of pairs.

Columns are cells indexed by the pair's place in the table (or the trade's place in the log).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from zlib import crc32

from shared.core.jit import jitable
from shared.core.risk import Rate
from shared.core.types import Cells, ExitReason, FloatCells, Instrument, IntegerCells, Side

SAME_CURRENCY: Final = 0
DIRECT: Final = 1
INVERSE: Final = 2
NO_PAIR: Final = -1


class PairTable(NamedTuple):
    """Constants of the pairs: price grid, smallest order, key for draws, and the way from quote to account currency."""

    points_per_price: IntegerCells
    minimum_units: IntegerCells
    key: IntegerCells
    conversion: IntegerCells
    conversion_pair: IntegerCells
    static_numerator: IntegerCells
    static_denominator: IntegerCells


class Books(NamedTuple):
    """Last closes, the open position (side 0: none) and the pending entry of each pair."""

    bid_close: IntegerCells
    ask_close: IntegerCells
    side: Cells[Side]
    units: IntegerCells
    entry_time: IntegerCells
    entry_price: IntegerCells
    stop_loss: IntegerCells
    take_profit: IntegerCells
    entry_slippage: IntegerCells
    entry_spread: IntegerCells
    candles_held: IntegerCells
    pending_side: Cells[Side]
    pending_atr: FloatCells


class TradeLog(NamedTuple):
    """Closed trades; prices, slippage and spreads in points, profit and costs in quanta, times in seconds."""

    pair: IntegerCells
    side: Cells[Side]
    units: IntegerCells
    entry_time: IntegerCells
    entry_price: IntegerCells
    stop_loss: IntegerCells
    take_profit: IntegerCells
    exit_time: IntegerCells
    exit_price: IntegerCells
    exit_reason: Cells[ExitReason]
    profit: IntegerCells
    ambiguous: IntegerCells
    spread_cost: IntegerCells
    slippage_cost: IntegerCells


class AccountState(NamedTuple):
    """Balance and equity in quanta, the trading day and its baseline, the halt, and counts."""

    balance: int
    equity: int
    trading_day: int
    day_start_equity: int
    halted: bool
    open_positions: int
    closed_trades: int


def pair_table(
    instruments: Sequence[Instrument],
    account_currency: str,
    static_rates: Mapping[str, tuple[int, int]],
    cells: Callable[[Sequence[int]], IntegerCells],
) -> PairTable:
    """Build the table of the pairs of a run, in the order given; `cells` makes lists or arrays of its columns.

    `static_rates` maps a pair to its fixed price as numerator and denominator, used while no candle gives a rate.
    """
    places = {each.name: place for place, each in enumerate(instruments)}
    rows = [_pair_row(each, account_currency, places, static_rates) for each in instruments]
    columns = zip(*rows, strict=True) if rows else ((),) * len(PairTable._fields)
    return PairTable(*(cells(column) for column in columns))


def _pair_row(
    each: Instrument, account: str, places: Mapping[str, int], static_rates: Mapping[str, tuple[int, int]]
) -> tuple[int, int, int, int, int, int, int]:
    grid = each.points_per_price, each.minimum_units, crc32(each.name.encode())
    if each.quote == account:
        return *grid, SAME_CURRENCY, NO_PAIR, 1, 1
    direct, inverse = f"{each.quote}_{account}", f"{account}_{each.quote}"
    numerator, denominator = 0, 0
    if direct in static_rates:
        numerator, denominator = static_rates[direct]
    elif inverse in static_rates:
        denominator, numerator = static_rates[inverse]
    if direct in places:
        return *grid, DIRECT, places[direct], numerator, denominator
    if inverse in places:
        return *grid, INVERSE, places[inverse], numerator, denominator
    return *grid, DIRECT, NO_PAIR, numerator, denominator


def empty_books(pairs: int, integers: Callable[[int], IntegerCells], floats: Callable[[int], FloatCells]) -> Books:
    """Return books without prices and positions; the makers of cells decide between lists and arrays."""
    columns: dict[str, Any] = {name: integers(pairs) for name in Books._fields}
    return Books(**columns | {"pending_atr": floats(pairs)})


def empty_trade_log(capacity: int, integers: Callable[[int], IntegerCells]) -> TradeLog:
    """Return a log with room for `capacity` closed trades."""
    columns: dict[str, Any] = {name: integers(capacity) for name in TradeLog._fields}
    return TradeLog(**columns)


@jitable
def conversion_rate(table: PairTable, books: Books, pair: int) -> Rate:
    """Return the exact rate from a pair's quote currency to the account currency, from the latest mid close known."""
    kind = table.conversion[pair]
    if kind == SAME_CURRENCY:
        return Rate(1, 1)
    source = table.conversion_pair[pair]
    if source != NO_PAIR and books.bid_close[source] != 0:
        both_sides = books.bid_close[source] + books.ask_close[source]
        two_prices = 2 * table.points_per_price[source]
        return Rate(both_sides, two_prices) if kind == DIRECT else Rate(two_prices, both_sides)
    return Rate(table.static_numerator[pair], table.static_denominator[pair])
