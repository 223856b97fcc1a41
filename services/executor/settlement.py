"""What one assessed candle does to the account."""

from typing import NamedTuple

from shared.contracts.facts import AccountEvent, CandleAssessed
from shared.contracts.trades import ClosedTrade
from shared.core.account import Outcome
from shared.core.books import AccountState
from shared.store.rows import DailyStatsRow, GateSnapshotRow, TradeClosing, TradeCosts, TradeOpening


class Opened(NamedTuple):
    """A trade that was entered, with what it has paid so far."""

    opening: TradeOpening
    costs: TradeCosts


class Closed(NamedTuple):
    """A trade that was closed, with all it paid."""

    closing: TradeClosing
    costs: TradeCosts
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
