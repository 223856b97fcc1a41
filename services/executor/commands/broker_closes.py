"""Commands that close at the broker, on their way: asked for one at a time beside the trading loop, until it answers.

The loop never waits for the broker: it looks in now and then, takes what has ended, and sets the next one going.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from services.executor.commands.oanda_broker import BrokerClose, NotAllowed, OandaBroker
from services.executor.work import SERVICE
from shared.contracts.commands import CommandStatus
from shared.contracts.errors import InfrastructureError, InputError, LeaseLostError, MessageError
from shared.runtime.consumer import no_fence
from shared.runtime.crash import CrashPoint, no_crash
from shared.runtime.logs import Log
from shared.store.port import Transaction

TRY_AGAIN_SECONDS: Final = 5.0
_LONGEST_STOP_SECONDS: Final = 2.0


class CloseOrder(NamedTuple):
    """What a command closes at the broker: one pair or all (None), under tags that begin with `tag`.

    `done` is what the command has done already, as its result will tell it.
    """

    command_id: int
    tag: str
    pair: str | None
    done: dict[str, Any]


class Ended(NamedTuple):
    """What came of an order: the outcome in each pair, and why OANDA would not even list what is open, if so."""

    order: CloseOrder
    outcomes: dict[str, BrokerClose]
    refusal: str | None


@dataclass
class _Underway:
    order: CloseOrder
    next_try: float
    outcomes: dict[str, BrokerClose] = field(default_factory=dict)
    ended: Ended | None = None


class _Attempt:
    """One try of one order in a thread of its own, and what it came to."""

    def __init__(self, underway: _Underway, attempt: Callable[[], Ended]) -> None:
        """Begin at once; the thread ends with the process, since a try that was cut off is resumed by its tags."""
        self.underway = underway
        self.ended: Ended | None = None
        self.fault: BaseException | None = None
        self._attempt = attempt
        self._thread = threading.Thread(target=self._run, name="closes at the broker", daemon=True)
        self._thread.start()

    def is_over(self, seconds: float = 0.0) -> bool:
        """Return whether it is over, after waiting for it so long."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.ended = self._attempt()
        # Whatever it is belongs to the loop, which raises it.
        except BaseException as fault:
            self.fault = fault


class BrokerCloses:
    """Carry out orders to close at the broker; used by one thread, which is never kept waiting."""

    def __init__(
        self,
        broker: OandaBroker,
        log: Log,
        monotonic: Callable[[], float],
        nonce: Callable[[], str],
        fence: Callable[[Transaction], None] = no_fence,
        crash: CrashPoint = no_crash,
        try_again_seconds: float = TRY_AGAIN_SECONDS,
    ) -> None:
        """Ask a broker; `nonce` gives texts that no other run is ever given, `fence` raises where we may not write."""
        self._broker = broker
        self._log = log
        self._monotonic = monotonic
        self._nonce = nonce
        self._fence = fence
        self._crash = crash
        self._try_again_seconds = try_again_seconds
        self._underway: dict[int, _Underway] = {}
        self._attempt: _Attempt | None = None

    def new_tag(self, command_id: int) -> str:
        """Return the beginning of the tags of a command.

        Commands of another database have the same numbers and may close on the same account, so the number is not
        enough.
        """
        return f"scalpbot-{command_id}-{self._nonce()}"

    def holds(self, command_id: int) -> bool:
        """Return whether a command was taken and not yet put down."""
        return command_id in self._underway

    def take(self, order: CloseOrder) -> None:
        """Carry out an order, or find out what an earlier try of it has done; one that is held already goes on."""
        self._underway.setdefault(order.command_id, _Underway(order, self._monotonic()))

    def release(self, command_id: int) -> None:
        """Be done with a command."""
        self._underway.pop(command_id, None)

    def attend(self) -> list[Ended]:
        """Set the next order going where none is, and return those that have ended and were not put down."""
        if self._attempt is not None and self._attempt.is_over():
            finished, self._attempt = self._attempt, None
            self._judge(finished)
        if self._attempt is None:
            now = self._monotonic()
            due = [each for each in self._underway.values() if each.ended is None and each.next_try <= now]
            if due:
                # Who was tried last comes last, so that nobody waits behind one that cannot be settled.
                first = min(due, key=lambda each: each.next_try)
                self._attempt = _Attempt(first, lambda: self._tried(first))
        return [each.ended for each in self._underway.values() if each.ended is not None]

    def stop(self) -> None:
        """Give a try that is under way a moment to end."""
        if self._attempt is not None and not self._attempt.is_over(_LONGEST_STOP_SECONDS):
            self._log.warning("a close at the broker is left under way, to be resumed by its tag")

    def _judge(self, finished: _Attempt) -> None:
        underway, fault = finished.underway, finished.fault
        if fault is None:
            underway.ended = finished.ended
        elif isinstance(fault, LeaseLostError):
            # It belongs to whoever leads now, and to us again if that is us.
            self.release(underway.order.command_id)
        elif isinstance(fault, InfrastructureError | MessageError):
            underway.next_try = self._monotonic() + self._try_again_seconds
            command = underway.order.command_id
            self._log.warning(
                "close at the broker not settled",
                id=command,
                reason=str(fault),
                next_try_seconds=self._try_again_seconds,
            )
        else:
            raise fault

    def _tried(self, underway: _Underway) -> Ended:
        """Go through the pairs, leaving out those whose outcome an earlier try brought."""
        order, outcomes = underway.order, underway.outcomes
        refusal = None
        try:
            pairs = self._pairs(order)
        except InputError as refused:
            if set(self._broker.begun(order.tag)) - outcomes.keys():
                raise InfrastructureError(str(refused)) from refused
            pairs, refusal = [], str(refused)
        for pair in pairs:
            if pair not in outcomes:
                self._crash(f"{SERVICE}.broker_close_due")
                outcomes[pair] = self._closed(order, pair)
                self._crash(f"{SERVICE}.broker_close_answered")
        return Ended(order, outcomes, refusal)

    def _pairs(self, order: CloseOrder) -> Sequence[str]:
        if order.pair is not None:
            return [order.pair]
        is_open = {position.pair for position in self._broker.positions()}
        return sorted(is_open.union(self._broker.begun(order.tag)))

    def _closed(self, order: CloseOrder, pair: str) -> BrokerClose:
        def fence(transaction: Transaction) -> None:
            self._fence(transaction)
            row = transaction.command(order.command_id)
            if row is None or row.status != CommandStatus.RUNNING:
                raise LeaseLostError(f"command {order.command_id} was ended by another process")

        try:
            return self._broker.close(pair, f"{order.tag}-{pair}", fence)
        except InputError as refused:
            # OANDA said no for good, to a request that so did nothing.
            return NotAllowed(str(refused))
