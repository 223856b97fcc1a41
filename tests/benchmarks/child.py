"""Run one measurement in a process of its own, so that its time and memory are its own."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

# Said again here, since its home loads the drivers of all servers. The program takes it for an unknown setting.
_SWITCH: Final = "SCALP_BOT_TEST_SERVERS"


class Finished(NamedTuple):
    """A process that ended well: wall time, peak resident memory, and the JSON object in its last line, if any."""

    seconds: float
    peak_megabytes: float
    figures: dict[str, Any]


class BenchmarkError(Exception):
    """A measurement failed; the message says which and how."""


def run_module(name: str, *arguments: str, limit_seconds: float) -> Finished:
    """Run a module of this package with some arguments."""
    return _finished([sys.executable, "-m", f"tests.benchmarks.{name}", *arguments], limit_seconds, dict(os.environ))


def run_program(command: Sequence[str], limit_seconds: float) -> Finished:
    """Run a command to its end; raises BenchmarkError when it fails or takes longer than the limit."""
    environment = {name: value for name, value in os.environ.items() if name != _SWITCH}
    return _finished(command, limit_seconds, environment)


def _finished(command: Sequence[str], limit_seconds: float, environment: dict[str, str]) -> Finished:
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complaints:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=printed, stderr=complaints, env=environment)
        alarm = threading.Timer(max(1.0, limit_seconds), process.kill)
        alarm.start()
        # Only wait4 tells the peak memory of this one process.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        alarm.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            complaints.seek(0)
            lines = complaints.read().decode(errors="replace").strip().splitlines()
            reason = lines[-1] if lines else f"exit code {process.returncode} after {seconds:.0f} s"
            raise BenchmarkError(f"{' '.join(command[:4])}: {reason}")
        printed.seek(0)
        return Finished(seconds, usage.ru_maxrss / 1024, _last_object(printed.read().decode()))


def _last_object(text: str) -> dict[str, Any]:
    last = text.rstrip().rpartition("\n")[2]
    return json.loads(last) if last.startswith("{") else {}
