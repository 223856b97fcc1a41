"""Stored candles put through the machines anew, from the beginning or from a proven state, beside what is stored."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import dropwhile, takewhile
from typing import Final, Protocol, TypeVar

from services.executor.commands.holds import held
from services.executor.desk import AccountDesk
from services.executor.settlement import NOTHING_GIVEN, Closed, Given, Settlement
from services.executor.work import ACCOUNT, equity_row
from services.executor.work import SERVICE as EXECUTOR
from services.inspection.checkpoint import Checkpoint, ProvenState, proven_state
from services.inspection.differences import DifferenceError, compare, compare_all, compare_assessed
from services.strategy.desk import KnownNews, PairDesk
from services.strategy.work import SERVICE as STRATEGY
from shared.contracts.facts import CandleAssessed, CandleClosed
from shared.contracts.runs import RunMode
from shared.contracts.shown import trade_hash
from shared.contracts.times import format_time
from shared.contracts.trades import ClosedTrade
from shared.contracts.vocabulary import EXIT_OF_NAME, QuotePurpose
from shared.core.account import Conditions
from shared.core.types import HOLD, HOLD_BIT, PASSED
from shared.runtime.param_versions import ParameterBook
from shared.runtime.remembered import remembered_run
from shared.runtime.streams import ALL_ASSESSED, EXECUTOR_STREAM
from shared.store.port import Reader
from shared.store.rows.ledger import DailyStatsRow, TradeRow
from shared.store.rows.market import GateSnapshotRow

_CHUNK: Final = 2_000
_ALL_DAYS: Final = 1_000_000


class _InStream(Protocol):
    @property
    def seq(self) -> int: ...


Placed = TypeVar("Placed", bound=_InStream)


class Replay:
    """A ledger replayed beside the one that is stored; raises DifferenceError where they part."""

    def __init__(self, reader: Reader, checkpoint: Checkpoint | None, until: int | None = None) -> None:
        """Begin after a checkpoint, or with the first candle, and go as far as was traded, or to the place `until`.

        Raises InputError where the database holds no run.
        """
        run = remembered_run(reader)
        settings = run.settings
        pairs = [row.key for row in reader.snapshots(STRATEGY)]
        self._reader = reader
        # Ingest and strategy run ahead of the ledger; what lies beyond is not its business yet.
        self._traded = reader.cursor(EXECUTOR, ALL_ASSESSED)
        self._is_cut = until is not None
        if until is not None:
            self._traded = min(self._traded, until)
        self.began_after = 0 if checkpoint is None else checkpoint.seq
        began = self.began_after
        self._live = run.mode is RunMode.LIVE
        self._new_desk: Callable[[str], PairDesk] = lambda pair: PairDesk(pair, settings, run.mode, run.news)
        self._desks = {pair: self._new_desk(pair) for pair in pairs}
        self._book = ParameterBook(settings)
        self._versions = dict.fromkeys(pairs, 0)
        self._version = 0
        self._quotes = deque(row for row in reader.applied_quotes_in_order() if began < row.seq)
        self._holds = reader.all_holds()
        self._account = AccountDesk(settings, EXECUTOR_STREAM)
        # What a prune that was interrupted left of them is proven already.
        self._stored_equity = dropwhile(lambda row: row.seq <= began, reader.equity_in_order())
        self._trades: list[TradeRow] = []
        self._places: dict[str, int] = {}
        self._days: dict[int, DailyStatsRow] = {}
        self.candles = 0
        self.closed: list[ClosedTrade] = []
        self.last_time = 0 if checkpoint is None else checkpoint.time
        if checkpoint is not None:
            self._take_up(proven_state(reader, checkpoint))
        seen = self._account.events
        self._stored_events = dropwhile(lambda event: event.seq <= seen, reader.account_events_in_order())

    def _take_up(self, state: ProvenState) -> None:
        """Go on from a state: the machines, and the trades that were closed by then as the ledger has them."""
        for pair, text in state.desks.items():
            self._desks[pair] = self._desks.get(pair) or self._new_desk(pair)
            self._versions.setdefault(pair, 0)
            self._follow_pair(pair, state.versions[pair])
            self._desks[pair].restore(text)
        self._follow_account(state.account_version)
        self._account.restore(state.account)
        still_open = {row.opening.id: row for row in state.open_trades}
        for row in takewhile(lambda row: row.number <= state.trades, self._reader.trades_in_order()):
            self._note_trade(still_open.get(row.opening.id, row))
            if row.closing is not None and row.opening.id not in still_open:
                self.closed.append(ClosedTrade(row.opening.entry, row.closing, row.costs))
        if (len(self._trades), trade_hash(self.closed)) != (state.trades, state.closed_hash):
            raise DifferenceError("the trades that were closed until then are not those that were proven")

    def state(self) -> ProvenState:
        """Return the state after the last candle that was replayed."""
        return ProvenState(
            desks={pair: desk.snapshot() for pair, desk in self._desks.items()},
            versions=dict(self._versions),
            account=self._account.snapshot(),
            account_version=self._version,
            trades=len(self._trades),
            closed_hash=trade_hash(self.closed),
            open_trades=[row for row in self._trades if row.closing is None],
        )

    def run(self) -> Iterator[int]:
        """Replay candle by candle, comparing all that each did, and yield their places."""
        reader = self._reader
        began = self.began_after
        assessments = self._traded_rows(_rows_after(lambda seq: reader.assessments_after(seq, _CHUNK), began))
        judged = _rows_after(lambda seq: reader.gate_snapshots_after(seq, _CHUNK), began)
        snapshots = self._traded_rows(judged) if self._is_cut else judged
        for row in self._traded_rows(reader.candles_in_order(after=began)):
            place = f"{row.pair} candle of {format_time(row.candle.time)}"
            if row.pair not in self._desks:
                raise DifferenceError(f"the {place} counts as traded, but no {row.pair} candle was ever judged")
            assessment, snapshot = next(assessments, None), next(snapshots, None)
            self._follow(row.pair, 0 if snapshot is None else snapshot.params_version)
            assessed = self._desks[row.pair].assess(row, self._known_news(assessment))
            compare_assessed(f"{place}: assessment", assessment, assessed)
            given = held(self._given(row, snapshot), self._holds, row.pair, row.seq)
            settlement = self._account.settle(assessed, given)
            compare(f"{place}: verdicts", snapshot, settlement.snapshot)
            self.candles += 1
            self.last_time = row.decision_time
            self._note(settlement)
            self._leave_between(row.seq, place)
            yield row.seq
        for name, left in (("assessment", assessments), ("judged candle", snapshots)):
            if next(left, None) is not None:
                raise DifferenceError(f"there is one {name} more than there are candles")

    def _traded_rows(self, rows: Iterable[Placed]) -> Iterator[Placed]:
        """Yield the rows of candles that were traded."""
        return takewhile(lambda row: row.seq <= self._traded, rows)

    def _follow(self, pair: str, version: int) -> None:
        """Have a pair and the account go by the version of the parameters that the candle was judged under."""
        self._follow_pair(pair, version)
        self._follow_account(version)

    def _follow_pair(self, pair: str, version: int) -> None:
        if version != self._versions[pair]:
            self._desks[pair].follow(self._book.settings_at(self._reader, version), version)
            self._versions[pair] = version

    def _follow_account(self, version: int) -> None:
        if version != self._version:
            self._account.follow(self._book.settings_at(self._reader, version))
            self._version = version

    def _known_news(self, fact: CandleAssessed | None) -> KnownNews | None:
        """Return what a live run knew of the news, which no calendar of today tells."""
        if not self._live or fact is None:
            return None
        return KnownNews(fact.assessment.news, fact.news)

    def _given(self, candle: CandleClosed, snapshot: GateSnapshotRow | None) -> Given:
        """Return what a live run added to a candle: why it was too late, and the quote that priced the entry."""
        if not self._live:
            return NOTHING_GIVEN
        late = snapshot is not None and snapshot.failed_gates & HOLD_BIT and snapshot.reason != HOLD
        hold = snapshot.reason if snapshot is not None and late else PASSED
        if self._quotes and (self._quotes[0].seq, self._quotes[0].purpose) == (candle.seq, QuotePurpose.ENTRY):
            row = self._quotes.popleft()
            return Given(Conditions(hold, row.quote.bid, row.quote.ask), row.quote)
        return Given(Conditions(hold, 0, 0), None)

    def _leave_between(self, seq: int, place: str) -> None:
        """Close what quotes and commands closed after a candle."""
        while self._quotes and self._quotes[0].seq == seq and self._quotes[0].purpose != QuotePurpose.ENTRY:
            row = self._quotes.popleft()
            quote = row.quote
            by_price = row.purpose == QuotePurpose.EXIT
            name = f"{'quote' if by_price else row.purpose} after the {place}"
            here = self._account.reached(quote) if by_price else quote.pair in self._account.open_pairs()
            if not here:
                raise DifferenceError(f"{name}: it closed a position in the ledger, and reaches none when replayed")
            if by_price:
                leaving = self._account.leave(quote, seq)
            else:
                leaving = self._account.close(quote, seq, EXIT_OF_NAME[row.purpose], row.command_id)
            compare(f"{name}: account event", next(self._stored_events, None), leaving.event)
            compare(f"{name}: equity", next(self._stored_equity, None), leaving.equity)
            self._note_day_and_exits(leaving.day, [leaving.closed])

    def _note(self, settlement: Settlement) -> None:
        """Compare what a settlement did to the account and remember its trades."""
        place = f"{settlement.fact.closed.pair} candle of {format_time(settlement.fact.closed.candle.time)}"
        for event in settlement.events:
            compare(f"{place}: account event", next(self._stored_events, None), event)
        point = equity_row(settlement)
        if point is not None:
            compare(f"{place}: equity", next(self._stored_equity, None), point)
        self._note_day_and_exits(settlement.day, settlement.closed)
        if settlement.opened is not None:
            opened = settlement.opened
            self._note_trade(
                TradeRow(number=len(self._trades) + 1, opening=opened.opening, costs=opened.costs, closing=None)
            )

    def _note_trade(self, row: TradeRow) -> None:
        self._places[row.opening.id] = len(self._trades)
        self._trades.append(row)

    def _note_day_and_exits(self, day: DailyStatsRow, exits: Sequence[Closed]) -> None:
        self._days[day.trading_day] = day
        for closed in exits:
            self.closed.append(closed.trade)
            place = self._places.get(closed.id)
            if place is not None:
                self._trades[place] = self._trades[place]._replace(closing=closed.trade.exit, costs=closed.trade.costs)

    def compare_ledger(self) -> None:
        """Compare the trades, positions, days and the account with what the replay ended with."""
        days = [self._days[day] for day in sorted(self._days)]
        stored_days = [row for row in self._stored_days() if not days or row.trading_day >= days[0].trading_day]
        compare_all("trade", self._reader.trades_in_order(), self._trades)
        compare_all("position", self._reader.positions(), self._account.positions())
        compare_all("trading day", stored_days if self.began_after else self._stored_days(), days)
        compare_all("quote that did something", self._quotes, [])
        compare_all("account event", self._stored_events, [])
        compare_all("point of the equity curve", self._stored_equity, [])
        account = self._reader.snapshot(EXECUTOR, ACCOUNT)
        if self.candles and (account is None or account[1] != self._account.snapshot()):
            raise DifferenceError("the account's stored state is not the one that the stored candles lead to")

    def compare_so_far(self) -> None:
        """Compare the trades and days with what the replay has come to, where the ledger may have gone on."""
        stored = {row.opening.id: row for row in self._reader.trades_in_order()}
        for row in self._trades:
            known = stored.get(row.opening.id)
            if known is not None and row.closing is None:
                known = known._replace(closing=None, costs=row.costs)
            compare(f"trade {row.number}", known, row)
        ended = sorted(self._days)[:-1]
        known_days = {row.trading_day: row for row in self._stored_days()}
        for day in ended:
            compare("trading day", known_days.get(day), self._days[day])

    def _stored_days(self) -> list[DailyStatsRow]:
        return self._reader.daily_stats(_ALL_DAYS)[::-1]


def _rows_after(read: Callable[[int], Sequence[Placed]], began: int) -> Iterator[Placed]:
    seq = began
    while rows := read(seq):
        yield from rows
        seq = rows[-1].seq
