"""`scalpbot dlq`: dead letters, shown, sent again or thrown away, and what was done recorded."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from typing import Final

from services.cli.broker import named_broker
from services.cli.configuration import read_settings
from services.cli.documents import operations
from services.cli.documents.operations import DeadLetters
from services.cli.documents.stored import read_json
from services.cli.options import AtBroker
from services.cli.terminal.output import NO_VALUE, say, say_json
from services.cli.terminal.tables import Column, say_table
from shared.bus.dead_letters import DeadLetter, DeadLetterQueue
from shared.contracts.times import format_time
from shared.store.port import Store
from shared.store.rows.audit import AuditEntry
from shared.store.sql_store import open_store

_CONNECTION_NAME: Final = "scalpbot dlq"


def list_letters(where: AtBroker, limit: int, as_json: bool) -> None:
    """Print how many dead letters each queue has, and the oldest."""
    url, wanted = named_broker(where)
    queues = [
        DeadLetterQueue(url, queue.name, _CONNECTION_NAME) for queue in wanted.queues if queue.dead_letters is not None
    ]
    found = [(queue.queue, queue.count(), queue.letters(limit)) for queue in queues]
    if as_json:
        listed: list[DeadLetters] = [
            {"queue": queue, "messages": count, "letters": [_document(letter) for letter in letters]}
            for queue, count, letters in found
        ]
        say_json(listed)
        return
    columns = [Column("queue", cut=True), Column("messages", True)]
    say_table("Dead letters", columns, [(queue, str(count)) for queue, count, _ in found])
    headings = [
        Column("died"),
        Column("reason", cut=True),
        Column("type"),
        Column("pair", leave=1),
        Column("seq", True, leave=2),
        Column("id", cut=True),
    ]
    for queue, _, letters in found:
        if letters:
            say_table(queue, headings, [_row(letter) for letter in letters])


def replay(where: AtBroker, queue: str, *, limit: int | None, as_json: bool) -> None:
    """Send the oldest dead letters again and print how many."""
    letters = _letters(where, queue)
    _record(where, letters, done="replayed", work=partial(letters.replay, limit), as_json=as_json)


def drop(where: AtBroker, queue: str, *, limit: int | None, as_json: bool) -> None:
    """Throw the oldest dead letters away and print how many."""
    letters = _letters(where, queue)
    _record(where, letters, done="dropped", work=partial(letters.drop, limit), as_json=as_json)


def _letters(where: AtBroker, queue: str) -> DeadLetterQueue:
    url, _wanted = named_broker(where)
    return DeadLetterQueue(url, queue, _CONNECTION_NAME)


def _record(where: AtBroker, letters: DeadLetterQueue, *, done: str, work: Callable[[], int], as_json: bool) -> None:
    """Do it, record it in the audit log and print how many; a database that is away stops it first."""
    url = read_settings(where.config).runtime.database_url
    if url is None:
        count = work()
    else:
        with closing(open_store(url.get_secret_value())) as store:
            count = work()
            if count:
                _audit(store, done, {"queue": letters.queue, "messages": count})
    if as_json:
        say_json({"ok": True, "queue": letters.queue, done: count})
    else:
        say(f"{count} dead letters of {letters.queue} {done}.")


def _audit(store: Store, done: str, detail: Mapping[str, object]) -> None:
    entry = AuditEntry(
        time=int(time.time()), actor="cli", action=f"dead_letters.{done}", command_id=None, detail=detail
    )
    with store.transaction() as transaction:
        transaction.append_audit([entry])


def _document(letter: DeadLetter) -> operations.DeadLetter:
    body, body_text = read_json(letter.body.decode(errors="replace"))
    return {
        "message_id": letter.message_id,
        "type": letter.type,
        "pair": letter.pair,
        "seq": letter.seq,
        "reason": letter.reason,
        "died_time": None if letter.died_at is None else format_time(letter.died_at),
        "routing_key": letter.origin and letter.origin.routing_key,
        "body": body,
        "body_text": body_text,
    }


def _row(letter: DeadLetter) -> tuple[str, ...]:
    shown = _document(letter)
    values = (shown["died_time"], shown["reason"], shown["type"], shown["pair"], shown["seq"], shown["message_id"])
    return tuple(NO_VALUE if value is None else str(value) for value in values)
