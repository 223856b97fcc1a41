"""Whether the message broker answers and has every queue, where one is named."""

from functools import partial
from typing import Final

from services.inspection.doctor.findings import CheckGroup, Report
from shared.bus.rabbitmq_topology import TopologyJob
from shared.bus.topology import topology
from shared.settings.settings import Settings

BUS: Final = "message broker"
_CONNECTION_NAME: Final = "scalpbot doctor"
_SHOWN: Final = 3


def broker_section(settings: Settings) -> CheckGroup:
    """Return the check of the broker."""

    def examine(report: Report) -> None:
        report.judge(BUS, partial(_look, settings, report))

    return CheckGroup((BUS,), examine)


def _look(settings: Settings, report: Report) -> None:
    url = settings.runtime.rabbitmq_url
    if url is None:
        report.ok(BUS, "not needed: RABBITMQ_URL is not set, and a run in one process needs no broker")
        return
    job = TopologyJob(url.get_secret_value(), topology(settings.deployment.partitions), _CONNECTION_NAME)
    differences = job.differences()
    if not differences:
        report.ok(BUS, "the broker has every exchange and queue, and every queue works")
        return
    more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    report.problem(BUS, f"{'; '.join(differences[:_SHOWN])}{more}: `scalpbot bus declare` creates what is missing")
