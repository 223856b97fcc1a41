"""What the audit log tells of commands and trades, compared with their rows.

The chain guards the log; a row of another table can be changed, added or removed by whoever may do anything in the
database, and only what the log tells of it shows that.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import msgspec

from shared.contracts.commands import UNFINISHED, CommandStatus, parse_command
from shared.contracts.errors import InputError
from shared.contracts.facts import TRADE_CLOSED, TRADE_OPENED
from shared.contracts.shown import TRADE_COLUMNS, shown_entry, trade_texts
from shared.contracts.trades import ClosedTrade
from shared.runtime.commands import CLAIMED, COMPLETED, SENT, SETTLED
from shared.store.port import Reader
from shared.store.rows.audit import AuditRow
from shared.store.rows.commands import CommandFilter, CommandRow
from shared.store.rows.ledger import TradeRow
from shared.store.rows.listing import Span

_CHUNK: Final = 500
_OF_COMMANDS: Final = frozenset({SENT, CLAIMED, COMPLETED, SETTLED})
_OPENING: Final = ("strategy", "side", "units", "entry_price", "sl", "tp")
_DIGEST_BYTES: Final = 16


@dataclass
class _Told:
    """What records tell of a command: who asked for what, what was claimed, how it ended, and the first of them."""

    first: int
    sent: tuple[str, dict[str, Any]] | None = None
    claimed: dict[str, Any] | None = None
    ended: dict[str, Any] | None = None


@dataclass
class AuditTrail:
    """What records tell, taken up while they pass; a trade is kept as a digest."""

    _commands: dict[int, _Told] = field(default_factory=dict)
    _opened: dict[str, bytes] = field(default_factory=dict)
    _closed: dict[str, bytes] = field(default_factory=dict)

    def passing(self, rows: Iterable[AuditRow]) -> Iterator[AuditRow]:
        """Yield records as they come, and take up what they tell."""
        for row in rows:
            # A record that was tampered with is the chain's to tell.
            with suppress(msgspec.DecodeError, KeyError, TypeError, AttributeError):
                self._take_up(row)
            yield row

    def difference(self, reader: Reader) -> str:
        """Return the first difference between the records that have passed and the rows, or nothing."""
        return next(self._of_commands(reader), "") or next(self._of_trades(reader), "")

    def _take_up(self, row: AuditRow) -> None:
        if row.action in (TRADE_OPENED, TRADE_CLOSED):
            detail = msgspec.json.decode(row.detail_json)
            # Only what is told of the trade: records also say by which candle or command it was closed.
            known, names = (self._opened, _OPENING) if row.action == TRADE_OPENED else (self._closed, TRADE_COLUMNS)
            known[detail["trade_id"]] = _digest({name: detail[name] for name in names})
            return
        if row.command_id is None or row.action not in _OF_COMMANDS:
            return
        detail = msgspec.json.decode(row.detail_json)
        told = self._commands.setdefault(row.command_id, _Told(row.id))
        if row.action == SENT:
            told.sent = row.actor, detail
        elif row.action == CLAIMED:
            told.claimed = detail
        else:
            told.ended = detail

    def _of_commands(self, reader: Reader) -> Iterator[str]:
        seen = set()
        for row in _commands(reader):
            seen.add(row.id)
            told = self._commands.get(row.id)
            if why := _unlike(row, told):
                yield f"command {row.id} {why}"
        for command_id, told in self._commands.items():
            if command_id not in seen:
                yield f"command {command_id}, which record {told.first} names, is missing"

    def _of_trades(self, reader: Reader) -> Iterator[str]:
        seen = set()
        for row in reader.trades_in_order():
            name = row.opening.id
            seen.add(name)
            if self._opened.get(name) != _digest(_opening(row)):
                yield (
                    f"trade {name} was opened differently from what the log says"
                    if name in self._opened
                    else (f"the log has no record of trade {name}")
                )
            closing = _closing(row)
            if self._closed.get(name) != (None if closing is None else _digest(closing)):
                yield f"trade {name} was closed differently from what the log says"
        for name in self._opened.keys() - seen:
            yield f"trade {name}, which the log records, is missing"


def _unlike(row: CommandRow, told: _Told | None) -> str:
    """Return how a command differs from what is told of it, nothing where it does not."""
    if told is None:
        # Plain SQL sends commands without a record; from then on there is one for each step.
        return "" if row.status == CommandStatus.PENDING else f"is {row.status}, but the log has no record of it"
    if told.sent is not None and not _is_sent(row, *told.sent):
        return "is not the one that was sent"
    if told.claimed is not None and not _is_claimed(row, told.claimed):
        return "is not the one that was claimed"
    if told.ended is None:
        if row.status in UNFINISHED and (row.status == CommandStatus.PENDING) == (told.claimed is None):
            return ""
        return f"is {row.status}, but the log does not say so"
    if row.status != told.ended["status"]:
        return f"is {row.status}, but {told.ended['status']} in the log"
    if _decoded(row.result_json) != told.ended["result"]:
        return "has another result than in the log"
    return ""


def _is_sent(row: CommandRow, actor: str, detail: dict[str, Any]) -> bool:
    try:
        command = parse_command(row.type, row.payload_json)
    except InputError:
        return False
    asked = {"type": command.type, "mode": command.mode, "pair": command.pair, "reason": command.reason}
    return row.actor == actor and all(detail.get(name) == value for name, value in asked.items())


def _is_claimed(row: CommandRow, detail: dict[str, Any]) -> bool:
    """Compare as far as either is kept: both cut texts that are too long."""
    pairs = ((row.type, detail["type"]), (row.payload_json, detail["payload"]), (row.actor, detail["actor"]))
    return all(kept.startswith(told) or told.startswith(kept) for kept, told in pairs)


def _decoded(text: str | None) -> object:
    try:
        return None if text is None else msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _opening(row: TradeRow) -> dict[str, str]:
    entry = shown_entry(row.opening.entry)
    return {name: str(entry[name]) for name in _OPENING}


def _closing(row: TradeRow) -> dict[str, str] | None:
    return None if row.closing is None else trade_texts(ClosedTrade(row.opening.entry, row.closing, row.costs))


def _digest(texts: dict[str, str]) -> bytes:
    return blake2b(msgspec.json.encode(texts, order="sorted"), digest_size=_DIGEST_BYTES).digest()


def _commands(reader: Reader) -> Iterator[CommandRow]:
    before: tuple[int, int] | None = None
    while rows := reader.list_commands(Span(_CHUNK, before), CommandFilter()):
        yield from (each.row for each in rows)
        before = rows[-1].time, rows[-1].key
