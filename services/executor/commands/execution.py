"""What each operator command does to the account and its holds, inside the transaction that claims it."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, assert_never

from services.executor.commands.broker_closes import BrokerCloses, CloseOrder
from services.executor.settlement import Closing, Leaving
from services.executor.work import ExecutorWork
from shared.contracts.commands import EVERY_PAIR, Command, CommandStatus, CommandType, TradeMode
from shared.contracts.decimals import format_money, format_points
from shared.contracts.facts import Quote
from shared.contracts.times import format_time
from shared.contracts.vocabulary import HoldKind
from shared.core.types import KILL_SWITCH, OPERATOR_CLOSE, SIDE_NAMES, instrument
from shared.runtime.commands import HOLD_ENDED, HOLD_SET
from shared.runtime.outgoing import Outgoing
from shared.store.port import Transaction
from shared.store.rows.commands import CommandRow, HoldRow
from shared.store.rows.runtime import AuditEntry

PARAMS_ACTIVATED: Final = "params.activated"
_LIVE_DISABLED: Final = "live_trading_disabled"
_LIVE_UNCONNECTED: Final = "live_account_not_connected"


class Answer(NamedTuple):
    """How a command ended, and its structured result."""

    status: CommandStatus
    result: dict[str, Any]


class Operation(NamedTuple):
    """A claimed command, the candle after which it is carried out, when, and what it may and can do at the broker."""

    row: CommandRow
    command: Command
    cursor: int
    now: int
    live_trading_enabled: bool
    closes: BrokerCloses | None

    def order(self, done: dict[str, Any]) -> CloseOrder | None:
        """Return what is to be closed at the broker after what is done; None without that."""
        if self.closes is None or not self.live_trading_enabled or self.command.mode is not TradeMode.LIVE:
            return None
        return CloseOrder(self.row.id, self.closes.new_tag(self.row.id), self.command.pair, done)


class Execution:
    """Carry out one command inside its transaction."""

    def __init__(
        self,
        transaction: Transaction,
        outgoing: Outgoing,
        work: ExecutorWork,
        price_of: Callable[[str], Quote | None],
        operation: Operation,
    ) -> None:
        """Act on the account that `work` keeps; `price_of` tells current prices."""
        self._transaction = transaction
        self._outgoing = outgoing
        self._work = work
        self._price_of = price_of
        self._operation = operation

    def answer(self) -> Answer | CloseOrder:
        """Do what was asked of this platform and return how it ended, or that it goes on at the broker."""
        command = self._operation.command
        match command.type:
            case CommandType.PAUSE_PAIR | CommandType.PAUSE_ALL:
                return self._begun(HoldKind.PAUSE, command.pair or EVERY_PAIR)
            case CommandType.RESUME_PAIR:
                return self._ended(HoldKind.PAUSE, command.pair)
            case CommandType.RESUME_ALL:
                return self._ended(HoldKind.PAUSE, None)
            case CommandType.CLOSE_PAIR | CommandType.CLOSE_ALL:
                return self._closed(command)
            case CommandType.KILL_SWITCH_ON:
                return self._killed(command)
            case CommandType.KILL_SWITCH_OFF:
                return self._ended(HoldKind.KILL_SWITCH, None)
            case CommandType.RELOAD_PARAMS:
                return self._reloaded()
            case _ as never:
                assert_never(never)

    def _reloaded(self) -> Answer:
        """Put what was saved of the parameters into force; raise InputError where it makes no sense."""
        transaction, operation = self._transaction, self._operation
        active = transaction.active_params_version()
        rows = transaction.newest_params()
        version = max((row.version for row in rows), default=0)
        if version == active:
            return Answer(CommandStatus.SUCCEEDED, {"changed": False, "version": active})
        self._work.require_params(transaction, version)
        transaction.activate_params(version, operation.now, operation.row.id)
        new = [row for row in rows if row.version > active]
        fields = [{"section": row.section, "version": str(row.version), "hash": row.hash} for row in new]
        self._audit([(PARAMS_ACTIVATED, each) for each in fields])
        return Answer(CommandStatus.SUCCEEDED, {"changed": True, "version": version, "sections": fields})

    def _begun(self, kind: HoldKind, scope: str) -> Answer:
        changed = self._begin(kind, scope)
        return Answer(CommandStatus.SUCCEEDED, {"changed": changed, "holds": self._in_force()})

    def _ended(self, kind: HoldKind, scope: str | None) -> Answer:
        """End the holds of a kind, on one pair or all of them, and say which are still in force."""
        now, cursor, row = self._operation.now, self._operation.cursor, self._operation.row
        holds = [each for each in self._transaction.holds() if each.kind == kind and scope in (None, each.scope)]
        self._transaction.end_holds(holds, now, cursor, row.actor, row.id)
        self._audit([(HOLD_ENDED, _hold_fields(each)) for each in holds])
        return Answer(CommandStatus.SUCCEEDED, {"changed": bool(holds), "holds": self._in_force()})

    def _closed(self, command: Command) -> Answer | CloseOrder:
        if command.mode is TradeMode.LIVE:
            return self._operation.order({}) or self._skipped_live()
        left = self._close(command.pair, OPERATOR_CLOSE)
        if not left:
            where = f"in {command.pair}" if command.pair else "at all"
            return _skipped("nothing_open", f"no position is open {where}")
        return Answer(CommandStatus.SUCCEEDED, _closing_result(left))

    def _killed(self, command: Command) -> Answer | CloseOrder:
        changed = self._begin(HoldKind.KILL_SWITCH, EVERY_PAIR)
        result = {"changed": changed, **_closing_result(self._close(None, KILL_SWITCH)), "holds": self._in_force()}
        if (order := self._operation.order(result)) is not None:
            return order
        if command.mode is TradeMode.LIVE:
            result["live"] = self._live_reason()
        return Answer(CommandStatus.SUCCEEDED, result)

    def _skipped_live(self) -> Answer:
        enabled = self._operation.live_trading_enabled
        detail = "this run has no account at a broker" if enabled else "LIVE_TRADING_ENABLED is not true"
        return _skipped(self._live_reason(), f"nothing was closed at the broker: {detail}")

    def _live_reason(self) -> str:
        return _LIVE_UNCONNECTED if self._operation.live_trading_enabled else _LIVE_DISABLED

    def _begin(self, kind: HoldKind, scope: str) -> bool:
        """Begin a hold unless it is in force already, and say whether it was begun."""
        operation = self._operation
        if any((each.kind, each.scope) == (kind, scope) for each in self._transaction.holds()):
            return False
        row = operation.row
        hold = HoldRow(scope, kind, row.actor, operation.now, operation.cursor, row.id)
        self._transaction.begin_hold(hold)
        self._audit([(HOLD_SET, _hold_fields(hold))])
        return True

    def _close(self, pair: str | None, reason: int) -> list[Leaving]:
        closing = Closing(self._operation.row.id, reason, pair, self._price_of)
        return self._work.close(self._transaction, self._operation.cursor, closing, self._outgoing)

    def _in_force(self) -> list[dict[str, str]]:
        return [_hold_fields(each) for each in self._transaction.holds()]

    def _audit(self, actions: list[tuple[str, dict[str, str]]]) -> None:
        operation = self._operation
        row = operation.row
        self._transaction.append_audit(
            [AuditEntry(operation.now, row.actor, action, row.id, detail) for action, detail in actions]
        )


def _skipped(reason: str, detail: str) -> Answer:
    return Answer(CommandStatus.SKIPPED, {"reason": reason, "detail": detail})


def _hold_fields(hold: HoldRow) -> dict[str, str]:
    return {"kind": hold.kind, "scope": hold.scope, "actor": hold.actor, "since": format_time(hold.since_time)}


def _closing_result(left: list[Leaving]) -> dict[str, Any]:
    trades = [each.closed.trade for each in left]
    return {
        "closed": [
            {
                "trade_id": each.closed.closing.id,
                "pair": trade.pair,
                "side": SIDE_NAMES[trade.side],
                "units": trade.units,
                "exit_time": format_time(trade.exit_time),
                "exit_price": format_points(trade.exit_price, instrument(trade.pair).digits),
                "pnl": format_money(trade.profit),
            }
            for each, trade in zip(left, trades, strict=True)
        ],
        "pnl": format_money(sum(trade.profit for trade in trades)),
    }
