"""An executor on a store, and what it is told."""

from typing import Any

import msgspec

from services.executor.build import Executor, Outside
from services.executor.commands.broker_closes import BrokerCloses
from shared.contracts.commands import parse_command
from shared.contracts.envelope import Message, fact_message
from shared.contracts.facts import CANDLE_ASSESSED, CandleAssessed
from shared.runtime.commands import send_command
from shared.runtime.outgoing import OutboxOutgoing
from shared.runtime.quotes.board import QuoteBoard
from shared.settings.settings import Settings
from shared.store.port import Store
from shared.store.rows.commands import CommandRow, NewCommand

NOW = 1_700_000_000


class Desk:
    """An executor on a store, by a clock that stands still.

    `told` are the commands that it told of, `holds` the scopes of the holds, and whether each was in force.
    """

    def __init__(self, store: Store, settings: Settings | None = None, closes: BrokerCloses | None = None) -> None:
        self.store = store
        self.board = QuoteBoard(lambda: 0.0)
        self.told: list[CommandRow] = []
        self.holds: list[tuple[str, bool]] = []
        outside = Outside(
            "test",
            lambda: NOW + 0.9,
            self.board,
            closes=closes,
            tell=self.told.append,
            tell_hold=lambda hold, in_force: self.holds.append((hold.scope, in_force)),
        )
        self.executor = Executor(store, OutboxOutgoing(lambda: None), settings or Settings(), outside)

    def handle(self, *facts: CandleAssessed) -> None:
        self.executor.consumer.handle([message(fact) for fact in facts])

    def send(self, type_name: str, pair: str | None = None, expires: int | None = None, mode: str = "PAPER") -> int:
        body = msgspec.json.encode({"mode": mode, "pair": pair}).decode()
        with self.store.transaction() as transaction:
            new = NewCommand(NOW, "ann", type_name, body, None, expires)
            return send_command(transaction, parse_command(type_name, body), new).row.id

    def ordered(self, type_name: str, pair: str | None = None, expires: int | None = None) -> tuple[str, Any]:
        """Send a command, have it carried out, and return how it ended."""
        command_id = self.send(type_name, pair, expires)
        assert self.executor.obey()
        return self.result(command_id)

    def result(self, command_id: int) -> tuple[str, Any]:
        row = self.command(command_id)
        assert row.result_json is not None
        return row.status, msgspec.json.decode(row.result_json)

    def command(self, command_id: int) -> CommandRow:
        with self.store.reading() as reader:
            row = reader.command(command_id)
        assert row is not None
        return row

    def actions(self, command_id: int) -> list[str]:
        """Return what the audit log tells of a command."""
        with self.store.reading() as reader:
            return [row.action for row in reader.audit_of_command(command_id)]

    def events(self) -> list[tuple[int, str]]:
        with self.store.reading() as reader:
            return [(event.seq, event.type) for event in reader.account_events_in_order()]


def message(fact: CandleAssessed) -> Message:
    return fact_message(
        CANDLE_ASSESSED, fact, stream="assessed.0", seq=fact.seq, time=NOW, pair=fact.closed.pair, producer="strategy"
    )
