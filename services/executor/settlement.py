"""What one assessed candle does to the account."""

from collections.abc import Callable
from typing import Final, NamedTuple

from shared.contracts.facts import AccountEvent, CandleAssessed, Quote
from shared.contracts.trades import ClosedTrade, TradeCosts
from shared.core.account import AT_CLOSE, Conditions, Outcome
from shared.core.books import AccountState
from shared.core.types import ExitReason
from shared.store.rows.ledger import AppliedQuoteRow, DailyStatsRow, EquityRow, TradeOpening
from shared.store.rows.market import GateSnapshotRow


class Opened(NamedTuple):
    """A trade that was entered, with what it has paid so far."""

    opening: TradeOpening
    costs: TradeCosts


class Closed(NamedTuple):
    """A trade that was closed, and its id."""

    id: str
    trade: ClosedTrade


class Settlement(NamedTuple):
    """The account before and after a candle, the verdicts, and everything that happened."""

    fact: CandleAssessed
    before: AccountState
    state: AccountState
    outcome: Outcome
    closed: list[Closed]
    opened: Opened | None
    events: list[AccountEvent]
    snapshot: GateSnapshotRow
    day: DailyStatsRow
    entry_quote: Quote | None


class Given(NamedTuple):
    """What a live run adds to an assessed candle: a hold, and the quote that prices an entry."""

    conditions: Conditions
    quote: Quote | None


NOTHING_GIVEN: Final = Given(AT_CLOSE, None)
# What caused an exit between two candles, in the place of a stream of candles.
QUOTES: Final = "quotes"
COMMANDS: Final = "commands"


class Closing(NamedTuple):
    """What a command closes, one pair or all (None), for which reason of exit, and where current prices are known."""

    command_id: int
    reason: ExitReason
    pair: str | None
    price_of: Callable[[str], Quote | None]


class QuoteExit(NamedTuple):
    """A position that was closed at a quote between two candles, by a command or not, and the account then."""

    applied: AppliedQuoteRow
    closed: Closed
    event: AccountEvent
    equity: EquityRow
    day: DailyStatsRow
