"""What was measured, what was aimed at, and how both are printed."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tests.benchmarks.machine import Machine


class Measurement(NamedTuple):
    """One measured job: seconds of the best and the median run, candles, trades and peak memory of its process."""

    job: str
    by: str
    best_seconds: float | None
    median_seconds: float | None
    candles: int
    trades: int | None
    peak_megabytes: float


class Aim(NamedTuple):
    """A figure and what it should be; `required` says that missing it fails the run."""

    name: str
    found: float
    aimed: float
    unit: str
    at_least: bool
    required: bool

    @property
    def reached(self) -> bool:
        """Return whether the figure is as good as aimed at."""
        return self.found >= self.aimed if self.at_least else self.found <= self.aimed


class Report(NamedTuple):
    """Everything that a run found; `left_out` says what could not be measured, and why."""

    machine: Machine
    candles: int
    measurements: Sequence[Measurement]
    aims: Sequence[Aim]
    notes: Sequence[str]
    left_out: Sequence[str]

    @property
    def passed(self) -> bool:
        """Return whether every required figure that was measured is reached."""
        return all(aim.reached for aim in self.aims if aim.required)


def as_json(report: Report) -> str:
    """Return the report as a JSON document."""
    document = {
        "machine": report.machine._asdict(),
        "candles": report.candles,
        "measurements": [each._asdict() for each in report.measurements],
        "aims": [{**aim._asdict(), "reached": aim.reached} for aim in report.aims],
        "notes": list(report.notes),
        "left_out": list(report.left_out),
        "passed": report.passed,
    }
    return json.dumps(document, indent=2)


def say(report: Report) -> None:
    """Print the report as tables."""
    console = Console(width=124, highlight=False)
    machine = report.machine
    console.print(f"{machine.processor}, {machine.cores} cores, {machine.system}, Python {machine.python}")
    if report.candles:
        console.print(f"{report.candles:,} generated candles with bid and ask\n")
    if report.measurements:
        console.print(_measurements(report.measurements))
    console.print(_aims(report.aims))
    for note in report.notes:
        console.print(f"- {note}")
    for reason in report.left_out:
        console.print(f"Left out: {reason}")
    console.print(_verdict(report))


def _verdict(report: Report) -> str:
    if not report.passed:
        return "A required figure is MISSED."
    if report.left_out:
        return "Not everything was measured; no required figure that was measured is missed."
    return "All required figures are reached."


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right")
    return table


def _measurements(measurements: Sequence[Measurement]) -> Table:
    table = _table("Measured", ("job", "by"), ("best s", "median s", "candles/s", "trades", "peak MB"))
    for each in measurements:
        rate = "" if each.best_seconds is None else f"{each.candles / each.best_seconds:,.0f}"
        trades = "" if each.trades is None else f"{each.trades:,}"
        row = (each.job, each.by, _seconds(each.best_seconds), _seconds(each.median_seconds))
        table.add_row(*row, rate, trades, f"{each.peak_megabytes:,.0f}")
    return table


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.3f}"


def _aims(aims: Sequence[Aim]) -> Table:
    table = _table("Aimed at", ("figure",), ("found", "aim", "verdict"))
    for aim in aims:
        sign = "at least" if aim.at_least else "at most"
        verdict = "reached" if aim.reached else "MISSED" if aim.required else "not reached"
        table.add_row(aim.name, f"{aim.found:,.1f} {aim.unit}", f"{sign} {aim.aimed:,g} {aim.unit}", verdict)
    return table
