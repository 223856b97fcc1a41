"""All measurements of one run, one after the other, each in a process of its own."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.benchmarks.api.commands_figures import COMMANDS_NOTES, FLOOD, commands_aims
from tests.benchmarks.api.figures import LISTED_CANDLES, LOGIN, LOGIN_NOTES, READS, READS_NOTES, login_aims, reads_aims
from tests.benchmarks.child import BenchmarkError, Finished, run_module, run_program
from tests.benchmarks.deployed.figures import DEPLOYED_NOTES, LIVE, MANY, SINGLE, deployed_aims, deployed_measurements
from tests.benchmarks.machine import this_machine
from tests.benchmarks.report import Aim, Measurement, Report

# This process stays small and imports nothing heavy: Linux counts a parent's memory at the fork as the child's.
DEPLOYED = "deployed"
COMMANDS = "commands"
_PAIR = "EUR_USD"
_PAPER_CANDLES = 30_000
_LIMIT_SECONDS = 560.0
_LONGER_SECONDS = 1_200.0
_FAREWELL_SECONDS = 30.0
_WHOLE_RUNS = 5
_ROUNDS = 3
_NOTES = (
    """\
The engine does more than its peers in a run: calendar and sessions, fills on bid and ask, seven gates with the reason \
for every candle, ATR, ADX, VWAP and the median of 200 ATRs besides the averages, sizes by risk and daily halts in \
exact money, equity after every candle, the list of trades. It runs on two threads, its peers on one.""",
    """\
The peers trade the bare cross of EMA 9 and EMA 21 with ATR stops, on mid prices and with fixed sizes; without gates \
they make many more trades. Both are given mid prices made beforehand, where the engine starts from bid and ask. \
vectorbt's run holds indicators, signals, portfolio, trades and equity. backtesting.py's run holds indicators, trades, \
equity and its statistics; its strategy is written for speed, with signals reckoned over whole columns, and once more \
as the manual writes strategies, which is slower.""",
    "vectorbt can sweep many parameters in one call; that is not measured here.",
    """\
Whole process: start of Python, reading the candle file, the run, the printed result. `scalpbot backtest` checks every \
row of the file and runs three times (all candles, training, validation).""",
)


class _Runner(NamedTuple):
    """Who runs the strategy: its package, our module, rounds, and how many times as fast we aim to be."""

    name: str
    package: str
    arguments: tuple[str, ...]
    rounds: int = _ROUNDS
    aimed: int = 1
    required: bool = True

    def command(self, file: Path) -> tuple[str, ...]:
        """Return the module and its arguments."""
        module, *rest = self.arguments
        return module, str(file), *rest


class _Alone(NamedTuple):
    """A part that can be measured alone: what is said of it, and on how many candles it works."""

    notes: tuple[str, ...]
    candles: int


_ALONE = {
    DEPLOYED: _Alone(DEPLOYED_NOTES, MANY),
    COMMANDS: _Alone(COMMANDS_NOTES, FLOOD),
    LOGIN: _Alone(LOGIN_NOTES, 0),
    READS: _Alone(READS_NOTES, LISTED_CANDLES),
}
PARTS = tuple(_ALONE)
_OWN = _Runner("scalpbot", "services", ("one_process.full_engine",))
_BACKTESTING = "one_process.backtesting_peer"
_FASTER = _Runner("backtesting.py, hand-tuned", "backtesting", (_BACKTESTING, "fast"), aimed=100, required=False)
_PEERS = (
    _Runner("vectorbt", "vectorbt", ("one_process.vectorbt_peer",), aimed=3),
    _FASTER,
    _Runner(
        "backtesting.py as in its manual", "backtesting", (_BACKTESTING, "manual"), rounds=2, aimed=100, required=True
    ),
)


@dataclass
class _Collected:
    measurements: list[Measurement] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    end: float = 0.0

    @property
    def seconds_left(self) -> float:
        return self.end - time.monotonic()


def measure_all(folder: Path, candles: int, only: str | None = None) -> Report:
    """Measure everything on some generated candles, or only the part of a name; progress goes to stderr."""
    found = _Collected(end=time.monotonic() + (_LONGER_SECONDS if only == READS else _LIMIT_SECONDS))
    over_servers: dict[str, Callable[[], None]] = {
        DEPLOYED: lambda: _deployed(found, folder),
        COMMANDS: lambda: _commands(found, folder),
    }
    of_the_api: dict[str, Callable[[], None]] = {LOGIN: lambda: _login(found), READS: lambda: _reads(found, folder)}
    steps = over_servers if only is None else {only: {**over_servers, **of_the_api}[only]}
    if only is None:
        steps = {**_in_one_process(found, folder, candles), **steps}
    for name, step in steps.items():
        _say_step(name)
        try:
            step()
        except BenchmarkError as error:
            found.left_out.append(f"{name}: {error}")
    alone = _ALONE.get(only or "", _Alone((*_NOTES, *DEPLOYED_NOTES, *COMMANDS_NOTES), candles))
    return Report(this_machine(), alone.candles, found.measurements, found.aims, alone.notes, found.left_out)


def _in_one_process(found: _Collected, folder: Path, candles: int) -> dict[str, Callable[[], None]]:
    """Return the steps that need no server."""
    many, few = folder / f"{_PAIR}_M1.csv", folder / f"{_PAIR}_M1_short.csv"
    _say_step(f"writing {candles:,} candles")
    run_module("candles", str(many), str(candles), limit_seconds=found.seconds_left)
    run_module("candles", str(few), str(_PAPER_CANDLES), limit_seconds=found.seconds_left)
    return {
        "the engine and its peers in turns": lambda: _engines(found, many, candles),
        "whole processes": lambda: _whole_processes(found, many, candles),
        "paper trading": lambda: _paper(found, few, folder / "paper.db"),
        "single live candles": lambda: _live_candle(found, few),
        "reading the candle file": lambda: _reading(found, many, candles),
    }


def _say_step(name: str) -> None:
    print(f"bench: {name}", file=sys.stderr, flush=True)


def _has(found: _Collected, package: str) -> bool:
    there = find_spec(package) is not None
    reason = f"{package} is not installed; `make bench` installs it"
    if not there and reason not in found.left_out:
        found.left_out.append(reason)
    return there


def _measured(job: str, by: str, finished: Finished, candles: int) -> Measurement:
    figures = finished.figures
    best = figures.get("best")
    return Measurement(job, by, best, figures.get("median"), candles, figures.get("trades"), finished.peak_megabytes)


def _engines(found: _Collected, file: Path, candles: int) -> None:
    """Run engine and peers in turns, so that what else the machine does meets all of them."""
    peers = [peer for peer in _PEERS if _has(found, peer.package)]
    runs: dict[str, list[Finished]] = {_OWN.name: [], **{peer.name: [] for peer in peers}}
    for number in range(_ROUNDS):
        for peer in (_OWN, *peers):
            if number < peer.rounds:
                runs[peer.name].append(run_module(*peer.command(file), limit_seconds=found.seconds_left))
    best = {name: min(run.figures["best"] for run in each) for name, each in runs.items()}
    for name, each in runs.items():
        found.measurements.append(_best_of(each, "strategy from columns, warm", name, candles))
    for peer in peers:
        ratio = best[peer.name] / best[_OWN.name]
        found.aims.append(_ratio(f"full engine against {peer.name}", ratio, peer.aimed, peer.required))
    if _FASTER.name in runs:
        whole = _wall("whole process from the file", _FASTER.name, runs[_FASTER.name], candles)
        found.measurements.append(whole)


def _best_of(runs: list[Finished], job: str, by: str, candles: int) -> Measurement:
    best = min(runs, key=lambda run: run.figures["best"])
    medians = [run.figures.get("median", run.figures["best"]) for run in runs]
    return _measured(job, by, best, candles)._replace(median_seconds=median(medians))


def _whole_processes(found: _Collected, file: Path, candles: int) -> None:
    program = Path(sys.executable).with_name("scalpbot")
    command = [str(program), "backtest", "--csv", f"{_PAIR}={file}"]
    runs = [run_program(command, found.seconds_left) for _ in range(_WHOLE_RUNS + 1)][1:]
    own = _wall("whole process from the file", "scalpbot", runs, candles)
    found.measurements.append(own)
    for peer in found.measurements:
        if peer.job == own.job and peer.by == _FASTER.name and peer.best_seconds and own.best_seconds:
            found.aims.append(
                _ratio("whole process against backtesting.py's", peer.best_seconds / own.best_seconds, 4, True)
            )


def _wall(job: str, by: str, runs: list[Finished], candles: int) -> Measurement:
    seconds = [run.seconds for run in runs]
    peak = max(run.peak_megabytes for run in runs)
    return Measurement(job, by, min(seconds), median(seconds), candles, None, peak)


def _paper(found: _Collected, file: Path, database: Path) -> None:
    run = run_module("one_process.paper", str(file), str(database), limit_seconds=found.seconds_left)
    candles = run.figures["candles"]
    found.measurements.append(_measured("paper OFFLINE, everything stored", "scalpbot", run, candles))
    rate = candles / run.figures["best"]
    found.aims.append(Aim("paper OFFLINE, everything stored", rate, 5000, "candles/s", True, False))


def _live_candle(found: _Collected, file: Path) -> None:
    run = run_module("one_process.live_candle", str(file), limit_seconds=found.seconds_left)
    found.measurements.append(
        Measurement(
            "live candle in plain Python", "scalpbot", None, None, run.figures["candles"], None, run.peak_megabytes
        )
    )
    for name in ("p50", "p99"):
        found.aims.append(
            Aim(
                f"live candle, market and account, {name}", run.figures[f"{name}_microseconds"], 100, "us", False, False
            )
        )


def _reading(found: _Collected, file: Path, candles: int) -> None:
    job = "reading the candle file"
    for by in ("scalpbot", "pandas"):
        run = run_module("one_process.csv_reading", str(file), by, limit_seconds=found.seconds_left)
        found.measurements.append(_measured(job, f"{by}, every row checked" if by == "scalpbot" else by, run, candles))


def _deployed(found: _Collected, folder: Path) -> None:
    counts = (MANY, SINGLE, LIVE)
    files = [str(folder / f"deployed_{count}.csv") for count in counts]
    for file, count in zip(files, counts, strict=True):
        run_module("candles", file, str(count), limit_seconds=found.seconds_left)
    # It has to end by itself, to take its processes with it.
    allowed = str(found.seconds_left - _FAREWELL_SECONDS)
    run = run_module("deployed.services", *files, str(folder), allowed, limit_seconds=found.seconds_left)
    found.measurements += deployed_measurements(run.figures)
    found.aims += deployed_aims(run.figures)


def _commands(found: _Collected, folder: Path) -> None:
    flood = str(folder / "flood.csv")
    run_module("candles", flood, str(FLOOD), limit_seconds=found.seconds_left)
    allowed = str(found.seconds_left - _FAREWELL_SECONDS)
    run = run_module("api.commands", flood, str(folder), allowed, limit_seconds=found.seconds_left)
    found.aims += commands_aims(run.figures)


def _login(found: _Collected) -> None:
    found.aims += login_aims(run_module("api.login", limit_seconds=found.seconds_left).figures)


def _reads(found: _Collected, folder: Path) -> None:
    allowed = str(found.seconds_left - _FAREWELL_SECONDS)
    run = run_module("api.reads", str(LISTED_CANDLES), str(folder), allowed, limit_seconds=found.seconds_left)
    found.aims += reads_aims(run.figures["pages"])


def _ratio(name: str, found: float, aimed: float, required: bool) -> Aim:
    return Aim(name, found, aimed, "times as fast", True, required)
