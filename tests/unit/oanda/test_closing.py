"""A position is closed exactly once, also when the answer is lost, late or never given."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.errors import InvariantError, MessageError
from shared.oanda.closing import (
    Cancelled,
    CloseFill,
    CloseIntent,
    CloseResult,
    NothingOpen,
    PositionClosed,
    Rejected,
    close_position,
    outcome_among,
    resume_close,
)
from shared.oanda.connection import OandaConnection
from shared.oanda.errors import OandaAmbiguousError, OandaRefusedError, OandaUnauthorizedError, OandaUnavailableError
from shared.oanda.transactions import parse_transaction, transactions_since
from tests.unit.oanda.account import Account
from tests.unit.oanda.stand_in import Asked, FakeTime, Reply, json_reply, serving

LOST = Reply(None)
TAG = "close-1"


def closed_by(account: Account, time: FakeTime | None = None, **settings: Any) -> CloseResult:
    with serving(account.answer, time, patience_seconds=2.0) as (_, connection):
        return close_position(connection, "EUR_USD", TAG, lambda _intent: None, **settings)


def fill(units: int, transaction_id: int = 9) -> CloseFill:
    return CloseFill(Decimal(units), Decimal("1.16012"), Decimal("-0.0140"), transaction_id)


def applied_but_lost(close: Callable[[], Reply]) -> Reply:
    close()
    return LOST


def lost_on_the_way(_close: Callable[[], Reply]) -> Reply:
    return LOST


@pytest.mark.parametrize(("long", "short"), [(1000, 0), (0, 1000)])
def test_only_the_side_that_exists_is_closed(long: int, short: int) -> None:
    account = Account(long, short)
    result = closed_by(account)
    side, other = ("long", "short") if long else ("short", "long")
    assert account.puts == [{f"{side}Units": "ALL", f"{other}Units": "NONE", f"{side}ClientExtensions": {"id": TAG}}]
    assert result == PositionClosed((fill(short - long),))


def test_both_sides_of_a_hedging_account_are_closed_under_tags_of_their_own() -> None:
    account = Account(300, 200)
    result = closed_by(account)
    [body] = account.puts
    assert (body["longUnits"], body["shortUnits"]) == ("ALL", "ALL")
    assert body["longClientExtensions"]["id"] != body["shortClientExtensions"]["id"]
    assert result == PositionClosed((fill(-300), fill(200, 11)))


def test_nothing_is_sent_where_nothing_is_open() -> None:
    account = Account()
    assert closed_by(account) == NothingOpen()
    assert account.puts == []


def test_intent_is_remembered_before_anything_is_sent() -> None:
    account = Account(1000)
    seen: list[tuple[CloseIntent, int]] = []
    with serving(account.answer) as (_, connection):
        close_position(connection, "EUR_USD", TAG, lambda intent: seen.append((intent, len(account.puts))))
    assert seen == [(CloseIntent(TAG, "EUR_USD", 7), 0)]


def test_intent_that_cannot_be_remembered_stops_the_close() -> None:
    account = Account(1000)

    def forget(_intent: CloseIntent) -> None:
        raise OSError("the disk is full")

    with serving(account.answer) as (_, connection), pytest.raises(OSError, match="disk is full"):
        close_position(connection, "EUR_USD", TAG, forget)
    assert account.puts == []


def test_halted_market_is_told_as_what_it_is() -> None:
    account = Account(1000)
    account.halted = True
    assert closed_by(account) == Cancelled("MARKET_HALTED")


@pytest.mark.parametrize("echo", [True, False])
@pytest.mark.parametrize("lost", [LOST, json_reply(504, {}), Reply(520, b"<html>"), Reply(200, b"<html>")])
def test_close_whose_answer_is_lost_is_found_and_not_repeated(lost: Reply, echo: bool) -> None:
    account = Account(1000)
    account.echo = echo

    def act(close: Callable[[], Reply]) -> Reply:
        close()
        return lost

    account.on_put = [act]
    assert closed_by(account) == PositionClosed((fill(-1000),))
    assert len(account.puts) == 1


def test_answer_that_says_neither_filled_nor_cancelled_is_looked_up() -> None:
    account = Account(1000)

    def act(close: Callable[[], Reply]) -> Reply:
        close()
        return json_reply(200, {"longOrderCreateTransaction": account.transactions[-2]})

    account.on_put = [act]
    assert closed_by(account) == PositionClosed((fill(-1000),))
    assert len(account.puts) == 1


def test_close_that_never_arrived_is_sent_once_more_after_a_pause() -> None:
    account, time = Account(1000), FakeTime()
    account.on_put = [lost_on_the_way]
    assert closed_by(account, time, settle_seconds=5.0) == PositionClosed((fill(-1000),))
    assert len(account.puts) == 2
    assert 5.0 in time.slept


def test_close_that_was_lost_twice_and_applied_the_second_time_is_found() -> None:
    account = Account(1000)
    account.on_put = [lost_on_the_way, applied_but_lost]
    assert closed_by(account) == PositionClosed((fill(-1000),))
    assert len(account.puts) == 2


def test_close_that_was_lost_twice_is_not_sent_a_third_time() -> None:
    account = Account(1000)
    account.on_put = [lost_on_the_way, lost_on_the_way]
    with pytest.raises(OandaAmbiguousError, match="EUR_USD was closed under the tag close-1 is unknown"):
        closed_by(account)
    assert len(account.puts) == 2


def test_close_that_lands_late_is_found_when_the_second_one_finds_nothing_to_close() -> None:
    account = Account(1000)

    def late(close: Callable[[], Reply]) -> Reply:
        # The second look at the position is the one before the second request.
        account.late = [close]
        return LOST

    account.on_put = [late]
    assert closed_by(account) == PositionClosed((fill(-1000),))
    assert len(account.puts) == 2
    assert account.units == {"long": 0, "short": 0}


def test_close_that_lands_between_the_search_and_the_look_at_the_position_is_found() -> None:
    account = Account(1000)

    def late(close: Callable[[], Reply]) -> Reply:
        account.after_scan = [close]
        return LOST

    account.on_put = [late]
    assert closed_by(account) == PositionClosed((fill(-1000),))
    assert len(account.puts) == 1


def test_nothing_is_repeated_while_the_transactions_cannot_be_searched() -> None:
    account = Account(1000)
    account.on_put = [lost_on_the_way]
    account.scans = [json_reply(503, {})] * 99
    with pytest.raises(OandaAmbiguousError, match="HTTP 503"):
        closed_by(account)
    assert len(account.puts) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"transactions": [], "lastTransactionID": "9"},
        {"transactions": [{"id": "9", "type": "ORDER_FILL"}], "lastTransactionID": "9"},
        {"lastTransactionID": "9"},
    ],
    ids=["none of them", "one left out", "no list"],
)
def test_nothing_is_repeated_after_an_incomplete_search(body: dict[str, Any]) -> None:
    account = Account(1000)
    account.on_put = [lost_on_the_way]
    account.scans = [json_reply(200, body)] * 9
    with pytest.raises(OandaAmbiguousError):
        closed_by(account)
    assert len(account.puts) == 1


def test_position_that_its_stop_closed_meanwhile_is_nothing_open() -> None:
    account = Account(1000)

    def stopped_out(_close: Callable[[], Reply]) -> Reply:
        account.units["long"] = 0
        account.add(type="ORDER_FILL", orderID="3", instrument="EUR_USD", reason="STOP_LOSS_ORDER", units="-1000")
        return LOST

    account.on_put = [stopped_out]
    assert closed_by(account) == NothingOpen()
    assert len(account.puts) == 1


def test_position_that_is_gone_when_the_close_arrives_is_nothing_open() -> None:
    account = Account(1000)

    def gone(close: Callable[[], Reply]) -> Reply:
        account.units["long"] = 0
        return close()

    account.on_put = [gone]
    assert closed_by(account) == NothingOpen()


def test_position_that_changed_sides_meanwhile_is_not_called_closed() -> None:
    account = Account(1000)

    def turned(close: Callable[[], Reply]) -> Reply:
        account.units = {"long": 0, "short": -500}
        return close()

    account.on_put = [turned]
    assert closed_by(account) == Rejected("CLOSEOUT_POSITION_DOESNT_EXIST")


def test_rejection_is_told_in_oandas_word_for_the_side_that_exists() -> None:
    account = Account(1000, 500)

    def half_gone(close: Callable[[], Reply]) -> Reply:
        account.units["long"] = 0
        return close()

    account.on_put = [half_gone]
    assert closed_by(account) == Rejected("CLOSEOUT_POSITION_REJECT")


def test_rejection_whose_answer_is_lost_is_found() -> None:
    account = Account(1000)

    def rejected(_close: Callable[[], Reply]) -> Reply:
        account.add(type="MARKET_ORDER_REJECT", rejectReason="INSUFFICIENT_MARGIN", clientExtensions={"id": TAG})
        return LOST

    account.on_put = [rejected]
    assert closed_by(account) == Rejected("INSUFFICIENT_MARGIN")
    assert len(account.puts) == 1


@pytest.mark.parametrize("status", [401, 429])
def test_close_that_oanda_did_not_look_at_is_sent_again(status: int) -> None:
    account, time = Account(1000), FakeTime()
    account.on_put = [lambda _close: json_reply(status, {}, {"Retry-After": "3"})]
    assert closed_by(account, time) == PositionClosed((fill(-1000),))
    assert time.slept == [3.0]


def test_token_that_stays_refused_ends_the_close_as_not_carried_out() -> None:
    for status, error in ((401, OandaUnauthorizedError), (429, OandaUnavailableError), (403, OandaRefusedError)):
        account = Account(1000)
        account.on_put = [lambda _close, status=status: json_reply(status, {"errorMessage": "no"})] * 9  # type: ignore[misc]
        with pytest.raises(error):
            closed_by(account)
        assert account.units["long"] == 1000


def resumed(account: Account) -> CloseResult:
    with serving(account.answer) as (_, connection):
        return resume_close(connection, CloseIntent(TAG, "EUR_USD", 7))


def test_close_interrupted_by_a_kill_is_found_when_it_had_been_carried_out() -> None:
    account = Account(1000)
    account.close({"longUnits": "ALL", "shortUnits": "NONE", "longClientExtensions": {"id": TAG}})
    assert resumed(account) == PositionClosed((fill(-1000),))
    assert account.puts == []


def test_close_interrupted_by_a_kill_is_carried_out_when_it_had_not_been() -> None:
    account = Account(1000)
    assert resumed(account) == PositionClosed((fill(-1000),))
    assert len(account.puts) == 1


def test_order_of_somebody_else_is_not_taken_for_ours() -> None:
    other = {"id": "8", "type": "MARKET_ORDER", "instrument": "EUR_USD", "clientExtensions": {"id": "theirs"}}
    fills = {"id": "9", "type": "ORDER_FILL", "orderID": "8", "units": "-5", "price": "1.1", "pl": "0"}
    transactions = [parse_transaction(other | {"reason": "POSITION_CLOSEOUT"}), parse_transaction(fills)]
    assert outcome_among(transactions, CloseIntent(TAG, "EUR_USD", 7)) is None


def test_order_without_an_outcome_is_not_taken_for_none() -> None:
    order = {"id": "8", "type": "MARKET_ORDER", "instrument": "EUR_USD", "clientExtensions": {"id": TAG}}
    with pytest.raises(MessageError, match="but not its outcome"):
        outcome_among([parse_transaction(order)], CloseIntent(TAG, "EUR_USD", 7))


@pytest.mark.parametrize("tag", ["", "x" * 200])
def test_tag_that_oanda_would_refuse_never_leaves(tag: str) -> None:
    with serving(Account(1).answer) as (server, connection):
        with pytest.raises(InvariantError):
            close_position(connection, "EUR_USD", tag, lambda _intent: None)
        assert server.asked == []


def test_long_history_is_searched_page_by_page() -> None:
    everything = [{"id": str(number), "type": "DAILY_FINANCING"} for number in range(8, 2508)]

    def pages(asked: Asked, _handler: object) -> Reply:
        after = int(asked.params["id"])
        page = [one for one in everything if int(one["id"]) > after][:1000]
        return json_reply(200, {"transactions": page, "lastTransactionID": "2507"})

    with serving(pages) as (server, connection):
        assert [one.id for one in transactions_since(connection, 7)] == list(range(8, 2508))
        assert len(server.asked) == 3


def test_range_refused_because_nothing_happened_since_is_no_transactions() -> None:
    account = Account()
    account.scans = [json_reply(416, {"errorMessage": "out of range"})]
    with serving(account.answer) as (_, connection):
        assert transactions_since(connection, 7) == []
        account.scans = [json_reply(416, {"errorMessage": "out of range"})]
        with pytest.raises(OandaRefusedError):
            transactions_since(connection, 8)


def test_nothing_in_the_client_can_open_a_position() -> None:
    names = [name for name in dir(OandaConnection) if not name.startswith("_")]
    assert sorted(names) == ["ask", "close", "put", "refused", "stream", "wait"]
