"""The account's desk: it keeps the account machine and turns assessed candles into settlements."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid5

from services.executor.days import DayTally, begin_day, day_row, tally
from services.executor.events import account_changes, closing_detail, placed
from services.executor.settlement import COMMANDS, NOTHING_GIVEN, QUOTES, Closed, Given, Opened, QuoteExit, Settlement
from services.executor.verdicts import VerdictWriter
from shared.contracts.envelope import MESSAGE_NAMESPACE
from shared.contracts.errors import InvariantError
from shared.contracts.facts import TRADE_CLOSED, AccountEvent, CandleAssessed, Quote
from shared.contracts.instruments import require_grid
from shared.contracts.state_json import decode_state, encode_state
from shared.contracts.trades import TradeCosts, entry_in_books, trade_in_log
from shared.contracts.vocabulary import QuotePurpose
from shared.core.account import Outcome, account_start, account_step, close_step, quote_step
from shared.core.books import AccountState, Books, conversion_rate, empty_books, empty_trade_log
from shared.core.risk import Rate, profit_quanta
from shared.core.types import (
    BUY,
    EXIT_NAMES,
    NO_SIDE,
    PASSED,
    STILL_OPEN,
    ExitReason,
    Instrument,
    integers_in_list,
    list_of_floats,
    list_of_integers,
)
from shared.core.venue import quote_exit, unrealised_quanta
from shared.settings.machine_params import account_params, conversion_table
from shared.settings.settings import Settings
from shared.store.rows.ledger import AppliedQuoteRow, EquityRow, PositionRow, TradeOpening
from shared.store.rows.market import GateSnapshotRow


class _Memory(NamedTuple):
    """All that the desk remembers: what a snapshot holds, by pairs in the order of `pairs`."""

    pairs: list[str]
    account: AccountState
    books: Books
    trade_ids: list[str]
    mark_times: list[int]
    day: DayTally
    events: int


class AccountDesk:
    """The account machine with its ledger identities; pairs are kept in the order of their names."""

    def __init__(self, settings: Settings, stream: str) -> None:
        """Begin with the start balance; `stream` is where the account's events are numbered.

        A pair joins with its first candle.
        """
        self._wanted: list[str] = []
        self._settings = settings
        self._stream = stream
        self._params = account_params(settings)
        self._state = account_start(self._params)
        self._day = begin_day(self._state.trading_day, self._state.equity)
        self._events = 0
        self._arrange(self._wanted)

    def _arrange(self, pairs: Sequence[str]) -> None:
        self._pairs = sorted(set(pairs))
        self._places = {pair: place for place, pair in enumerate(self._pairs)}
        self._instruments: list[Instrument] = [self._settings.pair(pair).instrument for pair in self._pairs]
        self._table = conversion_table(self._settings, self._instruments, integers_in_list)
        self._books = empty_books(len(self._pairs), list_of_integers, list_of_floats)
        # At most one position is open in a pair, so one candle closes at most as many as there are pairs.
        self._log = empty_trade_log(len(self._pairs), list_of_integers)
        self._trade_ids = [""] * len(self._pairs)
        self._mark_times = [0] * len(self._pairs)
        self._verdicts = {pair: VerdictWriter(pair, self._settings) for pair in self._pairs}

    @property
    def settings(self) -> Settings:
        """Return the settings by which candles are settled."""
        return self._settings

    def follow(self, settings: Settings) -> None:
        """Go by other limits and another risk from the next candle on; open positions keep their stops."""
        self._settings = settings
        self._params = account_params(settings)
        self._verdicts = {pair: VerdictWriter(pair, settings) for pair in self._pairs}

    @property
    def events(self) -> int:
        """Return the seq of the account's newest event, 0 for none."""
        return self._events

    def settle(self, fact: CandleAssessed, given: Given = NOTHING_GIVEN) -> Settlement:
        """Settle the next assessed candle; each is given once, in order."""
        closed = fact.closed
        if closed.pair not in self._places:
            self._wanted.append(closed.pair)
            self.restore(self.snapshot())
        place = self._places[closed.pair]
        require_grid(self._instruments[place], closed.digits)
        before = self._state._replace(closed_trades=0)
        self._state, outcome = account_step(
            before,
            self._books,
            self._log,
            self._table,
            place,
            closed.candle,
            fact.assessment,
            closed.decision_time,
            fact.trading_day,
            given.conditions,
            self._params,
        )
        self._mark_times[place] = closed.decision_time
        closed_trades = [self._closed(row) for row in range(self._state.closed_trades)]
        opened = self._opened(place, fact) if outcome.opened else None
        self._day = tally(self._day, self._state, outcome.equity, [each.trade for each in closed_trades])
        happened = account_changes(fact, before, self._state, outcome, closed_trades, opened)
        events = [
            placed(happening, self._stream, seq, fact, self._state)
            for seq, happening in enumerate(happened, start=self._events + 1)
        ]
        self._events += len(events)
        return Settlement(
            fact=fact,
            before=before,
            state=self._state,
            outcome=outcome,
            closed=closed_trades,
            opened=opened,
            events=events,
            snapshot=self._snapshot_row(fact, outcome),
            day=day_row(self._day, self._state.equity),
            entry_quote=given.quote if opened is not None else None,
        )

    def reached(self, quote: Quote) -> bool:
        """Return whether a quote reaches the stop or the target of its pair's open position."""
        books, place = self._books, self._places.get(quote.pair)
        if place is None or books.side[place] == NO_SIDE or quote.time <= books.entry_time[place]:
            return False
        stops = books.stop_loss[place], books.take_profit[place]
        return quote_exit(books.side[place], *stops, quote.bid, quote.ask, quote.time).reason != STILL_OPEN

    def leave(self, quote: Quote, seq: int) -> QuoteExit:
        """Close the position whose stop or target a quote reached, after the candle at `seq`.

        Raises InvariantError where it reached none.
        """
        before = self._state._replace(closed_trades=0)
        place = self._places[quote.pair]
        self._state = quote_step(before, self._books, self._log, self._table, place, quote.bid, quote.ask, quote.time)
        return self._left(quote, seq, QuotePurpose.EXIT, None)

    def open_pairs(self) -> list[str]:
        """Return the pairs in which a position is open, by name."""
        return [pair for place, pair in enumerate(self._pairs) if self._books.side[place] != NO_SIDE]

    def current_price(self, pair: str, quote: Quote | None) -> Quote:
        """Return the price of an open position's pair: a quote since its last close, else that close."""
        place = self._places[pair]
        if quote is not None and quote.time >= self._mark_times[place]:
            return quote
        # A close at an operator's wish happens at the account's time, which may be later than the pair's last candle.
        return Quote(
            pair=pair,
            time=max(self._mark_times),
            digits=self._instruments[place].digits,
            bid=self._books.bid_close[place],
            ask=self._books.ask_close[place],
        )

    def close(self, price: Quote, seq: int, reason: ExitReason, command_id: int | None) -> QuoteExit:
        """Close the open position of a price's pair at that price for a command, after the candle at `seq`.

        Raises InvariantError where none is open.
        """
        before = self._state._replace(closed_trades=0)
        place = self._places[price.pair]
        self._state = close_step(
            before, self._books, self._log, self._table, place, reason, price.bid, price.ask, price.time
        )
        return self._left(price, seq, EXIT_NAMES[reason], command_id)

    def _left(self, quote: Quote, seq: int, purpose: str, command_id: int | None) -> QuoteExit:
        if not self._state.closed_trades:
            raise InvariantError(f"no position in {quote.pair} was closed at {quote.bid} and {quote.ask}")
        closed = self._closed(0)
        self._day = tally(self._day, self._state, self._state.equity, [closed.trade])
        self._events += 1
        detail = closing_detail(closed)
        event = AccountEvent(
            stream=self._stream,
            seq=self._events,
            cause_stream=QUOTES if command_id is None else COMMANDS,
            cause_seq=seq,
            time=quote.time,
            type=TRADE_CLOSED,
            pair=quote.pair,
            balance=self._state.balance,
            equity=self._state.equity,
            detail=detail if command_id is None else {**detail, "command_id": str(command_id)},
        )
        return QuoteExit(
            applied=AppliedQuoteRow(seq, purpose, quote, command_id=command_id),
            closed=closed,
            event=event,
            equity=EquityRow(seq=seq, time=quote.time, balance=self._state.balance, equity=self._state.equity),
            day=day_row(self._day, self._state.equity),
        )

    def positions(self) -> list[PositionRow]:
        """Return the open positions at their pairs' last closes."""
        return [self._position(place) for place in range(len(self._pairs)) if self._books.side[place] != NO_SIDE]

    def snapshot(self) -> str:
        """Return the desk's exact state as JSON text."""
        return encode_state(self._memory())

    def restore(self, text: str | None) -> None:
        """Continue from a snapshot, pairs that are new since then being flat, or without one from the start."""
        self._state = account_start(self._params)
        self._day = begin_day(self._state.trading_day, self._state.equity)
        self._events = 0
        self._arrange(self._wanted)
        if text is None:
            return
        memory = decode_state(text, self._memory())
        self._arrange([*self._wanted, *memory.pairs])
        for place, pair in enumerate(memory.pairs):
            here = self._places[pair]
            for name in Books._fields:
                getattr(self._books, name)[here] = getattr(memory.books, name)[place]
            self._trade_ids[here] = memory.trade_ids[place]
            self._mark_times[here] = memory.mark_times[place]
        self._state, self._day, self._events = memory.account, memory.day, memory.events

    def _memory(self) -> _Memory:
        return _Memory(
            pairs=self._pairs,
            account=self._state,
            books=self._books,
            trade_ids=self._trade_ids,
            mark_times=self._mark_times,
            day=self._day,
            events=self._events,
        )

    def _snapshot_row(self, fact: CandleAssessed, outcome: Outcome) -> GateSnapshotRow:
        closed = fact.closed
        writer = self._verdicts[closed.pair]
        return GateSnapshotRow(
            time=closed.decision_time,
            pair=closed.pair,
            strategy=fact.strategy,
            final_signal=fact.assessment.signal if outcome.reason == PASSED else NO_SIDE,
            reason=outcome.reason,
            failed_gates=outcome.failed,
            stream=closed.stream,
            seq=closed.seq,
            granularity_seconds=closed.granularity_seconds,
            candle_time=closed.candle.time,
            verdicts=writer.verdicts(fact, outcome),
            indicators=writer.indicators(fact),
            params_hash=fact.params_hash,
            params_version=fact.params_version,
        )

    def _opened(self, place: int, fact: CandleAssessed) -> Opened:
        closed, books = fact.closed, self._books
        name = f"trade/{closed.stream}/{closed.seq}"
        self._trade_ids[place] = str(uuid5(MESSAGE_NAMESPACE, name))
        opening = TradeOpening(
            id=self._trade_ids[place],
            entry=entry_in_books(books, place, self._instruments[place], fact.strategy),
            signal_time=closed.candle.time,
        )
        rate = conversion_rate(self._table, books, place)
        scale, units = self._table.points_per_price[place], books.units[place]
        half = Rate(rate.numerator, 2 * rate.denominator)
        return Opened(
            opening,
            TradeCosts(
                profit_quanta(books.entry_spread[place] * units, 1, scale, half),
                profit_quanta(books.entry_slippage[place], units, scale, rate),
            ),
        )

    def _closed(self, row: int) -> Closed:
        place = self._log.pair[row]
        pair = self._pairs[place]
        trade = trade_in_log(self._log, row, self._instruments[place], self._settings.pair(pair).strategy)
        return Closed(self._trade_ids[place], trade)

    def _position(self, place: int) -> PositionRow:
        books, pair = self._books, self._pairs[place]
        mark = books.bid_close[place] if books.side[place] == BUY else books.ask_close[place]
        return PositionRow(
            trade_id=self._trade_ids[place],
            entry=entry_in_books(books, place, self._instruments[place], self._settings.pair(pair).strategy),
            mark_time=self._mark_times[place],
            mark_price=mark,
            unrealised_pnl=unrealised_quanta(books, self._table, place),
        )
