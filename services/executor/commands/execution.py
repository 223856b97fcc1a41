"""What each operator command does to the account and its holds, inside the transaction that claims it."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, assert_never

from services.executor.commands.broker_closes import BrokerCloses, CloseOrder
from services.executor.settlement import Closed, Closing, QuoteExit
from services.executor.work import ExecutorWork
from shared.contracts.commands import EVERY_PAIR, Command, CommandStatus, CommandType, TradeMode
from shared.contracts.decimals import format_money
from shared.contracts.facts import Quote
from shared.contracts.shown import shown_entry, shown_exit
from shared.contracts.times import format_time
from shared.contracts.vocabulary import HoldKind
from shared.core.types import KILL_SWITCH, OPERATOR_CLOSE, ExitReason
from shared.runtime.commands import HOLD_ENDED, HOLD_SET
from shared.runtime.crash import CrashPoint
from shared.runtime.outgoing import Outgoing
from shared.store.port import Transaction
from shared.store.rows.audit import AuditEntry
from shared.store.rows.commands import CommandRow, HoldRow

PARAMS_ACTIVATED: Final = "params.activated"
_LIVE_DISABLED: Final = "live_trading_disabled"
_LIVE_UNCONNECTED: Final = "live_account_not_connected"


class Terms(NamedTuple):
    """On whose behalf commands are carried out, by which clock, and whether and how the broker's account is touched.

    `price_of` tells the current price of a pair where one is known.
    """

    holder: str
    clock: Callable[[], float]
    live_trading_enabled: bool
    closes: BrokerCloses | None
    price_of: Callable[[str], Quote | None]
    crash: CrashPoint


class Answer(NamedTuple):
    """How a command ended, its structured result, and what it closed at the broker, a position to an entry."""

    status: CommandStatus
    result: dict[str, Any]
    closed: Sequence[dict[str, Any]] = ()


class Operation(NamedTuple):
    """A claimed command that is carried out: inside which transaction, on what, after which candle, and when."""

    transaction: Transaction
    outgoing: Outgoing
    work: ExecutorWork
    terms: Terms
    row: CommandRow
    command: Command
    cursor: int
    now: int

    def order(self, done: dict[str, Any]) -> CloseOrder | None:
        """Return what is to be closed at the broker after what is done; None without that."""
        closes = self.terms.closes
        if closes is None or not self.terms.live_trading_enabled or self.command.mode is not TradeMode.LIVE:
            return None
        return CloseOrder(command_id=self.row.id, tag=closes.new_tag(self.row.id), pair=self.command.pair, done=done)

    def audit(self, actions: Sequence[tuple[str, dict[str, str]]]) -> None:
        """Record what is done on behalf of whoever asked for it."""
        row = self.row
        self.transaction.append_audit(
            [
                AuditEntry(time=self.now, actor=row.actor, action=action, command_id=row.id, detail=detail)
                for action, detail in actions
            ]
        )


def answer_to(operation: Operation) -> Answer | CloseOrder:
    """Do what was asked of this platform and return how it ended, or that it goes on at the broker."""
    command = operation.command
    match command.type:
        case CommandType.PAUSE_PAIR | CommandType.PAUSE_ALL:
            return _held(operation, command.pair or EVERY_PAIR)
        case CommandType.RESUME_PAIR:
            return _released(operation, HoldKind.PAUSE, command.pair)
        case CommandType.RESUME_ALL:
            return _released(operation, HoldKind.PAUSE, None)
        case CommandType.CLOSE_PAIR | CommandType.CLOSE_ALL:
            return _closed(operation)
        case CommandType.KILL_SWITCH_ON:
            return _killed(operation)
        case CommandType.KILL_SWITCH_OFF:
            return _released(operation, HoldKind.KILL_SWITCH, None)
        case CommandType.RELOAD_PARAMS:
            return _reloaded(operation)
        case _ as never:
            assert_never(never)


def _reloaded(operation: Operation) -> Answer:
    """Put what was saved of the parameters into force; raise InputError where it makes no sense."""
    transaction = operation.transaction
    active = transaction.active_params_version()
    rows = transaction.newest_params()
    version = max((row.version for row in rows), default=0)
    if version == active:
        return Answer(CommandStatus.SUCCEEDED, {"changed": False, "version": active})
    operation.work.require_params(transaction, version)
    transaction.activate_params(version, operation.now, operation.row.id)
    new = [row for row in rows if row.version > active]
    fields = [{"section": row.section, "version": str(row.version), "hash": row.hash} for row in new]
    operation.audit([(PARAMS_ACTIVATED, each) for each in fields])
    return Answer(CommandStatus.SUCCEEDED, {"changed": True, "version": version, "sections": fields})


def _held(operation: Operation, scope: str) -> Answer:
    changed = _begin_hold(operation, HoldKind.PAUSE, scope)
    return Answer(CommandStatus.SUCCEEDED, {"changed": changed, "holds": _in_force(operation)})


def _released(operation: Operation, kind: HoldKind, scope: str | None) -> Answer:
    """End the holds of a kind, on one pair or all of them, and say which are still in force."""
    row = operation.row
    holds = [each for each in operation.transaction.holds() if each.kind == kind and scope in (None, each.scope)]
    operation.transaction.end_holds(holds, operation.now, operation.cursor, row.actor, row.id)
    operation.audit([(HOLD_ENDED, hold_fields(each)) for each in holds])
    return Answer(CommandStatus.SUCCEEDED, {"changed": bool(holds), "holds": _in_force(operation)})


def _closed(operation: Operation) -> Answer | CloseOrder:
    command = operation.command
    if command.mode is TradeMode.LIVE:
        return operation.order({}) or _skipped_live(operation)
    left = _close(operation, command.pair, OPERATOR_CLOSE)
    if not left:
        where = f"in {command.pair}" if command.pair else "at all"
        return _skipped("nothing_open", f"no position is open {where}")
    return Answer(CommandStatus.SUCCEEDED, _closing_result(left))


def _killed(operation: Operation) -> Answer | CloseOrder:
    changed = _begin_hold(operation, HoldKind.KILL_SWITCH, EVERY_PAIR)
    closed = _closing_result(_close(operation, None, KILL_SWITCH))
    result = {"changed": changed, **closed, "holds": _in_force(operation)}
    if (order := operation.order(result)) is not None:
        return order
    if operation.command.mode is TradeMode.LIVE:
        result["live"] = _live_reason(operation.terms)
    return Answer(CommandStatus.SUCCEEDED, result)


def _skipped_live(operation: Operation) -> Answer:
    enabled = operation.terms.live_trading_enabled
    detail = "this run has no account at a broker" if enabled else "LIVE_TRADING_ENABLED is not true"
    return _skipped(_live_reason(operation.terms), f"nothing was closed at the broker: {detail}")


def _live_reason(terms: Terms) -> str:
    return _LIVE_UNCONNECTED if terms.live_trading_enabled else _LIVE_DISABLED


def _begin_hold(operation: Operation, kind: HoldKind, scope: str) -> bool:
    """Begin a hold unless it is in force already, and say whether it was begun."""
    transaction, row = operation.transaction, operation.row
    if any((each.kind, each.scope) == (kind, scope) for each in transaction.holds()):
        return False
    hold = HoldRow(
        scope=scope, kind=kind, actor=row.actor, since_time=operation.now, since_seq=operation.cursor, command_id=row.id
    )
    transaction.begin_hold(hold)
    operation.audit([(HOLD_SET, hold_fields(hold))])
    return True


def _close(operation: Operation, pair: str | None, reason: ExitReason) -> list[QuoteExit]:
    closing = Closing(command_id=operation.row.id, reason=reason, pair=pair, price_of=operation.terms.price_of)
    return operation.work.close(operation.transaction, operation.cursor, closing, operation.outgoing)


def _in_force(operation: Operation) -> list[dict[str, str]]:
    return [hold_fields(each) for each in operation.transaction.holds()]


def _skipped(reason: str, detail: str) -> Answer:
    return Answer(CommandStatus.SKIPPED, {"reason": reason, "detail": detail})


def hold_fields(hold: HoldRow) -> dict[str, str]:
    """Return a hold as results and audit records tell it."""
    return {"kind": hold.kind, "scope": hold.scope, "actor": hold.actor, "since": format_time(hold.since_time)}


def _closing_result(left: list[QuoteExit]) -> dict[str, Any]:
    return {
        "closed": [_closed_trade(each.closed) for each in left],
        "pnl": format_money(sum(each.closed.trade.profit for each in left)),
    }


def _closed_trade(closed: Closed) -> dict[str, Any]:
    shown = shown_entry(closed.trade.entry) | shown_exit(closed.trade.entry, closed.trade.exit)
    told = ("pair", "side", "units", "exit_time", "exit_price", "pnl")
    return {"trade_id": closed.id, **{name: shown[name] for name in told}}
