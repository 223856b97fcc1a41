"""Commands that close at OANDA: only with the flag, exactly once whatever is lost or dies, and told in full."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from services.executor.commands.broker_closes import CloseOrder
from services.executor.commands.opened import opened_closes
from services.platform.live import run_paper_live
from services.platform.sole_trader import Trader
from services.platform.trading import Audience, Run
from shared.contracts.errors import LeaseLostError
from shared.settings.settings import load_settings
from shared.store.engine import sqlite_url
from shared.store.port import Transaction
from shared.store.sql_store import open_store
from tests.fixtures.closing import (
    LOST,
    PATIENCE_SECONDS,
    DiedError,
    DyingConnection,
    Executor,
    KilledError,
    an_executor,
    carried_out,
    closed_units,
    connection_to,
    dying_at,
    ended,
    fills_of,
    ordered,
)
from tests.fixtures.commanded import PAIR, Commanded, commanded, free_course, require_sound
from tests.fixtures.live_run import KeptLog, live_process, live_settings
from tests.fixtures.paper import NOON, sample_series
from tests.simulators.oanda import OandaSimulator, ResponseFault, VirtualClock

EUR, GBP = "EUR_USD", "GBP_USD"
MONDAY = 1_709_546_400  # 2024-03-04T10:00:00Z
SERIES = sample_series(EUR, GBP, candles=1_000)
BEGUN = ["command.sent", "command.claimed", "command.started", "broker.close_begun"]
# Every step of a close, and the commits around it: those of the claim, then those of the end.
PLACES: Final = (
    "command_claimed",
    "command_done",
    "before_commit",
    "after_commit",
    "broker_close_due",
    "broker_close_remembered",
    "broker_close_answered",
    "broker_close_told",
    "before_commit:2",
    "after_commit:2",
)


@pytest.fixture(name="simulator")
def simulator_() -> Iterator[OandaSimulator]:
    with OandaSimulator(SERIES, VirtualClock(MONDAY)) as simulator:
        simulator.faults.late_landing_seconds = 2.0
        yield simulator


@pytest.fixture(name="entry", scope="module")
def entry_(tmp_path_factory: pytest.TempPathFactory) -> int:
    course = free_course(sqlite_url(tmp_path_factory.mktemp("free") / "paper.db"))
    return next(number for number, is_open in enumerate(course) if is_open)


@pytest.fixture(name="url", scope="module")
def url_(tmp_path_factory: pytest.TempPathFactory) -> str:
    return sqlite_url(tmp_path_factory.mktemp("shared") / "paper.db")


@pytest.fixture(name="desk", scope="module")
def desk_(url: str) -> Iterator[Commanded]:
    """Return a platform without a position, whose commands somebody else carries out; no close at OANDA changes it."""
    with commanded(url) as desk:
        yield desk


def test_without_the_flag_nothing_is_asked_of_the_account(desk: Commanded, simulator: OandaSimulator) -> None:
    simulator.open_position(EUR, 1_000)
    sent = [desk.send("CLOSE_ALL", mode="LIVE"), desk.send("CLOSE_PAIR", pair=EUR, mode="LIVE")]
    killed = desk.send("KILL_SWITCH_ON", mode="LIVE")
    with connection_to(simulator) as connection:
        Executor(desk.store, connection, enabled=False).look()
    for command_id in sent:
        status, result = desk.result(command_id)
        assert (status, result["reason"]) == ("SKIPPED", "live_trading_disabled")
    assert desk.result(killed)[1]["live"] == "live_trading_disabled"
    assert simulator.requests == []
    assert simulator.open_units(EUR) == 1_000


def test_a_pair_is_closed_with_the_fills_that_oanda_tells_of(desk: Commanded, simulator: OandaSimulator) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.open_position(GBP, -700)
    command_id = carried_out(desk, simulator, "CLOSE_PAIR", EUR)
    status, result = desk.result(command_id)
    assert status == "SUCCEEDED"
    told = simulator.transactions[-1]
    assert told["type"] == "ORDER_FILL"
    (closed,) = result["live"]["closed"]
    assert closed["pair"] == EUR
    assert closed["fills"] == [
        {"units": "-1000", "price": told["price"], "pl": told["pl"], "transaction_id": told["id"]}
    ]
    assert Decimal(result["live"]["pl"]) == Decimal(closed["pl"]) == Decimal(told["pl"])
    assert closed_units(simulator) == {EUR: [-1_000]}
    assert desk.actions(command_id) == [*BEGUN, "broker.position_closed", "command.completed"]
    require_sound(desk.store)


def test_all_pairs_that_are_open_are_closed(desk: Commanded, simulator: OandaSimulator) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.open_position(GBP, -700)
    command_id = carried_out(desk, simulator, "CLOSE_ALL")
    status, result = desk.result(command_id)
    assert (status, [each["pair"] for each in result["live"]["closed"]]) == ("SUCCEEDED", [EUR, GBP])
    assert closed_units(simulator) == {EUR: [-1_000], GBP: [700]}
    assert desk.actions(command_id).count("broker.position_closed") == 2
    status, result = ordered(desk, simulator, "CLOSE_ALL")
    assert (status, result["reason"]) == ("SKIPPED", "nothing_open")
    status, result = ordered(desk, simulator, "CLOSE_PAIR", EUR)
    assert (status, result["reason"]) == ("SKIPPED", "nothing_open")
    assert len(simulator.changing_requests) == 2


@pytest.fixture(name="own")
def own_(tmp_path: Path) -> Iterator[Commanded]:
    with commanded(sqlite_url(tmp_path / "own.db")) as desk:
        yield desk


def test_the_kill_switch_holds_and_closes_on_paper_at_once_and_at_oanda_after(
    own: Commanded, simulator: OandaSimulator, entry: int
) -> None:
    desk = own
    desk.trade(entry)
    simulator.open_position(EUR, 1_000)
    simulator.faults.schedule(ResponseFault.UNAVAILABLE, times=10)
    command_id = desk.send("KILL_SWITCH_ON", mode="LIVE")
    with an_executor(desk, simulator) as executor:
        executor.look()
        assert desk.command(command_id).status == "RUNNING"
        assert desk.open_pairs() == []
        # Others are not kept waiting by it.
        pause = desk.send("PAUSE_PAIR", pair=PAIR)
        executor.look()
        assert desk.result(pause)[0] == "SUCCEEDED"
        executor.look_until(lambda: ended(desk, command_id))
    status, result = desk.result(command_id)
    assert (status, result["changed"], len(result["closed"])) == ("SUCCEEDED", True, 1)
    assert [each["pair"] for each in result["live"]["closed"]] == [EUR]
    assert [hold["kind"] for hold in result["holds"]] == ["kill_switch"]
    steps = [*BEGUN[:3], "hold.set", "trade.closed", BEGUN[3], "broker.position_closed", "command.completed"]
    assert desk.actions(command_id) == steps
    assert ordered(desk, simulator, "KILL_SWITCH_ON")[0] == "SUCCEEDED"
    desk.trade(50)
    require_sound(desk.store)


def test_what_oanda_refuses_fails_and_tells_what_was_closed_all_the_same(
    desk: Commanded, simulator: OandaSimulator
) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.faults.market_halted = True
    status, result = ordered(desk, simulator, "CLOSE_ALL")
    assert (status, result["reason"]) == ("FAILED", "broker_refused")
    assert result["live"] == {"closed": [], "pl": "0", "refused": [{"pair": EUR, "reason": "MARKET_HALTED"}]}
    assert "EUR_USD: MARKET_HALTED" in result["detail"]
    simulator.faults.market_halted = False
    assert ordered(desk, simulator, "CLOSE_ALL")[0] == "SUCCEEDED"
    assert closed_units(simulator) == {EUR: [-1_000]}


def test_a_token_that_is_refused_for_good_fails_with_a_sentence(desk: Commanded, simulator: OandaSimulator) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.faults.schedule(ResponseFault.UNAUTHORIZED, times=1_000)
    for type_name, pair in (("CLOSE_ALL", None), ("CLOSE_PAIR", EUR)):
        status, result = ordered(desk, simulator, type_name, pair)
        assert (status, result["reason"]) == ("FAILED", "broker_refused")
        assert "refused the token" in result["detail"]
        assert simulator.token not in json.dumps(result)
    assert simulator.changing_requests == []


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_closes_once(desk: Commanded, simulator: OandaSimulator, fault: ResponseFault) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.faults.schedule(fault, path="close")
    status, _ = ordered(desk, simulator, "CLOSE_PAIR", EUR)
    simulator.clock.advance(60)
    assert status in ("SUCCEEDED", "SKIPPED")
    assert fills_of(simulator) == ["-1000"]
    assert simulator.open_units(EUR) == 0


def test_it_stays_running_while_oanda_is_away_even_past_its_expiry(desk: Commanded, simulator: OandaSimulator) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.faults.schedule(ResponseFault.UNAVAILABLE, times=20)
    command_id = desk.send("CLOSE_ALL", mode="LIVE", expires=NOON)
    with an_executor(desk, simulator) as executor:
        executor.look_until(lambda: executor.log.told("close at the broker not settled") > 0)
        assert desk.command(command_id).status == "RUNNING"
        assert simulator.changing_requests == []
        executor.look_until(lambda: ended(desk, command_id))
    assert desk.result(command_id)[0] == "SUCCEEDED"
    assert closed_units(simulator) == {EUR: [-1_000]}


@pytest.mark.parametrize("place", PLACES)
def test_a_close_is_done_once_wherever_its_executor_dies(
    desk: Commanded, simulator: OandaSimulator, place: str
) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.open_position(GBP, -700)
    command_id = desk.send("CLOSE_ALL", mode="LIVE")
    with an_executor(desk, simulator, dying_at(place)) as executor, pytest.raises(DiedError):
        executor.look_until(lambda: False)
    with an_executor(desk, simulator) as executor:
        executor.look_until(lambda: ended(desk, command_id))
        executor.look()
    status, result = desk.result(command_id)
    assert (status, [each["pair"] for each in result["live"]["closed"]]) == ("SUCCEEDED", [EUR, GBP])
    assert closed_units(simulator) == {EUR: [-1_000], GBP: [700]}
    assert desk.actions(command_id) == [*BEGUN, *["broker.position_closed"] * 2, "command.completed"]
    require_sound(desk.store)


@pytest.mark.parametrize("fault", [ResponseFault.DROPPED, ResponseFault.RESET_BEFORE, ResponseFault.LATE_LANDING])
def test_a_close_whose_executor_dies_before_the_answer_is_resumed_by_its_tag(
    desk: Commanded, simulator: OandaSimulator, fault: ResponseFault
) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.faults.schedule(fault, path="close")
    command_id = desk.send("CLOSE_PAIR", pair=EUR, mode="LIVE")
    with an_executor(desk, simulator, kind=DyingConnection) as executor, pytest.raises(KilledError):
        executor.look_until(lambda: False)
    if fault is not ResponseFault.RESET_BEFORE:
        simulator.clock.advance(10)
        # What is opened after the close was carried out is not to be closed by it.
        simulator.open_position(EUR, 300)
    with an_executor(desk, simulator) as executor:
        executor.look_until(lambda: ended(desk, command_id))
    assert desk.result(command_id)[0] == "SUCCEEDED"
    assert fills_of(simulator) == ["-1000"]


def test_executors_without_a_lease_that_race_close_once_and_tell_it_once(
    url: str, desk: Commanded, simulator: OandaSimulator
) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.open_position(GBP, -700)
    sent = [desk.send(type_name, mode="LIVE") for type_name in ("CLOSE_ALL", "KILL_SWITCH_ON", "CLOSE_ALL")]
    other_store = open_store(url)
    with connection_to(simulator) as one, connection_to(simulator) as another:
        first, second = Executor(desk.store, one), Executor(other_store, another)
        first.look()

        def all_ended() -> bool:
            second.look()
            return all(ended(desk, command_id) for command_id in sent)

        first.look_until(all_ended)
        first.look_until(lambda: not any(map(first.closes.holds, sent)))
        second.look_until(lambda: not any(map(second.closes.holds, sent)))
    other_store.close()
    assert closed_units(simulator) == {EUR: [-1_000], GBP: [700]}
    for command_id in sent:
        for step in ("command.claimed", "broker.close_begun", "command.completed"):
            assert desk.actions(command_id).count(step) == 1
    require_sound(desk.store)


def test_a_command_that_another_executor_has_ended_is_not_carried_out_again(
    url: str, desk: Commanded, simulator: OandaSimulator
) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.faults.schedule(ResponseFault.UNAVAILABLE, times=20)
    command_id = desk.send("CLOSE_PAIR", pair=EUR, mode="LIVE")
    with an_executor(desk, simulator) as paused:
        paused.look_until(lambda: paused.log.told("not settled") > 0)
        with an_executor(desk, simulator) as other:
            other.look_until(lambda: ended(desk, command_id))
        simulator.open_position(EUR, 300)
        paused.look_until(lambda: not paused.closes.holds(command_id))
    assert simulator.open_units(EUR) == 300
    assert desk.actions(command_id).count("command.completed") == 1


def test_a_run_without_an_account_ends_what_it_cannot_resume_and_says_so(
    desk: Commanded, simulator: OandaSimulator
) -> None:
    simulator.open_position(EUR, 1_000)
    command_id = desk.send("CLOSE_ALL", mode="LIVE")
    with an_executor(desk, simulator, dying_at("broker_close_due")) as executor, pytest.raises(DiedError):
        executor.look_until(lambda: False)
    desk.obey()
    status, result = desk.result(command_id)
    assert (status, result["reason"]) == ("FAILED", "interrupted")
    assert result["done"] == ["broker.close_begun"]
    assert "look there" in result["detail"]


def test_tags_of_two_databases_differ_though_their_commands_are_numbered_alike(
    tmp_path: Path, simulator: OandaSimulator
) -> None:
    for name in ("first", "second"):
        simulator.open_position(EUR, 1_000)
        with commanded(sqlite_url(tmp_path / f"{name}.db")) as desk:
            assert ordered(desk, simulator, "CLOSE_PAIR", EUR)[0] == "SUCCEEDED"
    tags = {json.loads(request.body)["longClientExtensions"]["id"] for request in simulator.changing_requests}
    assert len(tags) == 2
    assert closed_units(simulator) == {EUR: [-1_000, -1_000]}


def test_a_run_says_whether_it_closes_at_oanda_and_never_the_token(own: Commanded, simulator: OandaSimulator) -> None:
    enabled = {"LIVE_TRADING_ENABLED": "true"}
    told = []
    for settings in (
        live_settings(simulator, SERIES),
        load_settings(None, enabled),
        live_settings(simulator, SERIES, **enabled),
    ):
        log = KeptLog()
        with opened_closes(live_process(simulator, MONDAY + 60, log), settings, own.store) as closes:
            told.append((closes is not None, log.lines))
    assert told[0] == (False, [])
    assert told[1][0] is False
    assert "enabled without an account" in told[1][1][0]
    assert told[2] == (True, [told[2][1][0]])
    assert "'environment': 'practice'" in told[2][1][0]
    assert simulator.token not in told[2][1][0]
    assert simulator.account_id not in told[2][1][0]


def test_a_process_that_stops_does_not_wait_for_oanda(own: Commanded, simulator: OandaSimulator) -> None:
    simulator.open_position(EUR, 1_000)
    simulator.faults.schedule(ResponseFault.DROPPED, path="close")
    command_id = own.send("CLOSE_PAIR", pair=EUR, mode="LIVE")
    with own.store.transaction() as transaction:
        transaction.claim_command("this", NOON)
    stopping, log = threading.Event(), KeptLog()
    process = replace(
        live_process(simulator, MONDAY, log), monotonic=time.monotonic, sleep=time.sleep, stopped=stopping.is_set
    )
    settings = live_settings(simulator, SERIES, LIVE_TRADING_ENABLED="true")
    with opened_closes(process, settings, own.store) as closes:
        assert closes is not None
        closes.take(CloseOrder(command_id, closes.new_tag(command_id), EUR, {}))
        closes.attend()
        ends = time.monotonic() + PATIENCE_SECONDS
        while not simulator.changing_requests and time.monotonic() < ends:
            time.sleep(0.01)
        stopping.set()
    assert log.told("left under way") == 0
    assert fills_of(simulator) == ["-1000"]


def test_a_run_that_may_not_write_any_more_closes_nothing_at_oanda(own: Commanded, simulator: OandaSimulator) -> None:
    simulator.open_position(EUR, 1_000)
    own.clock.now = MONDAY
    own.send("CLOSE_PAIR", pair=EUR, mode="LIVE")
    refused = threading.Event()
    ends = time.monotonic() + PATIENCE_SECONDS

    def fence(_transaction: Transaction) -> None:
        if threading.current_thread() is not threading.main_thread():
            refused.set()
            raise LeaseLostError("another process trades")

    process = replace(
        live_process(simulator, MONDAY, KeptLog()),
        monotonic=time.monotonic,
        sleep=time.sleep,
        stopped=lambda: refused.is_set() or bool(simulator.changing_requests) or time.monotonic() > ends,
    )
    environ = {"LIVE_TRADING_ENABLED": "true", "SCALP_BOT_LIVE__CALENDAR_URL": "http://127.0.0.1:1/none"}
    run = Run(process, Trader(own.store, fence), live_settings(simulator, SERIES, **environ))
    run_paper_live(run, [EUR], None, Audience(lambda _text: None, lambda _messages: None, lambda _board: None))
    assert refused.is_set()
    assert simulator.changing_requests == []
