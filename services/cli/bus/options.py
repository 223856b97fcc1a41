"""The verbs `bus`: what exists on the message broker, and whether it works."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.bus import job
from services.cli.groups import with_groups
from services.cli.options import AsJson, AtBroker, BrokerUrl, ConfigFile, Partitions

bus = typer.Typer(name="bus", help="Set up and check the message broker.", no_args_is_help=True)


@bus.command()
def declare(
    url: BrokerUrl = None,
    partitions: Partitions = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait for the broker.")] = 60.0,
    recreate: Annotated[
        bool,
        typer.Option(
            "--recreate/--keep", help="Recreate a queue that finds no leader within 15 s, or keep it as it is."
        ),
    ] = True,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Create exchanges, queues and bindings that are missing, and test each queue with a message."""
    job.declare(AtBroker(url, partitions, config), timeout, recreate=recreate, as_json=as_json)


@bus.command()
@with_groups
def check(broker: AtBroker, as_json: AsJson = False) -> int:
    """Compare the broker with what should be there, and test each queue; exit code 3 if something differs."""
    return job.check(broker, as_json)


@bus.command("definitions")
def write_definitions(
    partitions: Partitions = None,
    vhost: Annotated[str, typer.Option("--vhost", help="Virtual host of the broker.")] = "scalpbot",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="File to write. Default: stdout.")] = None,
    config: ConfigFile = None,
) -> None:
    """Write what should exist on the broker as definitions that RabbitMQ imports; they hold no users."""
    job.write_definitions(partitions, vhost, out=out, config=config)
