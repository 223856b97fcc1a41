"""Turn closed candles into assessed ones, and keep the state of every desk with them."""

from collections.abc import Callable, Sequence
from typing import Final

from services.strategy.desk import PairDesk
from shared.calendar.economic import EconomicCalendar
from shared.contracts.envelope import Message, fact_message, message_id
from shared.contracts.facts import CANDLE_ASSESSED, CANDLE_CLOSED, CandleAssessed, CandleClosed
from shared.contracts.runs import RunMode
from shared.runtime.outgoing import Outgoing
from shared.runtime.param_versions import ParameterBook
from shared.runtime.streams import assessed_of, candle_stream
from shared.settings.settings import Settings
from shared.store.port import Reader, Transaction
from shared.store.rows.runtime import SnapshotRow

SERVICE: Final = "strategy"


class StrategyWork:
    """Drive the desks of one stream of candles; a `StreamConsumer` leads it."""

    service = SERVICE

    def __init__(
        self,
        settings: Settings,
        mode: RunMode,
        news: EconomicCalendar | None,
        partition: int = 0,
        current_news: Callable[[Reader], EconomicCalendar | None] | None = None,
    ) -> None:
        """Judge the candles of a partition; a pair gets its desk with its first candle.

        Before every batch the version of the parameters in force is looked up, and `current_news` is asked for the
        calendar that replaces `news`; past candles do without it.
        """
        self.stream = candle_stream(partition)
        self._book = ParameterBook(settings)
        self._settings, self._version = settings, 0
        self._mode = mode
        self._desks: dict[str, PairDesk] = {}
        self._assessed = assessed_of(self.stream)
        self._current_news = current_news
        self._news = news if current_news is None else None

    def facts_in(self, messages: Sequence[Message]) -> list[CandleClosed]:
        """Return the closed candles of the partition that messages carry."""
        bodies = [message.body for message in messages]
        return [body for body in bodies if isinstance(body, CandleClosed) and body.stream == self.stream]

    def stored_after(self, reader: Reader, cursor: int, limit: int) -> list[CandleClosed]:
        """Return the candles that follow the cursor."""
        return reader.candles_after(self.stream, cursor, limit)

    def restore(self, reader: Reader) -> None:
        """Have every desk continue from its snapshot; one of another partition is never asked for anything."""
        self._desks = {}
        for row in reader.snapshots(SERVICE):
            self._desk(row.key).restore(row.body_json)

    def is_current(self, reader: Reader) -> bool:  # noqa: ARG002  (the port's)
        """Return True: nothing is interjected between two candles."""
        return True

    def apply(self, transaction: Transaction, facts: Sequence[CandleClosed], outgoing: Outgoing) -> None:
        """Assess candles in order."""
        self._refresh_params(transaction)
        self._refresh_news(transaction)
        assessed = [self._desk(fact.pair).assess(fact) for fact in facts]
        transaction.add_assessments(assessed)
        last_of_pair = {fact.pair: fact.seq for fact in facts}
        transaction.save_snapshots(
            [
                SnapshotRow(service=SERVICE, key=pair, seq=seq, body_json=self._desks[pair].snapshot())
                for pair, seq in last_of_pair.items()
            ]
        )
        outgoing.stage(transaction, [self._message(fact) for fact in assessed])

    def _desk(self, pair: str) -> PairDesk:
        desk = self._desks.get(pair)
        if desk is None:
            desk = self._desks[pair] = PairDesk(pair=pair, settings=self._settings, mode=self._mode, news=self._news)
            desk.follow(self._settings, self._version)
        return desk

    def _refresh_params(self, reader: Reader) -> None:
        version = reader.active_params_version()
        if version == self._version:
            return
        self._settings, self._version = self._book.settings_at(reader, version), version
        for desk in self._desks.values():
            desk.follow(self._settings, version)

    def _refresh_news(self, reader: Reader) -> None:
        if self._current_news is None:
            return
        news = self._current_news(reader)
        if news is not self._news:
            self._news = news
            for desk in self._desks.values():
                desk.set_news(news)

    def _message(self, fact: CandleAssessed) -> Message:
        closed = fact.closed
        cause = message_id(CANDLE_CLOSED, closed.stream, closed.seq)
        return fact_message(
            CANDLE_ASSESSED,
            fact,
            stream=self._assessed,
            seq=closed.seq,
            time=closed.decision_time,
            pair=closed.pair,
            producer=SERVICE,
            correlation_id=cause,
            causation_id=cause,
        )
