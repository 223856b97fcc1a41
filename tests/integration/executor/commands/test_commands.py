"""Operator commands on an embedded platform: done once, visibly, and the ledger can still be replayed."""

from pathlib import Path

import pytest

from shared.contracts.errors import InputError
from shared.contracts.facts import Quote
from shared.contracts.runs import RunMode
from shared.contracts.times import format_time
from shared.core.types import BUY, EXIT_NAMES, HOLD, QUANTA_PER_UNIT
from shared.store.engine import sqlite_url
from tests.fixtures.commanded import PAIR, Commanded, commanded, free_course, plain_sql, require_sound
from tests.fixtures.paper import NOON, PAIRS

SEED_ROW = (
    "INSERT INTO commands (created_ts_utc, actor, type, payload_json, status) VALUES "
    "('2026-01-05 12:00:00', 'admin', '{type}', '{payload}', 'PENDING')"
)


@pytest.fixture(name="database")
def database_(tmp_path: Path) -> Path:
    return tmp_path / "paper.db"


@pytest.fixture(name="url")
def url_(database: Path) -> str:
    return sqlite_url(database)


@pytest.fixture(name="entry", scope="module")
def entry_(tmp_path_factory: pytest.TempPathFactory) -> int:
    """Return the number of the candle that brings the first entry where no command is given."""
    course = free_course(sqlite_url(tmp_path_factory.mktemp("free") / "paper.db"))
    return next(number for number, is_open in enumerate(course) if is_open)


def test_a_close_that_plain_sql_inserted_is_executed_at_the_last_bid_or_ask(
    database: Path, url: str, entry: int
) -> None:
    with commanded(url) as desk:
        desk.trade(entry)
        with desk.store.reading() as reader:
            (position,) = reader.positions()
        last = desk.done[-1].candle
        plain_sql(database, SEED_ROW.format(type="CLOSE_PAIR", payload=f'{{"pair": "{PAIR}"}}'))
        desk.obey()
        status, result = desk.result(1)
        assert status == "SUCCEEDED"
        with desk.store.reading() as reader:
            assert reader.positions() == []
            (trade,) = reader.trades(1)
            (day,) = reader.daily_stats(1)
            event = reader.account_events(1)[0]
        assert trade.closing is not None
        assert EXIT_NAMES[trade.closing.exit_reason] == "operator_close"
        assert trade.closing.exit_price == (last.bid_close if position.entry.side == BUY else last.ask_close)
        assert (day.trades, day.realised_pnl) == (1, trade.closing.pnl)
        assert event.balance == 10_000 * QUANTA_PER_UNIT + trade.closing.pnl
        assert result["closed"][0]["pair"] == PAIR
        assert int(result["pnl"].replace(".", "")) == trade.closing.pnl
        desk.trade(200)
        require_sound(desk.store)


def test_a_live_run_closes_at_the_current_quote_and_replays_it(url: str, entry: int) -> None:
    with commanded(url, mode=RunMode.LIVE) as desk:
        desk.trade(entry)
        with desk.store.reading() as reader:
            (position,) = reader.positions()
        moment = position.mark_time + 7
        desk.clock.now = moment + 1
        desk.board.put([Quote(PAIR, moment, 5, position.mark_price - 31, position.mark_price - 19)])
        status, result = desk.ordered("CLOSE_PAIR", pair=PAIR)
        assert status == "SUCCEEDED"
        with desk.store.reading() as reader:
            (trade,) = reader.trades(1)
        assert trade.closing is not None
        assert trade.closing.exit_price == position.mark_price - (31 if position.entry.side == BUY else 19)
        assert trade.closing.exit_time == moment
        assert result["closed"][0]["exit_time"] == format_time(moment)
        desk.trade(100)
        require_sound(desk.store)


def test_a_quote_that_has_grown_old_is_no_price_to_close_at(url: str, entry: int) -> None:
    with commanded(url, mode=RunMode.LIVE) as desk:
        desk.trade(entry)
        with desk.store.reading() as reader:
            (position,) = reader.positions()
        moment = position.mark_time + 7
        desk.board.put([Quote(PAIR, moment, 5, position.mark_price - 31, position.mark_price - 19)])
        desk.clock.now += 3_600
        desk.ordered("CLOSE_ALL")
        with desk.store.reading() as reader:
            (trade,) = reader.trades(1)
        assert trade.closing is not None
        assert (trade.closing.exit_price, trade.closing.exit_time) == (position.mark_price, position.mark_time)
        require_sound(desk.store)


def test_closing_all_closes_every_pair_and_nothing_else_happens_when_all_is_flat(tmp_path: Path, url: str) -> None:
    environ = {"SCALP_BOT_RISK__STOP_ATR": "9"}
    course = free_course(sqlite_url(tmp_path / "free.db"), *PAIRS, environ=environ)
    with commanded(url, *PAIRS, environ=environ) as desk:
        desk.trade(next(number for number, is_open in enumerate(course) if len(is_open) == 2))
        status, result = desk.ordered("CLOSE_ALL")
        assert (status, len(result["closed"])) == ("SUCCEEDED", 2)
        assert desk.open_pairs() == []
        assert desk.ordered("CLOSE_ALL")[0] == "SKIPPED"
        status, result = desk.ordered("CLOSE_PAIR", pair=PAIR)
        assert (status, result["reason"]) == ("SKIPPED", "nothing_open")
        desk.trade(200)
        require_sound(desk.store)


def test_a_pause_stops_the_very_next_entry(url: str, entry: int) -> None:
    with commanded(url) as desk:
        desk.trade(entry - 1)
        assert desk.ordered("PAUSE_PAIR", pair=PAIR) == (
            "SUCCEEDED",
            {"changed": True, "holds": [{"kind": "pause", "scope": PAIR, "actor": "ann", "since": format_time(NOON)}]},
        )
        desk.trade(1)
        assert desk.open_pairs() == []
        with desk.store.reading() as reader:
            assert reader.gate_snapshots(1)[0].reason == HOLD
        require_sound(desk.store)


def test_a_pause_keeps_no_exit_back(tmp_path: Path, entry: int) -> None:
    exits = []
    for pause in (False, True):
        with commanded(sqlite_url(tmp_path / f"{pause}.db")) as desk:
            desk.trade(entry)
            if pause:
                assert desk.ordered("PAUSE_ALL")[0] == "SUCCEEDED"
            desk.trade(100)
            with desk.store.reading() as reader:
                exits.append(reader.trades(100)[-1].closing)
            if pause:
                desk.trade(400)
                with desk.store.reading() as reader:
                    assert len(reader.trades(10)) == 1
            require_sound(desk.store)
    assert exits[0] == exits[1] is not None


def test_a_pause_survives_restarts_and_ends_with_its_resume(url: str) -> None:
    with commanded(url) as desk:
        assert desk.ordered("PAUSE_ALL")[1]["changed"]
    with commanded(url) as desk:
        desk.trade(700)
        with desk.store.reading() as reader:
            assert reader.trades(1) == []
            assert {row.reason for row in reader.gate_snapshots(1_000)} == {HOLD}
        assert desk.ordered("PAUSE_ALL")[1]["changed"] is False
        assert desk.ordered("RESUME_PAIR", pair=PAIR)[1]["changed"] is False
        assert desk.ordered("RESUME_ALL")[1] == {"changed": True, "holds": []}
    with commanded(url) as desk:
        desk.trade_until(lambda: desk.trades() > 0)
        require_sound(desk.store)


def test_a_pause_of_one_pair_leaves_the_others_alone(url: str) -> None:
    with commanded(url, "GBP_USD", PAIR) as desk:
        desk.ordered("PAUSE_PAIR", pair=PAIR)
        desk.trade_until(lambda: desk.trades() > 0)
        with desk.store.reading() as reader:
            assert {row.opening.entry.pair for row in reader.trades(10)} == {"GBP_USD"}
            assert {row.reason for row in reader.gate_snapshots(10_000, PAIR)} == {HOLD}
        require_sound(desk.store)


def test_the_kill_switch_closes_everything_and_holds_until_it_is_switched_off(url: str, entry: int) -> None:
    with commanded(url) as desk:
        desk.trade(entry)
        status, result = desk.ordered("KILL_SWITCH_ON")
        assert (status, result["changed"], len(result["closed"])) == ("SUCCEEDED", True, 1)
        with desk.store.reading() as reader:
            closing = reader.trades(1)[0].closing
        assert closing is not None
        assert EXIT_NAMES[closing.exit_reason] == "kill_switch"
        desk.ordered("PAUSE_PAIR", pair=PAIR)
        assert [hold["kind"] for hold in desk.ordered("RESUME_ALL")[1]["holds"]] == ["kill_switch"]
    with commanded(url) as desk:
        desk.trade(500)
        with desk.store.reading() as reader:
            assert len(reader.trades(10)) == 1
        assert [hold["kind"] for hold in desk.ordered("KILL_SWITCH_OFF")[1]["holds"]] == []
        desk.trade_until(lambda: desk.trades() > 1)
        require_sound(desk.store)


def test_every_step_of_a_command_is_audited(url: str, entry: int) -> None:
    with commanded(url) as desk:
        desk.trade(entry)
        command_id = desk.send("KILL_SWITCH_ON")
        desk.obey()
        assert desk.actions(command_id) == [
            "command.sent",
            "command.claimed",
            "command.started",
            "hold.set",
            "trade.closed",
            "command.completed",
        ]


def test_the_same_key_is_one_command_and_another_body_is_refused(url: str) -> None:
    with commanded(url) as desk:
        first = desk.send("PAUSE_PAIR", key="k", pair="EUR_USD")
        assert desk.send("PAUSE_PAIR", key="k", pair="EUR_USD") == first
        with pytest.raises(InputError, match=r"the idempotency key 'k' belongs to command 1, a PAUSE_PAIR"):
            desk.send("PAUSE_PAIR", key="k", pair="USD_JPY")
        desk.obey()
        assert desk.send("PAUSE_PAIR", key="k", pair="EUR_USD") == first
        desk.obey()
        assert desk.actions(first).count("command.completed") == 1
        assert desk.actions(first).count("command.sent") == 1


def test_a_command_that_nobody_took_in_time_is_skipped(url: str) -> None:
    with commanded(url) as desk:
        late, in_time = (desk.send("PAUSE_ALL", expires=NOON + seconds) for seconds in (10, 20))
        desk.clock.now = NOON + 20
        desk.obey()
        expired = {"reason": "expired", "expired": format_time(NOON + 10), "age_seconds": 20}
        assert desk.result(late) == ("SKIPPED", expired)
        assert desk.result(in_time)[0] == "SUCCEEDED"


def test_what_was_asked_for_long_ago_is_done_only_where_it_keeps_from_trading_or_was_saved(
    database: Path, url: str
) -> None:
    """Sent without an expiry, through the program or by plain SQL."""
    with commanded(url) as desk:
        kinds = ("RESUME_ALL", "CLOSE_ALL", "KILL_SWITCH_OFF", "PAUSE_ALL", "KILL_SWITCH_ON", "RELOAD_PARAMS")
        numbers = [desk.send(kind) for kind in kinds]
        rows = ", ".join(f"('{format_time(NOON)}', 'ann', '{kind}', '{{}}', 'PENDING')" for kind in kinds)
        plain_sql(database, f"INSERT INTO commands (created_ts_utc, actor, type, payload_json, status) VALUES {rows}")
        numbers += range(numbers[-1] + 1, numbers[-1] + 1 + len(kinds))
        desk.clock.now = NOON + 901
        desk.obey()
        found = [desk.result(number) for number in numbers]
        assert [status for status, _ in found] == 2 * [*3 * ["SKIPPED"], *3 * ["SUCCEEDED"]]
        assert found[6][1] == {"reason": "expired", "expired": format_time(NOON + 900), "age_seconds": 901}
        require_sound(desk.store)


@pytest.mark.parametrize(
    ("type_name", "payload", "why"),
    [
        ("CLOSE_PAIR", "{", "the payload is not JSON"),
        ("CLOSE_PAIR", "[]", "the payload is not a JSON object"),
        ("CLOSE_PAIR", "{}", "CLOSE_PAIR needs a pair in the payload"),
        ("CLOSE_PAIR", '{"pair": "EURUSD"}', "not a pair"),
        ("CLOSE_PAIR", '{"pair": 7}', "the payload's pair is 7"),
        ("CLOSE_ALL", '{"pair": "EUR_USD"}', "CLOSE_ALL applies to all pairs"),
        ("PAUSE_ALL", '{"mode": "BOTH"}', "the payload's mode is"),
        ("PAUSE_ALL", '{"until": "noon"}', "unknown field 'until' in the payload"),
        ("OPEN_PAIR", '{"pair": "EUR_USD"}', "unknown command 'OPEN_PAIR'"),
        ("CLOSE_PAIR", "[" * 9_000, "the payload is not JSON"),
    ],
)
def test_a_row_that_makes_no_sense_fails_with_the_reason(
    database: Path, url: str, type_name: str, payload: str, why: str
) -> None:
    with commanded(url) as desk:
        plain_sql(database, SEED_ROW.format(type=type_name, payload=payload))
        desk.obey()
        status, result = desk.result(1)
        assert (status, result["reason"]) == ("FAILED", "invalid")
        assert why in result["detail"]
        assert desk.actions(1) == ["command.claimed", "command.completed"]


def test_rows_with_odd_values_stop_nobody(database: Path, url: str) -> None:
    with commanded(url) as desk:
        columns = "created_ts_utc, actor, type, payload_json, status, expires_ts_utc"
        plain_sql(
            database,
            f"INSERT INTO commands ({columns}) VALUES "
            "('yesterday', CAST(x'ff00' AS TEXT), 'PAUSE_ALL', CAST(x'7b7d' AS TEXT), 'PENDING', NULL), "
            "(7, '', 'PAUSE_ALL', '{}', 'PENDING', 'soon'), "
            "('', 'ann', 'RESUME_ALL', '{}', 'PENDING', '2099-01-01T00:00:00+02:00')",
        )
        desk.obey()
        assert [desk.result(number)[0] for number in (1, 2, 3)] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
        assert "expires_ts_utc 'soon' is not a time" in desk.result(2)[1]["detail"]
        require_sound(desk.store)


@pytest.mark.parametrize(
    ("environ", "reason"),
    [({}, "live_trading_disabled"), ({"LIVE_TRADING_ENABLED": "true"}, "live_account_not_connected")],
)
def test_a_close_at_the_broker_is_skipped_and_closes_nothing(
    url: str, entry: int, environ: dict[str, str], reason: str
) -> None:
    with commanded(url, environ=environ) as desk:
        desk.trade(entry)
        for type_name, chosen in (("CLOSE_PAIR", PAIR), ("CLOSE_ALL", None)):
            status, result = desk.ordered(type_name, mode="LIVE", pair=chosen)
            assert (status, result["reason"]) == ("SKIPPED", reason)
        assert desk.open_pairs() == [PAIR]


def test_a_halt_is_not_lifted_by_commands_or_restarts(url: str) -> None:
    environ = {"SCALP_BOT_GATES__DAILY_LOSS_PERCENT": "0.3"}
    with commanded(url, environ=environ) as desk:
        desk.trade_until(lambda: halted(desk))
        desk.ordered("RESUME_ALL")
        desk.ordered("KILL_SWITCH_OFF")
    with commanded(url, environ=environ) as desk:
        assert halted(desk)
        desk.trade(1)
        assert desk.open_pairs() == []
        require_sound(desk.store)


def halted(desk: Commanded) -> bool:
    with desk.store.reading() as reader:
        days = reader.daily_stats(1)
    return bool(days) and days[0].halted


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE holds SET ended_seq = NULL, ended_ts_utc = NULL, ended_by = NULL",
        "DELETE FROM holds",
        "DELETE FROM applied_quotes WHERE purpose = 'operator_close'",
        "UPDATE applied_quotes SET bid = '99.000', ask = '99.010' WHERE purpose = 'operator_close'",
        "UPDATE applied_quotes SET command_id = 77 WHERE purpose = 'operator_close'",
    ],
)
def test_parity_finds_holds_and_closes_that_were_tampered_with(
    database: Path, url: str, entry: int, statement: str
) -> None:
    with commanded(url) as desk:
        desk.trade(entry)
        desk.ordered("CLOSE_ALL")
        desk.ordered("PAUSE_ALL")
        desk.trade(50)
        desk.ordered("RESUME_ALL")
        desk.trade(50)
        require_sound(desk.store)
        plain_sql(database, statement)
        with pytest.raises(AssertionError):
            require_sound(desk.store)
