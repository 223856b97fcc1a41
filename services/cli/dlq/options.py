"""The verbs `dlq`: messages that could not be handled, and what is to become of them."""

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from services.cli.bus.options import BrokerUrl, Partitions, broker_url, partition_count, silence_library
from services.cli.inputs import read_settings
from services.cli.options import AsJson, ConfigFile
from services.cli.output import NO_VALUE, Column, say, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.bus.dead_letters import DeadLetter

CONNECTION_NAME = "scalpbot dlq"

QueueName: TypeAlias = Annotated[
    str, typer.Argument(metavar="QUEUE", help="Queue whose dead letters are meant, such as strategy.candles.0.")
]
Limit: TypeAlias = Annotated[
    int | None, typer.Option("--limit", min=1, help="Take the oldest so many. Default: all that are there.")
]


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    dlq = typer.Typer(help="Look after messages that could not be handled.", no_args_is_help=True)
    dlq.command("list")(list_letters)
    dlq.command("replay")(replay)
    dlq.command("drop")(drop)
    program.add_typer(dlq, name="dlq")


def list_letters(
    limit: Annotated[
        int, typer.Option("--limit", min=0, max=1000, help="Show at most so many of each queue, oldest first.")
    ] = 20,
    url: BrokerUrl = None,
    partitions: Partitions = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Count the dead letters of each queue and show the oldest; they stay where they are."""
    from shared.bus.dead_letters import DeadLetterQueue
    from shared.bus.topology import topology

    silence_library()
    address = broker_url(url, config)
    queues = [
        DeadLetterQueue(address, queue.name, CONNECTION_NAME)
        for queue in topology(partition_count(partitions, config)).queues
        if queue.dead_letters is not None
    ]
    found = [(queue.queue, queue.count(), queue.letters(limit)) for queue in queues]
    if as_json:
        say_json(
            [
                {"queue": queue, "messages": count, "letters": [_document(letter) for letter in letters]}
                for queue, count, letters in found
            ]
        )
        return
    columns = [Column("queue"), Column("messages", True)]
    say_table("Dead letters", columns, [(queue, str(count)) for queue, count, _ in found])
    headings = [Column("died"), Column("reason"), Column("type"), Column("pair"), Column("seq", True), Column("id")]
    for queue, _, letters in found:
        if letters:
            say_table(queue, headings, [_row(letter) for letter in letters])


def replay(
    queue: QueueName, limit: Limit = None, url: BrokerUrl = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Send dead letters again to where they were published; each leaves its queue once it has arrived.

    Where DATABASE_URL is set, the audit log records it.
    """
    from shared.bus.dead_letters import DeadLetterQueue

    silence_library()
    letters = DeadLetterQueue(broker_url(url, config), queue, CONNECTION_NAME)
    count = _recorded(config, letters.queue, "replayed", lambda: letters.replay(limit))
    _say_count(letters.queue, "replayed", count, as_json)


def drop(
    queue: QueueName, limit: Limit = None, url: BrokerUrl = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Throw dead letters away; where DATABASE_URL is set, the audit log records it."""
    from shared.bus.dead_letters import DeadLetterQueue

    silence_library()
    letters = DeadLetterQueue(broker_url(url, config), queue, CONNECTION_NAME)
    count = _recorded(config, letters.queue, "dropped", lambda: letters.drop(limit))
    _say_count(letters.queue, "dropped", count, as_json)


def _recorded(config: Path | None, queue: str, done: str, work: "Callable[[], int]") -> int:
    """Do something with dead letters and record how many in the audit log; a database that is away stops it first."""
    from shared.store.rows.runtime import AuditEntry
    from shared.store.sql_store import open_store

    url = read_settings(config).runtime.database_url
    if url is None:
        return work()
    with closing(open_store(url.get_secret_value())) as store:
        count = work()
        if count:
            with store.transaction() as transaction:
                detail = {"queue": queue, "messages": count}
                transaction.append_audit([AuditEntry(int(time.time()), "cli", f"dead_letters.{done}", None, detail)])
    return count


def _say_count(queue: str, done: str, count: int, as_json: bool) -> None:
    if as_json:
        say_json({"queue": queue, done: count})
    else:
        say(f"{count} dead letters of {queue} {done}.")


def _document(letter: "DeadLetter") -> dict[str, object]:
    from shared.contracts.times import format_time

    return {
        "message_id": letter.message_id,
        "type": letter.type,
        "pair": letter.pair,
        "seq": letter.seq,
        "reason": letter.reason,
        "died_at": None if letter.died_at is None else format_time(letter.died_at),
        "routing_key": letter.origin and letter.origin.routing_key,
        "body": letter.body.decode(errors="replace"),
    }


def _row(letter: "DeadLetter") -> tuple[str, ...]:
    shown = _document(letter)
    return tuple(
        NO_VALUE if shown[name] is None else str(shown[name])
        for name in ("died_at", "reason", "type", "pair", "seq", "message_id")
    )
