"""What is said of the services over their servers, and of the bare loop beside them."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from tests.benchmarks.report import Aim, Measurement

MANY: Final = 20_000
# Message by message takes longer, at a rate that does not depend on how many there are.
SINGLE: Final = 6_000
# Thirty-five seconds of a market that closes twenty candles in each.
LIVE: Final = 700

DEPLOYED_NOTES: Final = (
    """\
Deployed: ingest, strategy and executor as processes over RabbitMQ with quorum queues and PostgreSQL with fsync, all \
on this machine. Time runs from the moment at which ingest, its file read, begins to store, to the last commit of the \
ledger; starting the processes is left out. Their peak memory is added up.""",
    """\
Bare loop: one program publishes with confirms, one consumes, commits a row, publishes with confirm and acknowledges, \
one consumes, commits a row and acknowledges; over the same queues, with the same prefetch, its messages as long as \
candles. It has no outbox, cursors or order, so a fault can lose or repeat what it does. One by one is how such a loop \
is written with pika; up to 200 together, as the services do it, shows what the transport itself would bear.""",
    """\
Latency: one pair at 20 candles a second, from the commit of a candle in PostgreSQL to that of its verdicts in the \
ledger, as the database noted both; publishing, judging, settling and two ways through the broker lie in between. The \
first candles, which find cold processes, count too.""",
)


def deployed_measurements(figures: Mapping[str, Any]) -> list[Measurement]:
    """Return the rows of the table of measurements."""
    services = figures["services"]
    rows = [
        _row("deployed, candle file to ledger", "scalpbot, 3 processes", services),
        _row("the same hops, nothing in them", "bare loop, one by one", figures["single"]),
        _row("the same hops, nothing in them", "bare loop, up to 200 together", figures["batched"]),
    ]
    for name in services[0]["peak_megabytes"]:
        peak = max(run["peak_megabytes"][name] for run in services)
        rows.append(Measurement("deployed, its processes", name, None, None, services[0]["count"], None, peak))
    return rows


def deployed_aims(figures: Mapping[str, Any]) -> list[Aim]:
    """Return what was aimed at; only a figure that does not hang on the disk can fail a run."""
    rate, bare = _rate(figures["services"]), _rate(figures["single"])
    latency = figures["latency"]
    return [
        Aim("deployed against the bare loop, one by one", rate / bare, 0.5, "times as fast", True, True),
        Aim("deployed, candle file to ledger", rate, 1_000, "candles/s", True, False),
        Aim("deployed, candle to ledger at 20 a second, p50", latency["p50_milliseconds"], 15, "ms", False, False),
        Aim("deployed, candle to ledger at 20 a second, p99", latency["p99_milliseconds"], 50, "ms", False, False),
    ]


def _row(job: str, by: str, runs: Sequence[Mapping[str, Any]]) -> Measurement:
    seconds = [run["seconds"] for run in runs]
    peak = max(sum(run["peak_megabytes"].values()) for run in runs)
    return Measurement(job, by, min(seconds), median(seconds), runs[0]["count"], runs[0].get("trades"), peak)


def _rate(runs: Sequence[Mapping[str, Any]]) -> float:
    return max(float(run["count"] / run["seconds"]) for run in runs)
