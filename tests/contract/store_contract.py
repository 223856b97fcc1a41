"""What every store must do; a subclass brings an empty database of the current schema as the fixture `url`."""

from collections.abc import Callable, Iterator

import pytest

from shared.contracts.errors import InvariantError
from shared.contracts.facts import Quote
from shared.contracts.trades import TradeCosts
from shared.core.types import BUY, HOLD, SELL, TAKE_PROFIT
from shared.store.engine import database_url, open_engine, writing
from shared.store.port import Store
from shared.store.rows.audit import AuditEntry
from shared.store.rows.ledger import AppliedQuoteRow, DailyStatsRow, EquityRow, TradeOpening, TradeRow
from shared.store.rows.market import CandleGapRow, RejectedCandleRow
from shared.store.rows.runtime import SnapshotRow
from shared.store.sql.audit import verify_audit
from shared.store.sql_store import open_store
from tests.contract.builders import (
    FREE,
    M5,
    MIDNIGHT,
    STREAM,
    a_candle,
    a_closing,
    a_gate_snapshot,
    a_position,
    an_assessment,
    an_event,
    an_opening,
    an_outgoing,
)


class StoreContract:
    """Behaviour that services rely on, whichever database keeps their rows."""

    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        store = open_store(url)
        yield store
        store.close()

    @pytest.fixture
    def by_hand(self, url: str) -> Iterator[Callable[[str], None]]:
        """Execute SQL as somebody with a database client would."""
        engine = open_engine(database_url(url))

        def execute(statement: str) -> None:
            with writing(engine).begin() as connection:
                connection.exec_driver_sql(statement)

        yield execute
        engine.dispose()

    # Transactions.

    def test_nothing_of_a_failed_transaction_is_kept(self, store: Store) -> None:
        def die_before_the_commit() -> None:
            with store.transaction() as transaction:
                transaction.add_candles([a_candle()])
                transaction.save_cursor("strategy", STREAM, 1)
                raise RuntimeError("killed")

        with pytest.raises(RuntimeError, match="killed"):
            die_before_the_commit()
        with store.reading() as reader:
            assert (reader.candle_count(), reader.cursor("strategy", STREAM)) == (0, 0)

    def test_a_transaction_sees_its_own_writes(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.add_candles([a_candle()])
            assert transaction.last_candle() == a_candle()

    def test_a_view_does_not_change_while_it_is_open(self, store: Store) -> None:
        with store.reading() as reader:
            before = reader.candle_count()
            with store.transaction() as transaction:
                transaction.add_candles([a_candle()])
            assert reader.candle_count() == before == 0

    def test_empty_lists_write_nothing(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.add_candles([])
            transaction.add_gate_snapshots([])
            transaction.replace_positions([])
            transaction.append_audit([])
            transaction.mark_outbox_sent([], MIDNIGHT)
            assert transaction.audit(1) == []

    # Market data.

    def test_candles_read_back_as_they_were(self, store: Store) -> None:
        yen = a_candle(2, pair="USD_JPY")
        with store.transaction() as transaction:
            transaction.add_candles([a_candle(1), yen])
        with store.reading() as reader:
            assert reader.candles_after(STREAM, 0, 10) == [a_candle(1), yen]
            assert reader.last_candle() == yen
            assert (reader.last_candle_seq(STREAM), reader.last_candle_seq("candles.9")) == (2, 0)
            assert reader.last_candle_times(300) == {"EUR_USD": MIDNIGHT, "USD_JPY": MIDNIGHT + M5}
            assert reader.candle_count() == 2

    def test_a_span_of_candles_has_its_start_but_not_its_end(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.add_candles([a_candle(seq) for seq in range(1, 6)])
            found = transaction.candles_between("EUR_USD", 300, MIDNIGHT + M5, MIDNIGHT + 3 * M5)
        assert [row.seq for row in found] == [2, 3]

    def test_candles_are_iterated_in_order_whatever_the_chunk(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.add_candles([a_candle(seq) for seq in (3, 1, 2, 5, 4)])
        with store.reading() as reader:
            assert [row.seq for row in reader.candles_in_order(chunk=2)] == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize(
        "second", [a_candle(2, candle=a_candle(1).candle), a_candle(1, candle=a_candle(2).candle)], ids=["time", "seq"]
    )
    def test_a_candle_is_stored_once(self, store: Store, second: object) -> None:
        with pytest.raises(InvariantError, match="refused a row"), store.transaction() as transaction:
            transaction.add_candles([a_candle(1), second])  # type: ignore[list-item]

    def test_a_damaged_price_is_named_by_table_row_and_column(
        self, store: Store, by_hand: Callable[[str], None]
    ) -> None:
        with store.transaction() as transaction:
            transaction.add_candles([a_candle()])
        by_hand("UPDATE candles SET ask_low = '1.3869001'")
        with (
            store.reading() as reader,
            pytest.raises(InvariantError, match=r"table candles, row 1, column ask_low: '1\.3869001' has more than 5"),
        ):
            reader.last_candle()

    def test_a_damaged_detail_is_named_by_table_row_and_column(
        self, store: Store, by_hand: Callable[[str], None]
    ) -> None:
        with store.transaction() as transaction:
            transaction.add_account_events([an_event()])
        by_hand("UPDATE account_events SET detail_json = '{'")
        with (
            store.reading() as reader,
            pytest.raises(InvariantError, match="table account_events, row 1, column detail_json: "),
        ):
            reader.account_events(1)

    def test_gaps_and_refused_rows_are_noted_once_however_often_a_file_is_read(self, store: Store) -> None:
        gap = CandleGapRow("EUR_USD", 300, MIDNIGHT, MIDNIGHT + 600, 2, "no_ticks")
        rejected = RejectedCandleRow("sample.csv", 17, "high below low", "2014-05-08,1,2", "EUR_USD")
        for _ in range(2):
            with store.transaction() as transaction:
                transaction.add_gaps([gap])
                transaction.add_rejected([rejected])
        with store.reading() as reader:
            assert reader.gaps(10) == [gap]
            assert reader.rejected_candles(10, "EUR_USD") == [rejected]
            assert reader.gaps(10, "USD_JPY") == []

    def test_assessments_follow_each_other_by_seq(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.add_assessments([an_assessment(seq) for seq in (1, 2, 3)])
        with store.reading() as reader:
            assert reader.assessments_after(1, 10) == [an_assessment(2), an_assessment(3)]

    def test_a_judged_candle_is_found_by_its_open_time_and_by_its_decision_time(self, store: Store) -> None:
        held = a_gate_snapshot(2, final_signal=BUY, reason=HOLD)
        with store.transaction() as transaction:
            transaction.add_assessments([an_assessment(1), an_assessment(2)])
            transaction.add_gate_snapshots([a_gate_snapshot(1), held])
        with store.reading() as reader:
            assert reader.gate_snapshots(10) == [held, a_gate_snapshot(1)]
            assert reader.gate_snapshots_at("EUR_USD", MIDNIGHT + M5) == [held]
            assert reader.gate_snapshots_at("EUR_USD", held.time) == [held]
            assert reader.gate_snapshots_at("USD_JPY", MIDNIGHT) == []

    # The ledger.

    def test_a_trade_reads_back_open_and_closed(self, store: Store) -> None:
        opening, costs = an_opening(), TradeCosts(spread=10_000, slippage=0)
        closing = a_closing(opening, exit_reason=TAKE_PROFIT, exit_price=138_900, pnl_points=200, pnl=200_000)
        with store.transaction() as transaction:
            assert transaction.open_trade(opening, FREE) == 1
            assert transaction.trade(opening.id) == TradeRow(1, opening, FREE, None)
            transaction.close_trade(opening.id, closing, costs)
        with store.reading() as reader:
            assert reader.trade(opening.id) == TradeRow(1, opening, costs, closing)
            assert reader.trades(10, "USD_JPY") == []

    def test_trades_are_numbered_in_order_of_opening(self, store: Store) -> None:
        openings = [an_opening(pair, pair=pair) for pair in ("GBP_USD", "EUR_USD", "AUD_USD")]
        with store.transaction() as transaction:
            assert [transaction.open_trade(opening, FREE) for opening in openings] == [1, 2, 3]
        with store.reading() as reader:
            assert [trade.opening.entry.pair for trade in reader.trades_in_order(chunk=2)] == [
                "GBP_USD",
                "EUR_USD",
                "AUD_USD",
            ]
            assert [trade.number for trade in reader.trades(2)] == [3, 2]

    def test_a_pair_has_one_open_trade(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.open_trade(an_opening("first"), FREE)
        with pytest.raises(InvariantError, match="refused a row"), store.transaction() as transaction:
            transaction.open_trade(an_opening("second"), FREE)

    def test_a_pair_may_be_entered_again_after_its_trade_was_closed(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.open_trade(an_opening("first"), FREE)
            transaction.close_trade(an_opening("first").id, a_closing(an_opening("first")), FREE)
            assert transaction.open_trade(an_opening("second"), FREE) == 2

    @pytest.mark.parametrize(
        "opening",
        [
            an_opening(stop_loss=138_700),
            an_opening(take_profit=138_600),
            an_opening(side=SELL),
            an_opening(side=SELL, stop_loss=138_900, take_profit=138_701),
            an_opening(units=0),
        ],
        ids=["stop at the entry", "target below", "long stops on a short", "short target above", "no units"],
    )
    def test_a_trade_needs_its_stops_on_the_right_side(self, store: Store, opening: TradeOpening) -> None:
        with pytest.raises(InvariantError, match="refused a row"), store.transaction() as transaction:
            transaction.open_trade(opening, FREE)

    def test_a_short_trade_has_its_stop_above_and_its_target_below(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.open_trade(an_opening(side=SELL, stop_loss=138_800, take_profit=138_500), FREE)

    def test_stops_are_compared_as_figures_and_not_as_text(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.open_trade(
                an_opening(pair="USD_JPY", entry_price=100_010, stop_loss=99_990, take_profit=100_050), FREE
            )

    @pytest.mark.parametrize("column", ["stop_loss", "take_profit"])
    def test_no_trade_is_without_stops_even_by_hand(
        self, store: Store, by_hand: Callable[[str], None], column: str
    ) -> None:
        with store.transaction() as transaction:
            transaction.open_trade(an_opening(), FREE)
        with pytest.raises(Exception, match=r"(?i)not.null constraint"):
            by_hand(f"UPDATE trades SET {column} = NULL")

    def test_a_trade_is_closed_only_in_full(self, store: Store, by_hand: Callable[[str], None]) -> None:
        with store.transaction() as transaction:
            transaction.open_trade(an_opening(), FREE)
        with pytest.raises(Exception, match="ck_trades_closed_in_full"):
            by_hand("UPDATE trades SET status = 'CLOSED', exit_price = '1.38600'")

    @pytest.mark.parametrize("statement", ["UPDATE trades SET pnl = '999'", "DELETE FROM trades"])
    def test_a_closed_trade_is_never_changed(
        self, store: Store, by_hand: Callable[[str], None], statement: str
    ) -> None:
        with store.transaction() as transaction:
            transaction.open_trade(an_opening(), FREE)
            transaction.close_trade(an_opening().id, a_closing(an_opening()), FREE)
        with pytest.raises(Exception, match="a closed trade cannot be changed"):
            by_hand(statement)

    def test_a_trade_is_closed_once(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.open_trade(an_opening(), FREE)
            transaction.close_trade(an_opening().id, a_closing(an_opening()), FREE)
        with pytest.raises(InvariantError, match="it is not open"), store.transaction() as transaction:
            transaction.close_trade(an_opening().id, a_closing(an_opening()), FREE)

    def test_positions_are_replaced_as_a_whole(self, store: Store) -> None:
        euro, yen = an_opening("euro"), an_opening("yen", pair="USD_JPY")
        with store.transaction() as transaction:
            transaction.open_trade(euro, FREE)
            transaction.open_trade(yen, FREE)
            transaction.replace_positions([a_position(yen), a_position(euro)])
            assert transaction.positions() == [a_position(euro), a_position(yen)]
            transaction.replace_positions([a_position(yen, unrealised_pnl=5)])
        with store.reading() as reader:
            assert reader.positions() == reader.positions("USD_JPY") == [a_position(yen, unrealised_pnl=5)]

    def test_a_position_belongs_to_a_trade(self, store: Store) -> None:
        with pytest.raises(InvariantError, match="refused a row"), store.transaction() as transaction:
            transaction.replace_positions([a_position(an_opening())])

    def test_quotes_that_did_something_read_back_in_order_and_are_kept_once(self, store: Store) -> None:
        rows = [
            AppliedQuoteRow(7, "entry", Quote("EUR_USD", MIDNIGHT + 1, 5, 138_690, 138_700)),
            AppliedQuoteRow(7, "exit", Quote("USD_JPY", MIDNIGHT + 2, 3, 101_690, 101_700)),
        ]
        with store.transaction() as transaction:
            transaction.add_applied_quotes(rows)
        with store.reading() as reader:
            assert list(reader.applied_quotes_in_order(chunk=1)) == rows
        with pytest.raises(InvariantError, match="refused a row"), store.transaction() as transaction:
            transaction.add_applied_quotes(rows[:1])

    def test_events_days_and_equity_read_back_newest_first(self, store: Store) -> None:
        events = [an_event(1), an_event(2, cause_seq=1, pair=None, type="account.halted"), an_event(3)]
        day = DailyStatsRow(16_198, 100_000_000, 99_000_000, -1_000_000, 3, 1, 2, 0.0125, False)
        equity = [EquityRow(seq, MIDNIGHT + seq * M5, 100_000_000, 100_000_000 - seq) for seq in (1, 2)]
        with store.transaction() as transaction:
            transaction.add_account_events(events)
            transaction.save_daily_stats([day, day._replace(trading_day=16_197)])
            transaction.save_daily_stats([day._replace(halted=True)])
            transaction.add_equity(equity)
        with store.reading() as reader:
            assert reader.account_events(10) == events[::-1]
            assert reader.account_events(10, "EUR_USD") == [events[2], events[0]]
            assert list(reader.account_events_in_order(chunk=2)) == events
            assert reader.account_events_of(events[0].cause_stream, 1) == events[:2]
            assert reader.daily_stats(10) == [day._replace(halted=True), day._replace(trading_day=16_197)]
            assert reader.equity(10) == equity[::-1]
            assert list(reader.equity_in_order(chunk=1)) == equity

    def test_an_event_happens_once(self, store: Store) -> None:
        with pytest.raises(InvariantError, match="refused a row"), store.transaction() as transaction:
            transaction.add_account_events([an_event(1), an_event(1)])

    # The services' own state.

    def test_cursors_and_snapshots_are_overwritten(self, store: Store) -> None:
        with store.transaction() as transaction:
            assert transaction.cursor("strategy", STREAM) == 0
            assert transaction.snapshot("strategy", "EUR_USD") is None
            for seq in (1, 7):
                transaction.save_cursor("strategy", STREAM, seq)
                transaction.save_snapshots([SnapshotRow("strategy", "EUR_USD", seq, f'{{"seq":{seq}}}')])
        with store.reading() as reader:
            assert reader.cursor("strategy", STREAM) == 7
            assert reader.cursor("executor", STREAM) == 0
            assert reader.snapshot("strategy", "EUR_USD") == (7, '{"seq":7}')
            assert reader.snapshots("strategy") == [SnapshotRow("strategy", "EUR_USD", 7, '{"seq":7}')]

    def test_every_version_of_a_setting_counts_up(self, store: Store) -> None:
        with store.transaction() as transaction:
            assert transaction.setting("risk") is None
            assert [transaction.save_setting("risk", body, MIDNIGHT) for body in ("{}", '{"a":1}')] == [1, 2]
            setting = transaction.setting("risk")
        assert setting == ("risk", 2, '{"a":1}', MIDNIGHT)

    def test_messages_wait_in_the_outbox_until_they_were_sent(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.stage_outbox([an_outgoing(seq) for seq in (1, 2, 3)])
        with store.transaction() as transaction:
            first, second, _ = transaction.unsent_outbox(10)
            assert (first.row, second.row) == (an_outgoing(1), an_outgoing(2))
            transaction.mark_outbox_sent([first.id, second.id], MIDNIGHT + 60)
        with store.transaction() as transaction:
            assert [staged.row.seq for staged in transaction.unsent_outbox(10)] == [3]
            assert transaction.outbox_count() == 1
            assert transaction.delete_sent_outbox(MIDNIGHT + 60) == 0
            assert transaction.delete_sent_outbox(MIDNIGHT + 61, producer="somebody else") == 0
            assert transaction.delete_sent_outbox(MIDNIGHT + 61) == 2

    def test_a_message_is_staged_once(self, store: Store) -> None:
        with pytest.raises(InvariantError, match="refused a row"), store.transaction() as transaction:
            transaction.stage_outbox([an_outgoing(1), an_outgoing(1)])

    # The audit log.

    def test_the_audit_log_is_one_chain_over_several_transactions(self, store: Store) -> None:
        for number in range(3):
            with store.transaction() as transaction:
                transaction.append_audit(
                    [
                        AuditEntry(MIDNIGHT + number, "executor", "trade.opened", None, {"pair": "EUR_USD", "ü": 1}),
                        AuditEntry(MIDNIGHT + number, "ann", "PAUSE_PAIR", number, {}),
                    ]
                )
        with store.reading() as reader:
            found = verify_audit(reader.audit_in_order(chunk=4))
            assert (found.ok, found.rows, found.head) == (True, 6, reader.audit(1)[0].hash)
            assert reader.audit(2)[0].id == 6
            assert reader.audit_record(5) == reader.audit(2)[1]
            assert reader.audit_record(7) is None

    @pytest.mark.parametrize("statement", ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log"])
    def test_an_audit_record_is_never_changed(
        self, store: Store, by_hand: Callable[[str], None], statement: str
    ) -> None:
        with store.transaction() as transaction:
            transaction.append_audit([AuditEntry(MIDNIGHT, "executor", "started", None, {})])
        with pytest.raises(Exception, match="audit_log is append-only"):
            by_hand(statement)
