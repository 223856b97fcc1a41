"""The verbs `dlq`: messages that could not be handled, and what is to become of them."""

from typing import Annotated, TypeAlias

import typer

from services.cli.dlq import job
from services.cli.groups import with_groups
from services.cli.options import AsJson, AtBroker, BrokerUrl, ConfigFile

QueueName: TypeAlias = Annotated[
    str, typer.Argument(metavar="QUEUE", help="Queue of the dead letters, such as strategy.candles.0.")
]
Limit: TypeAlias = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="Take only the N oldest. Default: all of them.")
]


dlq = typer.Typer(name="dlq", help="Show, resend or drop messages that could not be handled.", no_args_is_help=True)


@dlq.command("list")
@with_groups
def list_letters(
    *,
    limit: Annotated[
        int, typer.Option("--limit", min=0, max=1000, metavar="N", help="Show at most N of each queue, oldest first.")
    ] = 20,
    broker: AtBroker,
    as_json: AsJson = False,
) -> None:
    """Count the dead letters of each queue and show the oldest; they stay where they are."""
    job.list_letters(broker, limit, as_json)


@dlq.command()
def replay(
    queue: QueueName, limit: Limit = None, url: BrokerUrl = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Send dead letters again to where they were published; each leaves its queue once it has arrived.

    Where DATABASE_URL is set, the audit log records it.
    """
    job.replay(AtBroker(url=url, config=config), queue, limit=limit, as_json=as_json)


@dlq.command()
def drop(
    queue: QueueName, limit: Limit = None, url: BrokerUrl = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Throw dead letters away; where DATABASE_URL is set, the audit log records it."""
    job.drop(AtBroker(url=url, config=config), queue, limit=limit, as_json=as_json)
