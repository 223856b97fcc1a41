"""`scalpbot run strategy`: the assessments of a partition."""

from pathlib import Path

from services.cli.news import read_news
from services.cli.run.asked import Asked
from services.cli.run.service import service_of
from services.strategy.process import run_strategy
from services.strategy.work import SERVICE
from shared.contracts.errors import InputError
from shared.contracts.runs import RunMode


def run_strategy_verb(asked: Asked, partition: int, mode: RunMode, news: Path | None) -> None:
    """Assess a partition's candles until the process is to stop; raise InputError where there is no such partition."""
    service = service_of(SERVICE, asked)
    partitions = service.settings.deployment.partitions
    if partition >= partitions:
        raise InputError(
            f"there is no partition {partition}: setting deployment.partitions is {partitions}, "
            "and they are counted from 0"
        )
    calendar = read_news(news)
    store_url, broker_url = service.addresses
    with service.process() as process:
        run_strategy(
            process, service.settings, mode, calendar, partition=partition, store_url=store_url, broker_url=broker_url
        )
