"""Replay what is stored through the machines and compare every row: the first difference, or none."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, takewhile
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec

from services.executor.commands.holds import held
from services.executor.desk import AccountDesk
from services.executor.settlement import NOTHING_GIVEN, Closed, Given, Settlement
from services.executor.work import ACCOUNT, equity_row
from services.executor.work import SERVICE as EXECUTOR
from services.strategy.desk import KnownNews, PairDesk
from services.strategy.work import SERVICE as STRATEGY
from shared.contracts.codec import encode_assessed
from shared.contracts.decimals import MONEY_DIGITS, format_money, format_points
from shared.contracts.errors import InvariantError
from shared.contracts.facts import CandleAssessed, CandleClosed
from shared.contracts.runs import RunMode
from shared.contracts.shown import trade_hash
from shared.contracts.times import format_time
from shared.contracts.trades import ClosedTrade
from shared.contracts.vocabulary import EXIT_OF_NAME, QuotePurpose
from shared.core.account import Conditions
from shared.core.types import HOLD, HOLD_BIT, PASSED, REASON_NAMES, SIDE_NAMES, Side
from shared.runtime.param_versions import ParameterBook
from shared.runtime.remembered import remembered_run
from shared.runtime.streams import ALL_ASSESSED, EXECUTOR_STREAM, candles_not_traded
from shared.store.port import Reader
from shared.store.rows.ledger import DailyStatsRow, TradeRow
from shared.store.rows.market import GateSnapshotRow, Verdicts

_CHUNK: Final = 2_000
_PRICES: Final = frozenset({"entry_price", "exit_price", "stop_loss", "take_profit", "mark_price"})
_MONEY: Final = frozenset(
    {"balance", "equity", "pnl", "unrealised_pnl", "start_equity", "end_equity", "realised_pnl", "spread", "slippage"}
)
Row = TypeVar("Row")


class ParityCheck(NamedTuple):
    """What was compared, the hash of the replayed trades, and the first difference in words (None: there is none).

    Candles that wait are stored and not traded yet: the ledger cannot have them.
    """

    candles: int
    waiting: int
    trades: int
    trade_hash: str
    difference: str | None


class _DifferenceError(Exception):
    """The ledger and its replay part here."""


class _Told(NamedTuple):
    body_json: str


class _InStream(Protocol):
    @property
    def seq(self) -> int: ...


Placed = TypeVar("Placed", bound=_InStream)


def check_parity(reader: Reader, progress: Callable[[int], None]) -> ParityCheck:
    """Compare the stored ledger with a replay of its candles under the settings they were traded with.

    It goes as far as the executor has come in the reader's view, so that a running platform makes no difference.
    `progress` is told how many candles were replayed. Raises InputError where the database holds no run.
    """
    replay = _Replay(reader)
    difference = None
    try:
        for count, settlement in enumerate(replay.run(), start=1):
            if count % _CHUNK == 0:
                progress(count)
            replay.note(settlement)
        replay.compare_ledger()
    except (_DifferenceError, InvariantError) as found:
        difference = str(found)
    return ParityCheck(
        candles=replay.candles,
        waiting=candles_not_traded(reader),
        trades=len(replay.closed),
        trade_hash=trade_hash(replay.closed),
        difference=difference,
    )


class _Replay:
    def __init__(self, reader: Reader) -> None:
        run = remembered_run(reader)
        settings = run.settings
        pairs = [row.key for row in reader.snapshots(STRATEGY)]
        self._reader = reader
        # Ingest and strategy run ahead of the ledger; what lies beyond is not its business yet.
        self._traded = reader.cursor(EXECUTOR, ALL_ASSESSED)
        self._live = run.mode is RunMode.LIVE
        self._desks = {pair: PairDesk(pair, settings, run.mode, run.news) for pair in pairs}
        self._book = ParameterBook(settings)
        self._versions = dict.fromkeys(pairs, 0)
        self._version = 0
        self._quotes = deque(reader.applied_quotes_in_order())
        self._holds = reader.all_holds()
        self._account = AccountDesk(settings, EXECUTOR_STREAM)
        self._stored_equity = reader.equity_in_order()
        self._stored_events = reader.account_events_in_order()
        self._trades: list[TradeRow] = []
        self._days: dict[int, DailyStatsRow] = {}
        self.candles = 0
        self.closed: list[ClosedTrade] = []

    def run(self) -> Iterator[Settlement]:
        """Replay candle by candle, comparing assessments and verdicts."""
        reader = self._reader
        assessments = self._traded_rows(_rows_after(lambda seq: reader.assessments_after(seq, _CHUNK)))
        snapshots = _rows_after(lambda seq: reader.gate_snapshots_after(seq, _CHUNK))
        for row in self._traded_rows(reader.candles_in_order()):
            place = f"{row.pair} candle of {format_time(row.candle.time)}"
            if row.pair not in self._desks:
                raise _DifferenceError(f"the {place} counts as traded, but no {row.pair} candle was ever judged")
            assessment, snapshot = next(assessments, None), next(snapshots, None)
            self._follow(row.pair, 0 if snapshot is None else snapshot.params_version)
            assessed = self._desks[row.pair].assess(row, self._known_news(assessment))
            _compare_assessed(f"{place}: assessment", assessment, assessed)
            given = held(self._given(row, snapshot), self._holds, row.pair, row.seq)
            settlement = self._account.settle(assessed, given)
            _compare(f"{place}: verdicts", snapshot, settlement.snapshot)
            self.candles += 1
            yield settlement
            self._leave_between(row.seq, place)
        for name, left in (("assessment", assessments), ("judged candle", snapshots)):
            if next(left, None) is not None:
                raise _DifferenceError(f"there is one {name} more than there are candles")

    def _traded_rows(self, rows: Iterable[Placed]) -> Iterator[Placed]:
        """Yield the rows of candles that were traded."""
        return takewhile(lambda row: row.seq <= self._traded, rows)

    def _follow(self, pair: str, version: int) -> None:
        """Have a pair and the account go by the version of the parameters that the candle was judged under."""
        if version != self._versions[pair]:
            self._desks[pair].follow(self._book.settings_at(self._reader, version), version)
            self._versions[pair] = version
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
                raise _DifferenceError(f"{name}: it closed a position in the ledger, and reaches none when replayed")
            if by_price:
                leaving = self._account.leave(quote, seq)
            else:
                leaving = self._account.close(quote, seq, EXIT_OF_NAME[row.purpose], row.command_id)
            _compare(f"{name}: account event", next(self._stored_events, None), leaving.event)
            _compare(f"{name}: equity", next(self._stored_equity, None), leaving.equity)
            self._note_day_and_exits(leaving.day, [leaving.closed])

    def note(self, settlement: Settlement) -> None:
        """Compare what a settlement did to the account and remember its trades."""
        place = f"{settlement.fact.closed.pair} candle of {format_time(settlement.fact.closed.candle.time)}"
        for event in settlement.events:
            _compare(f"{place}: account event", next(self._stored_events, None), event)
        point = equity_row(settlement)
        if point is not None:
            _compare(f"{place}: equity", next(self._stored_equity, None), point)
        self._note_day_and_exits(settlement.day, settlement.closed)
        if settlement.opened is not None:
            opened = settlement.opened
            self._trades.append(
                TradeRow(number=len(self._trades) + 1, opening=opened.opening, costs=opened.costs, closing=None)
            )

    def _note_day_and_exits(self, day: DailyStatsRow, exits: Sequence[Closed]) -> None:
        self._days[day.trading_day] = day
        for closed in exits:
            self.closed.append(closed.trade)
            for index, trade in enumerate(self._trades):
                if trade.opening.id == closed.id:
                    self._trades[index] = trade._replace(closing=closed.trade.exit, costs=closed.trade.costs)

    def compare_ledger(self) -> None:
        """Compare the trades, positions, days and the account with what the replay ended with."""
        days = [self._days[day] for day in sorted(self._days)]
        _compare_all("trade", self._reader.trades_in_order(), self._trades)
        _compare_all("position", self._reader.positions(), self._account.positions())
        _compare_all("trading day", reversed(self._reader.daily_stats(len(self._days) + 1)), days)
        _compare_all("quote that did something", self._quotes, [])
        _compare_all("account event", self._stored_events, [])
        _compare_all("point of the equity curve", self._stored_equity, [])
        account = self._reader.snapshot(EXECUTOR, ACCOUNT)
        if self.candles and (account is None or account[1] != self._account.snapshot()):
            raise _DifferenceError("the account's stored state is not the one that the stored candles lead to")


def _rows_after(read: Callable[[int], Sequence[Placed]]) -> Iterator[Placed]:
    seq = 0
    while rows := read(seq):
        yield from rows
        seq = rows[-1].seq


def _compare_all(name: str, stored: Iterable[Row], replayed: Sequence[Row]) -> None:
    rows = iter(stored)
    for number, row in enumerate(replayed, start=1):
        _compare(f"{name} {number}", next(rows, None), row)
    if next(rows, None) is not None:
        raise _DifferenceError(f"the ledger holds more than the {len(replayed)} {name}s of the replay")


def _compare_assessed(name: str, stored: CandleAssessed | None, replayed: CandleAssessed) -> None:
    # Figures that are not valid yet equal nothing, unlike the texts in which they are told.
    if stored != replayed:
        _compare(name, stored and _Told(encode_assessed(stored)), _Told(encode_assessed(replayed)))


def _compare(name: str, stored: object, replayed: object) -> None:
    if stored == replayed:
        return
    if stored is None:
        raise _DifferenceError(f"{name}: missing from the ledger")
    old, new = _leaves(stored), _leaves(replayed)
    for key in chain(old, new):
        if old.get(key) != new.get(key):
            # A row with prices says in what points they are.
            digits = next((value for part, value in new.items() if part.endswith("digits")), MONEY_DIGITS)
            was, is_now = (_shown(key, leaves.get(key), int(str(digits))) for leaves in (old, new))
            raise _DifferenceError(f"{name}: {key} is {was} in the ledger, {is_now} when replayed")


def _shown(key: str, value: object, digits: int) -> str:
    """Write a figure of a row as people know it: prices and money as decimals, times, reasons and sides by name."""
    last = key.rpartition(".")[2]
    if not isinstance(value, int) or isinstance(value, bool):
        return str(value)
    if last in _PRICES:
        return format_points(value, digits)
    if last in _MONEY:
        return format_money(value)
    if last.endswith("time"):
        return format_time(value)
    if last == "reason":
        return REASON_NAMES[value]
    return SIDE_NAMES[Side(value)] if last == "final_signal" else str(value)


def _leaves(value: object, name: str = "") -> dict[str, object]:
    """Return every figure of a row under its name, looking into rows within rows and JSON text."""
    fields = getattr(value, "_asdict", None)
    if isinstance(value, Verdicts):
        value = {told["gate"]: told for told in value.in_words()}
    elif fields is not None:
        value = fields()
    elif name.endswith("_json") and isinstance(value, str):
        value, name = msgspec.json.decode(value), name.removesuffix("_json")
    if isinstance(value, list):
        value = {str(place): each for place, each in enumerate(value)}
    if not isinstance(value, dict):
        return {name: value}
    prefix = f"{name}." if name else ""
    return {key: leaf for part, each in value.items() for key, leaf in _leaves(each, f"{prefix}{part}").items()}
