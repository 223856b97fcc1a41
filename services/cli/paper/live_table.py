"""The table of a live run on a terminal: prices, positions and the last decision of every pair."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.cli.terminal.output import NO_VALUE
from services.cli.words import event_words
from shared.contracts.decimals import format_money, format_pips, format_points
from shared.contracts.envelope import Message
from shared.contracts.facts import AccountEvent
from shared.contracts.times import format_time
from shared.core.types import REASON_NAMES, SIDE_NAMES
from shared.runtime.overview.account import account_overview
from shared.runtime.quotes.board import QuoteBoard
from shared.store.port import Reader, Store
from shared.store.rows.ledger import PositionRow

_EVENTS: Final = 8
_WORDS: Final = ("pair", "last candle", "decision", "position")
_HEADINGS: Final = ("pair", "bid", "ask", "spread", "price age", "last candle", "decision", "position", "P/L")


class Line(NamedTuple):
    """One pair's line; all as text."""

    pair: str
    bid: str
    ask: str
    spread: str
    price_age: str
    last_candle: str
    decision: str
    position: str
    profit: str


class LiveTable:
    """What a live run shows, drawn anew once a second from what is stored and from the newest prices."""

    def __init__(self, store: Store, pairs: Sequence[str]) -> None:
        """Show some pairs."""
        self._store = store
        self._pairs = sorted(pairs)
        self._events: deque[str] = deque(maxlen=_EVENTS)

    def tell(self, messages: Sequence[Message]) -> None:
        """Add what happened to the account."""
        for message in messages:
            event = message.body
            if isinstance(event, AccountEvent):
                told = {"type": event.type, "pair": event.pair, **event.detail}
                self._events.append(f"{format_time(event.time)}  {event_words(told)}")

    def drawn(self, board: QuoteBoard, missing: dict[str, str]) -> RenderableType:
        """Return the table as it stands."""
        with self._store.reading() as reader:
            heading = account_line(reader)
            lines = [pair_line(reader, board, pair) for pair in self._pairs]
        table = Table(title=heading, title_justify="left", box=None, padding=(0, 2, 0, 0))
        for name in _HEADINGS:
            table.add_column(name, justify="left" if name in _WORDS else "right")
        for line in lines:
            table.add_row(*line)
        troubles = [Text(f"waits for {what}: {why}", style="red") for what, why in missing.items()]
        return Group(table, *troubles, *(Text(event) for event in self._events))


def account_line(reader: Reader) -> str:
    """Return how the account stands, in a line."""
    account = account_overview(reader)
    if account.balance is None or account.equity is None:
        return "waiting for the first candle"
    text = f"balance {format_money(account.balance)}, equity {format_money(account.equity)}"
    day = account.day
    if day is None:
        return text
    halted = ", HALTED for the day" if account.halted else ""
    return f"{text}, today {format_money(day.realised_pnl)} in {day.trades} trades{halted}"


def pair_line(reader: Reader, board: QuoteBoard, pair: str) -> Line:
    """Return a pair's line of the table."""
    quote, age_seconds = board.newest(pair), board.age_seconds(pair)
    judged, held = reader.gate_snapshots(1, pair), reader.positions(pair)
    position, profit = _position(held)
    return Line(
        pair=pair,
        bid=NO_VALUE if quote is None else format_points(quote.bid, quote.digits),
        ask=NO_VALUE if quote is None else format_points(quote.ask, quote.digits),
        spread=NO_VALUE if quote is None else format_pips(quote.ask - quote.bid),
        price_age=NO_VALUE if age_seconds is None else f"{age_seconds:.0f} s",
        last_candle=format_time(judged[0].candle_time) if judged else NO_VALUE,
        decision=REASON_NAMES[judged[0].reason] if judged else NO_VALUE,
        position=position,
        profit=profit,
    )


def _position(held: Sequence[PositionRow]) -> tuple[str, str]:
    if not held:
        return NO_VALUE, NO_VALUE
    row = held[0]
    text = f"{SIDE_NAMES[row.entry.side]} {row.entry.units} at {format_points(row.entry.entry_price, row.entry.digits)}"
    return text, format_money(row.unrealised_pnl)
