"""Where commands are sent to and read from: the database of a platform, or its API."""

import getpass
import time
from contextlib import AbstractContextManager
from http import HTTPStatus
from typing import Any, Final, NamedTuple, Protocol
from uuid import uuid4

import msgspec

from services.cli.commands.fields import command_document, record_document
from services.cli.documents.commands import Command, CommandRecord
from services.cli.options import Where
from services.cli.places import opened
from services.cli.remote import Remote
from shared.contracts.commands import parse_command
from shared.contracts.errors import InputError
from shared.contracts.times import format_time
from shared.runtime.commands import command_fields, send_command
from shared.runtime.overview.trading import Trading, trading_now
from shared.store.file_lock import file_is_held
from shared.store.port import Store
from shared.store.rows.audit import AuditRow
from shared.store.rows.commands import CommandFilter, NewCommand
from shared.store.rows.listing import Span

_ROWS_AT_ONCE: Final = 500


class CommandRequest(NamedTuple):
    """A command to be sent, for which an executor has `expires` seconds to take it."""

    type: str
    payload: dict[str, str]
    key: str | None
    expires: int | None


class FollowedCommand(NamedTuple):
    """A command and its audit records, None where they may not be seen."""

    command: Command
    audit: list[CommandRecord] | None


class CommandPlace(Protocol):
    """Commands, wherever they are."""

    def trading(self) -> Trading:
        """Return whether anybody trades there, who could carry out a command."""
        ...

    def send(self, order: CommandRequest) -> tuple[Command, bool]:
        """Send a command; return it, and whether it is new."""
        ...

    def command(self, command_id: int) -> FollowedCommand | None:
        """Return one command with its audit records."""
        ...

    def newest(self, span: Span) -> list[Command]:
        """Return the latest commands of a time, newest first."""
        ...


class StoredCommands:
    """Commands in a database."""

    def __init__(self, store: Store, actor: str, url: str) -> None:
        """Send them on behalf of an actor; the URL is that of the store."""
        self._store = store
        self._actor = actor
        self._url = url

    def trading(self) -> Trading:
        """Return whether anybody trades in the database."""
        with self._store.reading() as reader:
            return trading_now(reader, file_is_held(self._url))

    def send(self, order: CommandRequest) -> tuple[Command, bool]:
        """Send a command; return it, and whether it is new."""
        now = int(time.time())
        body = msgspec.json.encode(order.payload).decode()
        command = parse_command(order.type, body)
        new = NewCommand(
            created_time=now,
            actor=self._actor,
            type=command.type,
            payload_json=body,
            idempotency_key=order.key,
            expires_time=None if order.expires is None else now + order.expires,
        )
        with self._store.transaction() as transaction:
            sent = send_command(transaction, command, new)
        return command_document(command_fields(sent.row)), sent.is_new

    def command(self, command_id: int) -> FollowedCommand | None:
        """Return one command with its audit records."""
        with self._store.reading() as reader:
            row = reader.command(command_id)
            trail = reader.audit_of_command(command_id)
        if row is None:
            return None
        return FollowedCommand(command_document(command_fields(row)), list(map(record_document, trail)))

    def newest(self, span: Span) -> list[Command]:
        """Return the latest commands of a time, newest first."""
        with self._store.reading() as reader:
            return [command_document(command_fields(each.row)) for each in reader.list_commands(span, CommandFilter())]


class RemoteCommands:
    """Commands behind an API; the actor is who signed in."""

    def __init__(self, remote: Remote) -> None:
        """Ask an API."""
        self._remote = remote

    def trading(self) -> Trading:
        """Return what the API says of its platform."""
        return Trading(self._remote.get("/api/status")["trading"])

    def send(self, order: CommandRequest) -> tuple[Command, bool]:
        """Send a command; under a key, so that it may be sent again where the answer is lost."""
        parse_command(order.type, msgspec.json.encode(order.payload).decode())
        body: dict[str, Any] = {
            "type": order.type,
            "payload": order.payload,
            "idempotency_key": order.key or f"cli-{uuid4()}",
        }
        if order.expires is not None:
            body["expires_seconds"] = order.expires
        reply = self._remote.ask("POST", "/api/commands", body, again=True)
        # Under a key of our own, one that is known already is the one whose answer was lost.
        return command_document(reply.body), reply.status == HTTPStatus.ACCEPTED or order.key is None

    def command(self, command_id: int) -> FollowedCommand | None:
        """Return one command with its audit records, which take the role operator."""
        reply = self._remote.ask("GET", f"/api/commands/{command_id}", missing=True)
        if reply.status == HTTPStatus.NOT_FOUND:
            return None
        trail = reply.body["audit"]
        shown = None if trail is None else [record_document(AuditRow(**record)) for record in trail]
        return FollowedCommand(command_document(reply.body), shown)

    def newest(self, span: Span) -> list[Command]:
        """Return the latest commands of a time, newest first."""
        found: list[Command] = []
        bounds = {"from": span.start, "to": span.end}
        query: dict[str, Any] = {name: format_time(time) for name, time in bounds.items() if time is not None}
        while len(found) < span.limit:
            page = self._remote.get("/api/commands", limit=min(span.limit - len(found), _ROWS_AT_ONCE), **query)
            found += map(command_document, page["items"])
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        return found


def opened_commands(where: Where, actor: str | None = None) -> AbstractContextManager[CommandPlace]:
    """Open the place that the options of a verb name; raise InputError where they contradict each other.

    In a database commands are sent on behalf of `actor`, by default the user of this machine.
    """

    if where.url is not None and actor is not None:
        raise InputError("--url cannot be combined with --actor: the API knows who signs in")

    def stored(store: Store, url: str) -> StoredCommands:
        return StoredCommands(store, actor or getpass.getuser(), url)

    return opened(where, RemoteCommands, stored)
