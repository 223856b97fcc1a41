"""What happened to the account with one candle, in the order in which it happened."""

from collections.abc import Iterator
from typing import NamedTuple

from services.executor.settlement import Closed, Opened
from shared.calendar.trading_day import trading_day_date
from shared.contracts.decimals import format_money
from shared.contracts.facts import (
    ACCOUNT_HALTED,
    DAY_STARTED,
    ORDER_REFUSED,
    TRADE_CLOSED,
    TRADE_OPENED,
    AccountEvent,
    CandleAssessed,
)
from shared.contracts.shown import shown_entry, trade_texts
from shared.core.account import Outcome
from shared.core.books import AccountState
from shared.core.types import PASSED, REASON_NAMES, SIDE_NAMES


class Happening(NamedTuple):
    """One thing that happened, before it has its place in the executor's stream."""

    type: str
    pair: str | None
    detail: dict[str, str]


def account_changes(
    fact: CandleAssessed,
    before: AccountState,
    state: AccountState,
    outcome: Outcome,
    closed: list[Closed],
    opened: Opened | None,
) -> Iterator[Happening]:
    """Yield what happened: the day began, exits, halt, then entry or refusal."""
    pair = fact.closed.pair
    if state.trading_day != before.trading_day:
        day = trading_day_date(state.trading_day).isoformat()
        yield Happening(DAY_STARTED, None, {"trading_day": day, "start_equity": format_money(state.day_start_equity)})
    for each in closed:
        yield Happening(TRADE_CLOSED, each.trade.entry.pair, closing_detail(each))
    if outcome.halted_now:
        detail = {
            "start_equity": format_money(outcome.day_start_equity),
            "equity": format_money(state.equity),
            "positions_closed": str(len(closed)),
        }
        yield Happening(ACCOUNT_HALTED, None, detail)
    if opened is not None:
        yield Happening(TRADE_OPENED, pair, _opened_detail(opened))
    elif outcome.refusal != PASSED:
        refused = {"side": SIDE_NAMES[fact.assessment.signal], "reason": REASON_NAMES[outcome.refusal]}
        yield Happening(ORDER_REFUSED, pair, refused)


def closing_detail(closed: Closed) -> dict[str, str]:
    """Return what is told of a trade that was closed."""
    return {"trade_id": closed.id, **trade_texts(closed.trade)}


def placed(happening: Happening, stream: str, seq: int, fact: CandleAssessed, state: AccountState) -> AccountEvent:
    """Return a happening as the fact at its place in the executor's stream."""
    cause = fact.closed
    return AccountEvent(
        stream=stream,
        seq=seq,
        cause_stream=cause.stream,
        cause_seq=cause.seq,
        time=cause.decision_time,
        type=happening.type,
        pair=happening.pair,
        balance=state.balance,
        equity=state.equity,
        detail=happening.detail,
    )


def _opened_detail(opened: Opened) -> dict[str, str]:
    entry = shown_entry(opened.opening.entry)
    told = ("strategy", "side", "units", "entry_price", "sl", "tp")
    return {"trade_id": opened.opening.id, **{name: str(entry[name]) for name in told}}
