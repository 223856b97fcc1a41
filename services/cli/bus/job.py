"""`scalpbot bus`: exchanges, queues and bindings, made and checked."""

import random
from pathlib import Path
from typing import Final

from services.cli.broker import named_broker, wanted_topology
from services.cli.configuration import read_settings
from services.cli.documents.operations import CheckedBroker, DeclaredQueues, Queue
from services.cli.options import AtBroker
from services.cli.terminal.output import DID_NOT_HOLD, note, say, say_json
from services.cli.terminal.tables import Column, say_table
from shared.bus.backoff import reconnecting
from shared.bus.rabbitmq_topology import TopologyJob
from shared.bus.topology import definitions
from shared.contracts.errors import unwritable

_CONNECTION_NAME: Final = "scalpbot bus"


def declare(where: AtBroker, timeout: float, *, recreate: bool, as_json: bool) -> None:
    """Make what is missing and print the state of every queue; raise InfrastructureError after `timeout` seconds."""
    reports = _topology_job(where).declare(timeout, reconnecting(random.random), note, recreate)
    if as_json:
        queues: list[Queue] = [
            {"queue": each.queue, "state": each.state.value, "messages": each.messages, "consumers": each.consumers}
            for each in reports
        ]
        declared: DeclaredQueues = {"ok": True, "queues": queues}
        say_json(declared)
        return
    columns = [Column("queue", cut=True), Column("state"), Column("messages", True), Column("consumers", True)]
    rows = [(each.queue, each.state.value, str(each.messages), str(each.consumers)) for each in reports]
    say_table("Queues", columns, rows)


def check(where: AtBroker, as_json: bool) -> int:
    """Print what differs from what should be there, and return the exit code that says whether something does."""
    differences = _topology_job(where).differences()
    if as_json:
        document: CheckedBroker = {"ok": not differences, "differences": list(differences)}
        say_json(document)
    elif differences:
        for difference in differences:
            say(difference)
        say("`scalpbot bus declare` creates what is missing.")
    else:
        say("The broker has every exchange and queue, and every queue works.")
    return DID_NOT_HOLD if differences else 0


def write_definitions(partitions: int | None, vhost: str, *, out: Path | None, config: Path | None) -> None:
    """Write the definitions to a file or to stdout; raise InputError where the file cannot be written."""
    text = definitions(wanted_topology(partitions, read_settings(config)), vhost)
    if out is None:
        say(text.removesuffix("\n"))
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        sentence = f"{out} cannot be written ({error.strerror}); name a file in a folder that exists"
        raise unwritable(error, out, sentence) from error
    note(f"definitions written to {out}")


def _topology_job(where: AtBroker) -> TopologyJob:
    url, wanted = named_broker(where)
    return TopologyJob(url, wanted, _CONNECTION_NAME)
