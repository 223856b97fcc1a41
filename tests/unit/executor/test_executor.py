"""One executor on a store: assessed candles as they come, quotes between them, and the commands of operators."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from shared.contracts.commands import default_expiry_seconds
from shared.contracts.envelope import message_id
from shared.contracts.facts import CANDLE_ASSESSED, CANDLE_CLOSED, CandleAssessed, Quote
from shared.contracts.times import format_time
from shared.core.types import BUY, SELL
from shared.runtime.param_versions import save_params, section_of
from shared.settings.settings import Settings, load_settings
from shared.store.port import Store
from tests.fixtures.commanded import plain_sql
from tests.fixtures.market import M5, TUESDAY, assessment, candle
from tests.unit.executor.desk_on_store import NOW, Desk
from tests.unit.executor.judged import PAIR, judged

DECIDED = TUESDAY + M5


def keep(store: Store, facts: Sequence[CandleAssessed]) -> None:
    """Put facts into the producer's table."""
    with store.transaction() as transaction:
        transaction.add_assessments(facts)


def cursor(store: Store) -> int:
    with store.reading() as reader:
        stored = reader.snapshot("executor", "paper")
    return 0 if stored is None else stored[0]


@pytest.mark.parametrize(("partitions", "handled"), [(1, 2), (2, 0)])
def test_candle_that_comes_too_early_is_kept_only_where_several_partitions_announce_theirs(
    store: Store, partitions: int, handled: int
) -> None:
    facts = [judged(seq) for seq in (1, 2, 3)]
    keep(store, facts[:2])
    desk = Desk(store, load_settings(None, {"SCALP_BOT_DEPLOYMENT__PARTITIONS": str(partitions)}))
    desk.handle(facts[1])
    assert cursor(store) == handled
    desk.handle(facts[0], facts[2])
    assert cursor(store) == 3


def test_ledger_holds_an_entry_and_its_exit_at_a_quote(store: Store) -> None:
    desk = Desk(store)
    desk.handle(judged(1, assessment(BUY)), judged(2))
    assert not desk.executor.apply_quotes()
    desk.board.put([Quote(PAIR, DECIDED + M5 + 1, 5, 110_000, 110_010)])
    assert not desk.executor.apply_quotes()
    desk.board.put([Quote(PAIR, DECIDED + M5 + 2, 5, 109_000, 109_010)])
    assert desk.executor.apply_quotes()
    assert desk.events() == [(1, "account.day_started"), (2, "trade.opened"), (3, "trade.closed")]
    with store.reading() as reader:
        (trade,) = reader.trades(10)
        (day,) = reader.daily_stats(10)
        equity = reader.equity(10)
        assert reader.positions() == []
    assert trade.closing is not None
    assert (trade.closing.exit_price, day.realised_pnl) == (109_000, trade.closing.pnl)
    assert [point.seq for point in equity] == [2, 1], "the second candle changed nothing"
    assert equity[0].balance == 100_000_000 + trade.closing.pnl


def test_quotes_are_passed_over_where_somebody_else_leads(store: Store) -> None:
    desk = Desk(store)
    desk.handle(judged(1, assessment(BUY)))
    desk.board.put([Quote(PAIR, DECIDED + 1, 5, 109_000, 109_010)])
    desk.executor.pass_over_quotes()
    assert not desk.executor.apply_quotes()


def test_state_in_memory_is_current_until_another_executor_has_done_something(store: Store) -> None:
    one, other = Desk(store), Desk(store)
    one.handle(judged(1, assessment(BUY)))
    with store.reading() as reader:
        assert one.executor.consumer.work.is_current(reader)
    assert other.ordered("CLOSE_PAIR", PAIR)[0] == "SUCCEEDED"
    with store.reading() as reader:
        assert not one.executor.consumer.work.is_current(reader)
    one.handle(judged(2, assessment(SELL)))
    assert one.events()[-2:] == [(3, "trade.closed"), (4, "trade.opened")]


def test_first_candle_of_a_process_is_settled_by_the_version_that_it_names(store: Store) -> None:
    settings = Settings()
    body = {**section_of(settings, "gates"), "daily_loss_percent": "1.5"}
    with store.transaction() as transaction:
        save_params(transaction, settings, {"gates": body}, "ann", NOW)
    desk = Desk(store, settings)
    assert desk.ordered("RELOAD_PARAMS")[1]["version"] == 1
    desk.handle(judged(1, params_version=1))
    with store.reading() as reader:
        (row,) = reader.gate_snapshots(10)
    limits = {each["gate"]: each["limit"] for each in row.verdicts.in_words()}
    assert (limits["daily_loss"], row.params_version) == ("1.5 %", 1)
    assert settings.gates.daily_loss_percent == Decimal(3)


def test_reload_without_anything_saved_changes_nothing(store: Store) -> None:
    assert Desk(store).ordered("RELOAD_PARAMS") == ("SUCCEEDED", {"changed": False, "version": 0})


def test_hundred_commands_are_carried_out_at_once_and_the_next_one_after(store: Store) -> None:
    desk = Desk(store)
    for _ in range(101):
        desk.send("PAUSE_ALL")
    assert desk.executor.obey()
    with store.reading() as reader:
        assert reader.backlog().waiting == 1
    assert [row.id for row in desk.told] == list(range(1, 101))
    assert desk.executor.obey()
    assert not desk.executor.obey()
    assert {row.status for row in desk.told} == {"SUCCEEDED"}


@pytest.mark.parametrize(("expires", "status"), [(NOW - 1, "SKIPPED"), (NOW, "SUCCEEDED")])
def test_command_is_carried_out_up_to_the_second_of_its_expiry(store: Store, expires: int, status: str) -> None:
    assert Desk(store).ordered("PAUSE_ALL", expires=expires)[0] == status


def test_resuming_a_pair_leaves_the_kill_switch_and_other_pairs_alone(store: Store) -> None:
    desk = Desk(store)
    for type_name, pair in (("KILL_SWITCH_ON", None), ("PAUSE_PAIR", PAIR), ("PAUSE_PAIR", "GBP_USD")):
        assert desk.ordered(type_name, pair)[1]["changed"]
    assert not desk.ordered("PAUSE_PAIR", PAIR)[1]["changed"]
    _, result = desk.ordered("RESUME_PAIR", PAIR)
    assert (result["changed"], [(each["kind"], each["scope"]) for each in result["holds"]]) == (
        True,
        [("kill_switch", "ALL"), ("pause", "GBP_USD")],
    )
    assert not desk.ordered("RESUME_PAIR", PAIR)[1]["changed"]
    assert [each["scope"] for each in desk.ordered("KILL_SWITCH_OFF")[1]["holds"]] == ["GBP_USD"]
    assert desk.ordered("RESUME_ALL")[1] == {"changed": True, "holds": []}


def test_closing_one_pair_leaves_the_others_open(store: Store) -> None:
    desk = Desk(store)
    pounds = judged(2, assessment(BUY), candle(TUESDAY, 130_000), pair="GBP_USD")
    desk.handle(judged(1, assessment(BUY)), pounds)
    status, result = desk.ordered("CLOSE_PAIR", "GBP_USD")
    assert (status, [each["pair"] for each in result["closed"]]) == ("SUCCEEDED", ["GBP_USD"])
    assert desk.ordered("CLOSE_PAIR", "GBP_USD") == (
        "SKIPPED",
        {"reason": "nothing_open", "detail": "no position is open in GBP_USD"},
    )
    assert [each["pair"] for each in desk.ordered("CLOSE_ALL")[1]["closed"]] == [PAIR]
    assert desk.ordered("CLOSE_ALL")[1]["detail"] == "no position is open at all"


def test_holds_are_told_once_when_they_begin_or_are_first_seen_and_when_they_end(store: Store) -> None:
    desk = Desk(store)
    desk.ordered("PAUSE_PAIR", PAIR)
    again = Desk(store)
    for _ in range(2):
        assert not again.executor.obey()
        assert again.holds == [(PAIR, True)]
    again.ordered("RESUME_ALL")
    assert (desk.holds, again.holds) == ([(PAIR, True)], [(PAIR, True), (PAIR, False)])


def test_reload_puts_all_that_was_saved_since_into_force_and_names_it(store: Store) -> None:
    settings = Settings()
    desk = Desk(store, settings)
    for saved in ({"gates": "1.5", "risk": "0.5"}, {"gates": "1.25"}):
        for name, value in saved.items():
            limit = "daily_loss_percent" if name == "gates" else "risk_percent"
            with store.transaction() as transaction:
                save_params(transaction, settings, {name: {**section_of(settings, name), limit: value}}, "ann", NOW)
        desk.executor.obey()
    results = [desk.result(row.id)[1] for row in desk.told]
    assert [
        (each["changed"], each["version"], [row["version"] for row in each.get("sections", [])]) for each in results
    ] == [(True, 2, ["1", "2"]), (False, 2, []), (True, 3, ["3"])]


def test_what_a_candle_did_names_that_candle_and_what_a_quote_or_command_did_none(store: Store) -> None:
    desk = Desk(store)
    desk.handle(judged(1, assessment(BUY)))
    desk.board.put([Quote(PAIR, DECIDED + 1, 5, 109_850, 109_860)])
    desk.executor.apply_quotes()
    desk.handle(judged(2, assessment(BUY)))
    desk.ordered("CLOSE_ALL")
    with store.reading() as reader:
        sent = {each.row.seq: each.row for each in reader.unsent_outbox(10)}
    assert [sent[seq].type for seq in sorted(sent)] == [
        "account.day_started",
        "trade.opened",
        "trade.closed",
        "trade.opened",
        "trade.closed",
    ]
    assert [sent[seq].pair for seq in (1, 2)] == ["ALL", PAIR]
    candle_id = message_id(CANDLE_CLOSED, "candles.0", 1)
    assert (sent[2].correlation_id, sent[2].causation_id) == (candle_id, message_id(CANDLE_ASSESSED, "assessed.0", 1))
    for seq in (3, 5):
        assert (sent[seq].correlation_id, sent[seq].causation_id) == (sent[seq].message_id, None)


@pytest.mark.parametrize(
    ("environ", "reason", "why"),
    [
        ({}, "live_trading_disabled", "LIVE_TRADING_ENABLED is not true"),
        ({"LIVE_TRADING_ENABLED": "true"}, "live_account_not_connected", "this run has no account at a broker"),
    ],
)
def test_command_that_cannot_close_at_the_broker_says_why(
    store: Store, environ: dict[str, str], reason: str, why: str
) -> None:
    desk = Desk(store, load_settings(None, environ))
    close, kill = desk.send("CLOSE_ALL", mode="LIVE"), desk.send("KILL_SWITCH_ON", mode="LIVE")
    desk.executor.obey()
    told = {"reason": reason, "detail": f"nothing was closed at the broker: {why}"}
    assert desk.result(close) == ("SKIPPED", told)
    assert (desk.result(kill)[0], desk.result(kill)[1]["live"]) == ("SUCCEEDED", reason)
    assert "live" not in desk.ordered("KILL_SWITCH_ON")[1]


@pytest.mark.parametrize(("late", "reason"), [(0, "nothing_open"), (1, "expired")])
def test_close_that_plain_sql_left_without_an_expiry_has_that_of_its_type(
    store: Store, tmp_path: Path, late: int, reason: str
) -> None:
    usual = default_expiry_seconds("CLOSE_ALL")
    assert usual is not None
    created = format_time(NOW - usual - late)
    plain_sql(
        tmp_path / "executor.db",
        "INSERT INTO commands (created_ts_utc, actor, type, payload_json, status) "
        f"VALUES ('{created}', 'ann', 'CLOSE_ALL', '{{}}', 'PENDING')",
    )
    desk = Desk(store)
    assert desk.executor.obey()
    assert (desk.result(1)[0], desk.result(1)[1]["reason"]) == ("SKIPPED", reason)
