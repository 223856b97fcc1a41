"""The account as one process keeps it, however candles, prices and commands reach that process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from services.executor.commands.broker_closes import BrokerCloses
from services.executor.commands.desk import CommandDesk
from services.executor.commands.execution import Terms
from services.executor.commands.holds import HoldWatch
from services.executor.desk import AccountDesk
from services.executor.quotes import current_quote
from services.executor.settlement import Given
from services.executor.work import ExecutorWork, nothing_given
from shared.contracts.facts import CandleAssessed
from shared.runtime.consumer import Refuted, StreamConsumer, no_fence, no_observer
from shared.runtime.crash import CrashPoint, no_crash
from shared.runtime.outgoing import Outgoing
from shared.runtime.quotes.board import QuoteBoard
from shared.runtime.streams import EXECUTOR_STREAM
from shared.settings.settings import Settings
from shared.store.port import Store, Transaction
from shared.store.rows.commands import CommandRow, HoldRow

# Batches of messages; what a slower partition says has come by then, or was lost.
_PATIENCE: Final = 5


def no_listener(_row: CommandRow) -> None:
    """Keep to oneself that a command ended."""


def no_hold_listener(_hold: HoldRow, _in_force: bool) -> None:
    """Keep to oneself that a hold began or ended."""


@dataclass(frozen=True)
class Outside:
    """What an executor goes by: in whose name, the time and prices, and what it may do.

    `given` says what a live run adds to a candle when it is settled; `closes` closes at the broker, None where that
    cannot be done; `fence` raises where this process may not write (any more); `observe` is told how many facts were
    announced and how many were handled, `refuted` how many were announced otherwise than they are stored, `tell` of
    each command that ended, `tell_hold` of each hold that is in force at the start or begins, and of each that ends.
    """

    holder: str
    clock: Callable[[], float]
    board: QuoteBoard = field(default_factory=QuoteBoard)
    given: Callable[[CandleAssessed], Given] = nothing_given
    closes: BrokerCloses | None = None
    fence: Callable[[Transaction], None] = no_fence
    crash: CrashPoint = no_crash
    observe: Callable[[int, int], None] = no_observer
    refuted: Refuted | None = None
    tell: Callable[[CommandRow], None] = no_listener
    tell_hold: Callable[[HoldRow, bool], None] = no_hold_listener


class Executor:
    """The account's desk, the consumer that leads it along assessed candles, and its quotes and commands."""

    def __init__(self, store: Store, outgoing: Outgoing, settings: Settings, outside: Outside) -> None:
        """Continue from what is stored, as soon as there is something to do."""
        work = ExecutorWork(AccountDesk(settings, EXECUTOR_STREAM), outside.given)
        self.consumer = StreamConsumer(
            store,
            outgoing,
            work,
            fence=outside.fence,
            crash=outside.crash,
            observe=outside.observe,
            refuted=outside.refuted,
            # Each partition announces its candles for itself.
            patience=_PATIENCE if settings.deployment.partitions > 1 else 0,
        )
        terms = Terms(
            holder=outside.holder,
            clock=outside.clock,
            live_trading_enabled=settings.runtime.live_trading_enabled,
            closes=outside.closes,
            price_of=partial(current_quote, outside.board, settings.live),
            crash=outside.crash,
        )
        self._commands = CommandDesk(store, self.consumer, terms)
        self._board = outside.board
        self._tell = outside.tell
        self._store = store
        self._holds = HoldWatch(outside.tell_hold)

    def apply_quotes(self) -> bool:
        """Close the positions whose stops or targets new quotes have reached, and return whether any did so."""
        work = self.consumer.work
        reached = [quote for quote in self._board.take() if work.reached(quote)]
        if reached:
            self.consumer.interject(
                lambda transaction, cursor, outgoing: work.leave(transaction, cursor, reached, outgoing)
            )
        return bool(reached)

    def pass_over_quotes(self) -> None:
        """Leave new quotes to whoever leads."""
        self._board.take()

    def obey(self) -> bool:
        """Carry out the commands that wait, at the prices of the board or the last closes, and tell of each that ended.

        Returns whether any did.
        """
        ended = self._commands.execute_waiting()
        for row in ended:
            self._tell(row)
        # Holds also end without a command of ours: a restored database is accepted beside the executor.
        with self._store.reading() as reader:
            self._holds.look(reader)
        return bool(ended)
