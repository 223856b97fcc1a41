"""A consumer of one stream: every fact handled once and in order, with all its effects in one transaction."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Generic, Protocol, TypeVar

from shared.contracts.envelope import Message
from shared.runtime.crash import CrashPoint, no_crash
from shared.runtime.inbox import InStream, facts_to_handle, linked
from shared.runtime.outgoing import Outgoing, sent_after_commit
from shared.store.port import Reader, Store, Transaction

_BATCH: Final = 500
_NOWHERE: Final = -1
_MOST_AWAITED: Final = 10_000

Fact = TypeVar("Fact", bound=InStream)


def no_fence(_transaction: Transaction) -> None:
    """Let every process write."""


def no_observer(_announced: int, _handled: int) -> None:
    """Count nothing."""


# Told how many announced facts differ from the producer's table.
Refuted = Callable[[int], None]


class Work(Protocol[Fact]):
    """What a service does with its facts; the consumer decides when."""

    @property
    def service(self) -> str:
        """Return the name under which the cursor is kept."""
        ...

    @property
    def stream(self) -> str:
        """Return the stream that is consumed."""
        ...

    def facts_in(self, messages: Sequence[Message]) -> list[Fact]:
        """Return the facts that messages carry."""
        ...

    def stored_after(self, reader: Reader, cursor: int, limit: int) -> list[Fact]:
        """Return the facts that follow the cursor from the producer's table."""
        ...

    def restore(self, reader: Reader) -> None:
        """Take up the state that was stored with the cursor."""
        ...

    def is_current(self, reader: Reader) -> bool:
        """Return whether the state in memory, where it is at the cursor, is the one that was stored with it.

        It is not where another process has interjected something, which moves no cursor.
        """
        ...

    def apply(self, transaction: Transaction, facts: Sequence[Fact], outgoing: Outgoing) -> None:
        """Handle facts in order; write their effects, the new state and what is to be sent."""
        ...


Job = TypeVar("Job", bound=Work[Any])


class StreamConsumer(Generic[Job]):
    """Lead one service's work along its stream."""

    def __init__(
        self,
        store: Store,
        outgoing: Outgoing,
        work: Job,
        fence: Callable[[Transaction], None] = no_fence,
        crash: CrashPoint = no_crash,
        observe: Callable[[int, int], None] = no_observer,
        patience: int = 0,
        refuted: Refuted | None = None,
    ) -> None:
        """Continue from what is stored, as soon as there is something to handle.

        `fence` raises where this process may not write (any more); `observe` is told how many facts were announced and
        how many were handled. A stream of several producers is announced out of order again and again: facts that come
        too early are kept, and only after so many batches in vain (`patience`) the producer's table is read.

        Where others than the producer may announce facts, as over a broker, `refuted` has each compared with the
        producer's table, which decides, and is told how many differ from it.
        """
        self._store = store
        self._outgoing = outgoing
        self.work = work
        self._fence = fence
        self._crash = crash
        self._observe = observe
        self._handled = _NOWHERE
        # The places that announced facts follow which came too early, while one in front of them was missing.
        self._awaited: set[int] = set()
        self._patience = patience
        self._refuted = refuted
        self._fruitless = 0
        # With patience: the facts that came too early, by the place that each follows, and the cursor when last seen.
        self._early: dict[int, InStream] = {}
        self._cursor = _NOWHERE

    def catch_up(self) -> int:
        """Handle every stored fact that was not handled yet and return how many there were."""
        handled = 0
        while (count := self.catch_up_a_batch()) > 0:
            handled += count
        return handled

    def catch_up_a_batch(self) -> int:
        """Handle the next stored facts that were not handled yet, at most one batch, and return how many there were."""
        return self._handle([])

    def handle(self, messages: Sequence[Message]) -> None:
        """Handle a batch of facts; duplicates are passed over and missing ones read from the producer's table.

        With the last one that was missing, those that came too early are handled as well.
        """
        facts = self.work.facts_in(messages)
        if not facts:
            return
        if self._patience:
            self._handle_patiently(facts)
            return
        handled = self._handle(facts)
        self._awaited.update(fact.previous_seq for fact in facts)
        while handled and self._is_awaited():
            handled = self._handle([])
        if len(self._awaited) > _MOST_AWAITED:
            # They are found in the producer's table in any case, only later.
            self._awaited.clear()

    def _handle_patiently(self, facts: Sequence[InStream]) -> None:
        self._early.update((fact.previous_seq, fact) for fact in facts)
        handled = self._handle(list(self._early.values()), patient=self._fruitless < self._patience)
        self._fruitless = 0 if handled else self._fruitless + 1
        self._forget_what_is_handled()
        while handled and self._cursor in self._early:
            handled = self._handle(list(self._early.values()), patient=True)
            self._forget_what_is_handled()
        if len(self._early) > _MOST_AWAITED:
            # They are found in the producer's table in any case, only later.
            self._early.clear()

    def _forget_what_is_handled(self) -> None:
        self._early = {place: fact for place, fact in self._early.items() if place >= self._cursor}

    def interject(self, act: Callable[[Transaction, int, Outgoing], None]) -> None:
        """Do something between two facts, on the state that the cursor stands for, all in one transaction.

        `act` is given the cursor; what it changes in the state has to be stored by it.
        """
        work = self.work
        with sent_after_commit(self._outgoing, self._store.transaction()) as transaction:
            self._fence(transaction)
            cursor = transaction.cursor(work.service, work.stream)
            self._take_up(transaction, cursor)
            act(transaction, cursor, self._outgoing)
            self._crash(f"{work.service}.before_commit")
        self._handled = cursor
        self._crash(f"{work.service}.after_commit")

    def _take_up(self, transaction: Transaction, cursor: int) -> None:
        """Bring memory to where the cursor is; until the commit it counts as being nowhere."""
        if self._handled != cursor or not self.work.is_current(transaction):
            # So it is after a start, a failed commit or another process's work.
            self.work.restore(transaction)
        self._handled = _NOWHERE

    def _is_awaited(self) -> bool:
        """Return whether a fact that came too early is the next one now."""
        self._awaited = {place for place in self._awaited if place >= self._handled}
        return self._handled in self._awaited

    def _handle(self, announced: Sequence[InStream], patient: bool = False) -> int:
        work = self.work
        with sent_after_commit(self._outgoing, self._store.transaction()) as transaction:
            self._fence(transaction)
            cursor = transaction.cursor(work.service, work.stream)
            self._cursor = cursor
            facts = facts_to_handle(
                announced,
                cursor,
                lambda: work.stored_after(transaction, cursor, _BATCH),
                patient,
                partial(self._confirmed, transaction, cursor),
            )
            facts = facts[:_BATCH]
            known = len(announced)
            if patient:
                # What came too early counts when its turn has come.
                known = len(facts) + sum(fact.seq <= cursor for fact in announced)
            if not facts:
                self._observe(known, 0)
                return 0
            self._take_up(transaction, cursor)
            work.apply(transaction, facts, self._outgoing)
            transaction.save_cursor(work.service, work.stream, facts[-1].seq)
            self._crash(f"{work.service}.before_commit")
        self._handled = self._cursor = facts[-1].seq
        self._observe(known, len(facts))
        self._crash(f"{work.service}.after_commit")
        return len(facts)

    def _confirmed(self, transaction: Transaction, cursor: int, announced: list[InStream]) -> list[InStream]:
        """Return what the producer's table holds in the place of announced facts, at most a batch."""
        facts = announced[:_BATCH]
        if self._refuted is None:
            return facts
        stored = linked(self.work.stored_after(transaction, cursor, len(facts)), cursor)
        by_place = {fact.seq: fact for fact in stored}
        false = sum(fact != by_place.get(fact.seq) for fact in facts)
        if false:
            self._refuted(false)
        return stored
