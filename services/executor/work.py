"""Keep the ledger: what assessed candles do to the account, with every trace of it."""

from collections.abc import Callable, Sequence
from typing import Final

from services.executor.commands.holds import held
from services.executor.desk import AccountDesk
from services.executor.settlement import COMMANDS, NOTHING_GIVEN, QUOTES, Closing, Given, QuoteExit, Settlement
from shared.contracts.envelope import ALL_PAIRS, Message, fact_message, message_id
from shared.contracts.facts import CANDLE_ASSESSED, CANDLE_CLOSED, AccountEvent, CandleAssessed, Quote
from shared.contracts.vocabulary import QuotePurpose
from shared.runtime.outgoing import Outgoing
from shared.runtime.param_versions import ParameterBook
from shared.runtime.streams import ALL_ASSESSED, assessed_of
from shared.store.port import Reader, Transaction
from shared.store.rows.audit import AuditEntry
from shared.store.rows.commands import HoldRow
from shared.store.rows.ledger import AppliedQuoteRow, DailyStatsRow, EquityRow
from shared.store.rows.runtime import SnapshotRow

SERVICE: Final = "executor"
ACCOUNT: Final = "paper"


def nothing_given(_fact: CandleAssessed) -> Given:
    """Add nothing to a candle, as offline runs do."""
    return NOTHING_GIVEN


class ExecutorWork:
    """Drive the account's desk with assessed candles; a `StreamConsumer` leads it."""

    service = SERVICE
    stream = ALL_ASSESSED

    def __init__(self, desk: AccountDesk, given: Callable[[CandleAssessed], Given] = nothing_given) -> None:
        """Follow the assessed candles of all partitions, in the order of the candles.

        `given` says what a live run adds to a candle when it is settled.
        """
        self._desk = desk
        self._given = given
        self._book = ParameterBook(desk.settings)
        self._version = 0

    def facts_in(self, messages: Sequence[Message]) -> list[CandleAssessed]:
        """Return the assessed candles that messages carry."""
        return [message.body for message in messages if isinstance(message.body, CandleAssessed)]

    def stored_after(self, reader: Reader, cursor: int, limit: int) -> list[CandleAssessed]:
        """Return the assessed candles that follow the cursor."""
        return reader.assessments_after(cursor, limit)

    def restore(self, reader: Reader) -> None:
        """Have the desk continue from its snapshot."""
        stored = reader.snapshot(SERVICE, ACCOUNT)
        self._desk.restore(None if stored is None else stored[1])

    def is_current(self, reader: Reader) -> bool:
        """Return whether the newest event is one of ours: whatever is done between two candles adds one."""
        return sum(event.seq for event in reader.account_events(1)) == self._desk.events

    def apply(self, transaction: Transaction, facts: Sequence[CandleAssessed], outgoing: Outgoing) -> None:
        """Settle assessed candles in order."""
        holds = transaction.holds()
        settled = [self._settle(transaction, fact, holds) for fact in facts]
        transaction.add_gate_snapshots([settlement.snapshot for settlement in settled])
        transaction.add_equity([row for settlement in settled if (row := equity_row(settlement)) is not None])
        days: dict[int, DailyStatsRow] = {settlement.day.trading_day: settlement.day for settlement in settled}
        transaction.save_daily_stats(list(days.values()))
        transaction.replace_positions(self._desk.positions())
        entries = [
            AppliedQuoteRow(seq=each.fact.seq, purpose=QuotePurpose.ENTRY, quote=each.entry_quote)
            for each in settled
            if each.entry_quote
        ]
        transaction.add_applied_quotes(entries)
        events = [event for settlement in settled for event in settlement.events]
        transaction.add_account_events(events)
        transaction.append_audit([_audit_entry(event) for event in events])
        transaction.save_snapshots(
            [SnapshotRow(service=SERVICE, key=ACCOUNT, seq=facts[-1].seq, body_json=self._desk.snapshot())]
        )
        outgoing.stage(transaction, [_message(event) for event in events])

    def require_params(self, reader: Reader, version: int) -> None:
        """Raise InputError where a version of the parameters cannot be put into force."""
        self._book.checked(reader, version)

    def reached(self, quote: Quote) -> bool:
        """Return whether a quote reaches a stop or target, as far as memory knows."""
        return self._desk.reached(quote)

    def leave(self, transaction: Transaction, cursor: int, quotes: Sequence[Quote], outgoing: Outgoing) -> None:
        """Close the positions whose stops or targets quotes reached, after the candle at the cursor."""
        left = [self._desk.leave(quote, cursor) for quote in quotes if self._desk.reached(quote)]
        self._write_exits(transaction, cursor, left, outgoing)

    def close(self, transaction: Transaction, cursor: int, closing: Closing, outgoing: Outgoing) -> list[QuoteExit]:
        """Close positions for a command at their current prices, after the candle at the cursor."""
        left = []
        for pair in self._desk.open_pairs():
            if closing.pair in (None, pair):
                price = self._desk.current_price(pair, closing.price_of(pair))
                left.append(self._desk.close(price, cursor, closing.reason, closing.command_id))
        self._write_exits(transaction, cursor, left, outgoing)
        return left

    def _write_exits(
        self, transaction: Transaction, cursor: int, left: Sequence[QuoteExit], outgoing: Outgoing
    ) -> None:
        """Write what was closed between two candles."""
        if not left:
            return
        for leaving in left:
            transaction.close_trade(leaving.closed.id, leaving.closed.trade.exit, leaving.closed.trade.costs)
        transaction.add_applied_quotes([each.applied for each in left])
        transaction.add_equity([each.equity for each in left])
        transaction.save_daily_stats([left[-1].day])
        transaction.replace_positions(self._desk.positions())
        events = [each.event for each in left]
        transaction.add_account_events(events)
        transaction.append_audit([_audit_entry(each.event, each.applied.command_id) for each in left])
        transaction.save_snapshots(
            [SnapshotRow(service=SERVICE, key=ACCOUNT, seq=cursor, body_json=self._desk.snapshot())]
        )
        outgoing.stage(transaction, [_message(event) for event in events])

    def _settle(self, transaction: Transaction, fact: CandleAssessed, holds: Sequence[HoldRow]) -> Settlement:
        if fact.params_version != self._version:
            self._desk.follow(self._book.settings_at(transaction, fact.params_version))
            self._version = fact.params_version
        settlement = self._desk.settle(fact, held(self._given(fact), holds, fact.closed.pair, fact.seq))
        for closed in settlement.closed:
            transaction.close_trade(closed.id, closed.trade.exit, closed.trade.costs)
        if settlement.opened is not None:
            transaction.open_trade(settlement.opened.opening, settlement.opened.costs)
        return settlement


def _message(event: AccountEvent) -> Message:
    correlation, causation = None, None
    if event.cause_stream not in (QUOTES, COMMANDS):
        correlation = message_id(CANDLE_CLOSED, event.cause_stream, event.cause_seq)
        causation = message_id(CANDLE_ASSESSED, assessed_of(event.cause_stream), event.cause_seq)
    return fact_message(
        event.type,
        event,
        stream=event.stream,
        seq=event.seq,
        time=event.time,
        pair=event.pair or ALL_PAIRS,
        producer=SERVICE,
        correlation_id=correlation,
        causation_id=causation,
    )


def equity_row(settlement: Settlement) -> EquityRow | None:
    """Return a point of the equity curve where the candle changed balance or equity."""
    before, state = settlement.before, settlement.state
    if (before.balance, before.equity) == (state.balance, state.equity):
        return None
    closed = settlement.fact.closed
    return EquityRow(seq=closed.seq, time=closed.decision_time, balance=state.balance, equity=state.equity)


def _audit_entry(event: AccountEvent, command_id: int | None = None) -> AuditEntry:
    detail = {"pair": event.pair, "candle": f"{event.cause_stream}/{event.cause_seq}", **event.detail}
    return AuditEntry(time=event.time, actor=SERVICE, action=event.type, command_id=command_id, detail=detail)
