"""Closes at the broker beside the trading loop: one at a time, tried again later, in turn, and never waited for."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, cast

import pytest

from services.executor.commands.broker_answers import broker_answer
from services.executor.commands.broker_closes import BrokerCloses, CloseOrder, Ended
from services.executor.commands.oanda_broker import LIVE_TRADING_DISABLED, BrokerClose
from shared.contracts.commands import CommandStatus
from shared.contracts.errors import InfrastructureError, LeaseLostError
from shared.oanda.closing import Cancelled, NothingOpen, PositionClosed, Rejected
from tests.fixtures.live_run import KeptLog
from tests.unit.executor.broker import CLOSED, FILL, Broker, threads, wait_for_broker


class Closes:
    """Closes at a broker, by a clock that stands still until it is moved."""

    def __init__(self, broker: Broker) -> None:
        self.now = 100.0
        self.log = KeptLog()
        self.closes = BrokerCloses(cast("Any", broker), cast("Any", self.log), lambda: self.now, lambda: "0")

    def take(self, command_id: int, pair: str | None) -> None:
        self.closes.take(order(command_id, pair))

    def attend(self) -> list[Ended]:
        """Look in, wait for what that set going, and look in again; nothing else is set going meanwhile."""
        self.closes.attend()
        wait_for_broker()
        return self.closes.attend()


def order(command_id: int, pair: str | None, **done: Any) -> CloseOrder:
    return CloseOrder(command_id=command_id, tag=f"tag-{command_id}", pair=pair, done=done)


@contextmanager
def held(broker: Broker) -> Iterator[None]:
    """Let the broker answer at the end of the block only."""
    broker.free.clear()
    try:
        yield
    finally:
        broker.free.set()
        wait_for_broker()


def test_close_is_asked_for_once_and_ends_with_its_answer() -> None:
    broker = Broker()
    desk = Closes(broker)
    desk.take(1, "EUR_USD")
    desk.take(1, "EUR_USD")
    assert desk.closes.holds(1)
    (ended,) = desk.attend()
    assert (ended.outcomes, ended.refusal) == ({"EUR_USD": CLOSED}, None)
    assert desk.attend() == [ended]
    assert broker.asked == [("EUR_USD", "tag-1-EUR_USD")]
    desk.closes.release(1)
    assert (desk.closes.holds(1), desk.attend()) == (False, [])


def test_loop_is_not_kept_waiting_and_a_process_may_end_meanwhile() -> None:
    broker = Broker()
    desk = Closes(broker)
    desk.take(1, "EUR_USD")
    desk.take(2, "GBP_USD")
    with held(broker):
        assert desk.closes.attend() == desk.closes.attend() == []
        assert [thread.daemon for thread in threads()] == [True]
    assert [each.order.command_id for each in desk.attend()] == [1, 2]
    assert [pair for pair, _ in broker.asked] == ["EUR_USD", "GBP_USD"]


def test_try_that_failed_comes_again_after_five_seconds_and_behind_the_others() -> None:
    broker = Broker()
    broker.answers["EUR_USD"] = InfrastructureError("OANDA is away")
    desk = Closes(broker)
    desk.take(1, "EUR_USD")
    assert desk.attend() == []
    desk.now += 4.5
    desk.take(2, "GBP_USD")
    desk.now += 0.5
    broker.answers.clear()
    broker.answers["GBP_USD"] = InfrastructureError("OANDA is away")
    assert desk.attend() == []
    wait_for_broker()
    (ended,) = desk.closes.attend()
    assert ended.order.command_id == 1
    assert [pair for pair, _ in broker.asked] == ["EUR_USD", "GBP_USD", "EUR_USD"]
    assert desk.log.told("'reason': 'OANDA is away', 'next_try_seconds': 5.0") == 2


def test_pairs_that_an_earlier_try_has_closed_are_not_asked_for_again() -> None:
    broker = Broker("GBP_USD", "EUR_USD")
    broker.answers["GBP_USD"] = InfrastructureError("OANDA is away")
    desk = Closes(broker)
    desk.take(1, None)
    assert desk.attend() == []
    broker.answers.clear()
    desk.now += 5
    (ended,) = desk.attend()
    assert list(ended.outcomes) == ["EUR_USD", "GBP_USD"]
    assert [pair for pair, _ in broker.asked] == ["EUR_USD", "GBP_USD", "GBP_USD"]


def test_pairs_whose_close_was_begun_are_asked_for_though_they_are_open_no_more() -> None:
    broker = Broker("GBP_USD")
    broker.has_begun = ["EUR_USD"]
    broker.answers["EUR_USD"] = NothingOpen()
    desk = Closes(broker)
    desk.take(1, None)
    assert [list(each.outcomes) for each in desk.attend()] == [["EUR_USD", "GBP_USD"]]


def test_refused_list_ends_a_command_unless_a_close_of_it_is_still_unknown() -> None:
    broker = Broker("EUR_USD")
    broker.lists = False
    desk = Closes(broker)
    desk.take(1, None)
    (ended,) = desk.attend()
    assert (ended.outcomes, ended.refusal) == ({}, "the token is refused")
    desk.closes.release(1)
    broker.has_begun = ["EUR_USD"]
    desk.take(2, None)
    assert desk.attend() == []
    assert desk.log.told("'reason': 'the token is refused'") == 1


def test_who_may_not_write_any_more_leaves_the_command_to_who_may() -> None:
    broker = Broker()
    broker.answers["EUR_USD"] = LeaseLostError("another process leads")
    desk = Closes(broker)
    desk.take(1, "EUR_USD")
    assert (desk.attend(), desk.closes.holds(1)) == ([], False)


def test_fault_of_the_program_is_raised_where_the_loop_looks_in() -> None:
    broker = Broker()
    broker.answers["EUR_USD"] = ZeroDivisionError("oh")
    desk = Closes(broker)
    desk.take(1, "EUR_USD")
    with pytest.raises(ZeroDivisionError):
        desk.attend()


def test_stop_tells_only_of_a_close_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.executor.commands.broker_closes._LONGEST_STOP_SECONDS", 0.01)
    broker = Broker()
    desk = Closes(broker)
    desk.closes.stop()
    desk.take(1, "EUR_USD")
    with held(broker):
        desk.closes.attend()
        desk.closes.stop()
        assert desk.log.told("left under way") == 1
    desk.closes.stop()
    assert desk.log.told("left under way") == 1


@pytest.mark.parametrize(
    ("ended", "status", "told"),
    [
        (
            Ended(order(1, "EUR_USD"), {"EUR_USD": NothingOpen()}, None),
            CommandStatus.SKIPPED,
            {"reason": "nothing_open", "detail": "no position is open in EUR_USD at OANDA"},
        ),
        (
            Ended(order(1, None), {}, None),
            CommandStatus.SKIPPED,
            {"reason": "nothing_open", "detail": "no position is open at all at OANDA"},
        ),
        (
            Ended(order(1, None, changed=True), {}, None),
            CommandStatus.SUCCEEDED,
            {"changed": True, "live": {"closed": [], "pl": "0"}},
        ),
        (
            Ended(order(1, None), {}, "the token is refused"),
            CommandStatus.FAILED,
            {
                "reason": "broker_refused",
                "detail": "OANDA did not close everything: the token is refused",
                "live": {"closed": [], "pl": "0", "refused": []},
            },
        ),
    ],
)
def test_answer_without_a_fill_says_why_there_is_none(
    ended: Ended, status: CommandStatus, told: dict[str, Any]
) -> None:
    answer = broker_answer(ended)
    assert (answer.status, answer.result, list(answer.closed)) == (status, told, [])


def test_answer_sums_the_profits_of_all_fills_and_names_each_refusal() -> None:
    outcomes: dict[str, BrokerClose] = {
        "EUR_USD": PositionClosed((FILL, FILL._replace(pl=Decimal("1.25"), transaction_id=8))),
        "GBP_USD": Cancelled("MARKET_HALTED", (FILL,)),
        "USD_JPY": Rejected("ODD"),
        "AUD_USD": LIVE_TRADING_DISABLED,
    }
    answer = broker_answer(Ended(order(1, None), outcomes, None))
    fill = {"units": "-1000", "price": "1.10000", "pl": "-2.5", "transaction_id": "7"}
    closed = [
        {"pair": "EUR_USD", "pl": "-1.25", "fills": [fill, {**fill, "pl": "1.25", "transaction_id": "8"}]},
        {"pair": "GBP_USD", "pl": "-2.5", "fills": [fill]},
    ]
    refused = [
        {"pair": "GBP_USD", "reason": "MARKET_HALTED"},
        {"pair": "USD_JPY", "reason": "ODD"},
        {"pair": "AUD_USD", "reason": "live_trading_disabled"},
    ]
    assert (answer.status, answer.closed) == (CommandStatus.FAILED, closed)
    assert answer.result["live"] == {"closed": closed, "pl": "-3.75", "refused": refused}
    assert answer.result["detail"] == (
        "OANDA did not close everything: GBP_USD: MARKET_HALTED; USD_JPY: ODD; AUD_USD: live_trading_disabled"
    )
    alone = broker_answer(Ended(order(1, "EUR_USD"), {"EUR_USD": CLOSED}, None))
    assert (alone.status, alone.result["live"]["pl"]) == (CommandStatus.SUCCEEDED, "-2.5")
