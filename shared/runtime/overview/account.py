"""How the account stands, reckoned in one place for everybody who tells it."""

from typing import NamedTuple

from shared.runtime.streams import candles_not_traded
from shared.store.port import Reader
from shared.store.rows.commands import HoldRow
from shared.store.rows.ledger import DailyStatsRow


class AccountOverview(NamedTuple):
    """The account in one view of the store: money in quanta, None before anything was traded.

    `candles_waiting` are stored and not traded yet; `commands_waiting` are counted with the time of the oldest, as its
    row says it.
    """

    balance: int | None
    equity: int | None
    day: DailyStatsRow | None
    open_positions: int
    trades: int
    candles_waiting: int
    holds: list[HoldRow]
    commands_waiting: int
    oldest_command: str | None

    @property
    def halted(self) -> bool:
        """Return whether there are no entries until the next trading day."""
        return self.day is not None and self.day.halted


def account_overview(reader: Reader) -> AccountOverview:
    """Read how the account stands."""
    points, events, days = reader.equity(1), reader.account_events(1), reader.daily_stats(1)
    # Before the first trade there is no point of the equity curve, but the event that began the day.
    current = points[0] if points else events[0] if events else None
    newest = reader.trades(1)
    waiting, oldest = reader.backlog()
    return AccountOverview(
        balance=None if current is None else current.balance,
        equity=None if current is None else current.equity,
        day=days[0] if days else None,
        open_positions=len(reader.positions()),
        trades=newest[0].number if newest else 0,
        candles_waiting=candles_not_traded(reader),
        holds=list(reader.holds()),
        commands_waiting=waiting,
        oldest_command=oldest,
    )
