"""The verbs `bus`: what exists on the message broker, and whether it works."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from services.cli.inputs import read_settings
from services.cli.options import AsJson, ConfigFile
from services.cli.output import DID_NOT_HOLD, Column, note, say, say_json, say_table

if TYPE_CHECKING:
    from shared.bus.rabbitmq_topology import TopologyJob

CONNECTION_NAME = "scalpbot bus"

BrokerUrl: TypeAlias = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Address of RabbitMQ. Default: RABBITMQ_URL.")
]
Partitions: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--partitions",
        min=1,
        help="Among how many strategy processes candles are divided. Default: setting deployment.partitions.",
    ),
]


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    bus = typer.Typer(help="Set up and check the message broker.", no_args_is_help=True)
    bus.command("declare")(declare)
    bus.command("check")(check)
    bus.command("definitions")(write_definitions)
    program.add_typer(bus, name="bus")


def declare(
    url: BrokerUrl = None,
    partitions: Partitions = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait for the broker.")] = 60.0,
    recreate: Annotated[
        bool,
        typer.Option(
            "--recreate/--keep", help="Make a queue anew that has no leader and finds none for 15 s, or leave it."
        ),
    ] = True,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make exchanges, queues and bindings that are missing, and prove each queue with a message."""
    import random

    from shared.bus.backoff import reconnecting

    reports = _job(url, partitions, config).declare(timeout, reconnecting(random.random), note, recreate)
    if as_json:
        say_json({"queues": [{**report._asdict(), "state": report.state.value} for report in reports]})
        return
    columns = [Column("queue"), Column("state"), Column("messages", True), Column("consumers", True)]
    rows = [(each.queue, each.state.value, str(each.messages), str(each.consumers)) for each in reports]
    say_table("Queues", columns, rows)


def check(
    url: BrokerUrl = None, partitions: Partitions = None, config: ConfigFile = None, as_json: AsJson = False
) -> int:
    """Compare the broker with what should be there, and prove each queue; exit code 3 if something differs."""
    differences = _job(url, partitions, config).differences()
    if as_json:
        say_json({"holds": not differences, "differences": differences})
    elif differences:
        for difference in differences:
            say(difference)
        say("`scalpbot bus declare` makes what is missing.")
    else:
        say("The broker has every exchange and queue, and every queue works.")
    return DID_NOT_HOLD if differences else 0


def write_definitions(
    partitions: Partitions = None,
    vhost: Annotated[str, typer.Option("--vhost", help="Virtual host that holds it all.")] = "scalpbot",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write. Default: print it.")] = None,
    config: ConfigFile = None,
) -> None:
    """Write what should exist on the broker as definitions that RabbitMQ imports; they hold no users."""
    from shared.bus.topology import definitions, topology
    from shared.contracts.errors import InputError

    text = definitions(topology(partition_count(partitions, config)), vhost)
    if out is None:
        say(text.removesuffix("\n"))
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}); name a file in a folder that exists") from error
    note(f"definitions written to {out}")


def broker_url(given: str | None, config: Path | None) -> str:
    """Return the broker's address: the one given, else that of the environment; raise InputError without one."""
    from shared.contracts.errors import InputError

    configured = read_settings(config).runtime.rabbitmq_url
    if given is None and configured is None:
        raise InputError("no broker is named; set RABBITMQ_URL or give --url amqp://USER:PASSWORD@HOST:5672/VHOST")
    return given or (configured.get_secret_value() if configured else "")


def silence_library() -> None:
    """Keep pika from writing what the verb itself tells in one sentence."""
    import logging

    logging.getLogger("pika").setLevel(logging.CRITICAL + 1)


def partition_count(partitions: int | None, config: Path | None) -> int:
    """Return the number of partitions: the one given, else that of the settings."""
    return read_settings(config).deployment.partitions if partitions is None else partitions


def _job(url: str | None, partitions: int | None, config: Path | None) -> "TopologyJob":
    from shared.bus.rabbitmq_topology import TopologyJob
    from shared.bus.topology import topology

    silence_library()
    return TopologyJob(broker_url(url, config), topology(partition_count(partitions, config)), CONNECTION_NAME)
