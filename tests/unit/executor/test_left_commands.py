"""Commands that close at the broker, and those that an executor left running: each ends once, by what was done."""

from pathlib import Path
from typing import Any, cast

import pytest

from services.executor.commands.broker_closes import BrokerCloses
from shared.runtime.commands import CLAIMED
from shared.settings.settings import load_settings
from shared.store.port import Store
from shared.store.rows.audit import AuditEntry
from tests.fixtures.commanded import plain_sql
from tests.fixtures.live_run import KeptLog
from tests.unit.executor.broker import Broker, wait_for_broker
from tests.unit.executor.desk_on_store import NOW, Desk
from tests.unit.executor.judged import PAIR

BEGUN = "broker.close_begun"
ENABLED = load_settings(None, {"LIVE_TRADING_ENABLED": "true"})


class Live:
    """An executor that closes at a broker."""

    def __init__(self, store: Store) -> None:
        self.broker = Broker(store=store)
        self.closes = BrokerCloses(cast("Any", self.broker), cast("Any", KeptLog()), lambda: 1.0, lambda: "0")
        self.desk = Desk(store, ENABLED, self.closes)

    def look(self) -> bool:
        """Look in at commands once, and wait for what that sets going."""
        ended = self.desk.executor.obey()
        wait_for_broker()
        return ended


@pytest.fixture(name="live")
def live_(store: Store) -> Live:
    return Live(store)


def left(store: Store, command_id: int, *records: tuple[str, dict[str, Any]]) -> None:
    """Have another executor claim a command, do something that is audited, and die."""
    with store.transaction() as transaction:
        row = transaction.claim_command("another", NOW)
        assert row is not None
        assert row.id == command_id
        transaction.append_audit(
            [
                AuditEntry(time=NOW, actor="executor", action=action, command_id=command_id, detail=detail)
                for action, detail in ((CLAIMED, {}), *records)
            ]
        )


def test_closes_at_the_broker_go_on_beside_the_loop_and_end_when_they_are_answered(live: Live) -> None:
    sent = [live.desk.send("CLOSE_PAIR", pair, mode="LIVE") for pair in (PAIR, "GBP_USD")]
    assert [live.look(), live.look()] == [False, False]
    assert {live.desk.command(each).status for each in sent} == {"RUNNING"}
    assert [live.look(), live.look(), live.look()] == [True, True, False]
    assert [live.desk.result(each)[0] for each in sent] == ["SUCCEEDED", "SUCCEEDED"]
    assert [row.id for row in live.desk.told] == sent
    assert live.broker.asked == [(PAIR, f"scalpbot-1-0-{PAIR}"), ("GBP_USD", "scalpbot-2-0-GBP_USD")]
    assert not live.closes.holds(1)
    assert live.desk.actions(1)[-3:] == [BEGUN, "broker.position_closed", "command.completed"]


def test_command_that_another_executor_has_ended_is_neither_closed_nor_told_again(live: Live, store: Store) -> None:
    for before_the_close in (True, False):
        command_id = live.desk.send("CLOSE_PAIR", PAIR, mode="LIVE")
        assert not live.look()
        if not before_the_close:
            live.look()
        with store.transaction() as transaction:
            transaction.finish_command(command_id, "FAILED", "{}", NOW)
        assert [live.look(), live.look()] == [False, False]
        assert live.desk.command(command_id).status == "FAILED"
        assert not live.closes.holds(command_id)
        assert len(live.broker.asked) == (0 if before_the_close else 1)


def test_left_command_that_had_ended_is_settled_with_its_own_end(store: Store, tmp_path: Path) -> None:
    desk = Desk(store)
    status, result = desk.ordered("PAUSE_ALL")
    plain_sql(tmp_path / "executor.db", "UPDATE commands SET status = 'RUNNING', result_json = NULL")
    assert desk.executor.obey()
    assert desk.result(1) == (status, result)
    assert desk.actions(1)[-2:] == ["command.completed", "command.settled"]


def test_left_command_fails_and_tells_what_it_has_done(store: Store) -> None:
    desk = Desk(store)
    left(store, desk.send("PAUSE_ALL"), ("hold.set", {}))
    assert desk.executor.obey()
    assert desk.result(1) == ("FAILED", {"reason": "interrupted", "done": ["hold.set"]})


def test_left_close_is_resumed_by_its_tag_where_the_broker_can_be_asked(live: Live, store: Store) -> None:
    begun = {"tag": "before", "pair": PAIR, "done": {"changed": True}}
    left(store, live.desk.send("CLOSE_PAIR", PAIR, mode="LIVE"), (BEGUN, begun))
    assert [live.look(), live.look(), live.look()] == [False, False, True]
    assert live.broker.asked == [(PAIR, f"before-{PAIR}")]
    assert live.desk.result(1)[0] == "SUCCEEDED"
    assert live.desk.result(1)[1]["changed"]


def test_left_close_fails_and_says_where_to_look_without_a_broker(store: Store) -> None:
    desk = Desk(store)
    left(store, desk.send("CLOSE_PAIR", PAIR, mode="LIVE"), (BEGUN, {"tag": "before", "pair": PAIR, "done": {}}))
    assert desk.executor.obey()
    status, result = desk.result(1)
    assert (status, result["reason"], result["done"]) == ("FAILED", "interrupted", [BEGUN])
    assert result["detail"] == "this run has no account to ask what was closed at the broker: look there"


def test_paper_command_closes_on_paper_alone_and_the_kill_switch_at_the_broker_as_well(live: Live) -> None:
    assert live.desk.ordered("CLOSE_ALL")[1]["detail"] == "no position is open at all"
    assert "live" not in live.desk.ordered("KILL_SWITCH_ON")[1]
    live.broker.is_open = (PAIR,)
    command_id = live.desk.send("KILL_SWITCH_ON", mode="LIVE")
    assert [live.look(), live.look(), live.look()] == [False, False, True]
    status, result = live.desk.result(command_id)
    assert (status, result["changed"], result["live"]["pl"]) == ("SUCCEEDED", False, "-2.5")


def test_without_the_flag_nothing_is_asked_of_a_broker_that_is_there(store: Store) -> None:
    broker = Broker(PAIR, store=store)
    closes = BrokerCloses(cast("Any", broker), cast("Any", KeptLog()), lambda: 1.0, lambda: "0")
    desk = Desk(store, closes=closes)
    command_id = desk.send("CLOSE_ALL", mode="LIVE")
    assert desk.executor.obey()
    assert (desk.result(command_id)[1]["reason"], broker.asked) == ("live_trading_disabled", [])
