"""Start the three processes of the bare loop and time them from the first message to the last commit."""

import json
import subprocess
import sys
from contextlib import ExitStack
from typing import IO, Any, Final

from tests.benchmarks.child import BenchmarkError
from tests.benchmarks.deployed.bare_loop import KEPT, PASSED_ON, READY
from tests.benchmarks.ground import Ground

# Whoever consumes is there before the first message.
_ROLES: Final = ("keep", "pass_on", "produce")
_KEPT: Final = f"SELECT count(*), extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float8 FROM {KEPT}"


def run_bare_loop(ground: Ground, how: str, file: str, count: int, seconds: float) -> dict[str, Any]:
    """Send a candle file through the loop, `single` or `batched`; return seconds and peak memory of its processes."""
    for table in (PASSED_ON, KEPT):
        ground.execute(f"CREATE TABLE {table} (seq bigint PRIMARY KEY, body text NOT NULL)")
    with ExitStack() as running:
        processes = []
        for role in _ROLES:
            process = running.enter_context(_started(ground, role, how, file, count))
            running.callback(process.kill)
            processes.append(process)
            if _output(process).readline().strip() != READY:
                raise BenchmarkError(f"{role} of the bare loop did not start")
        for process in reversed(processes):
            process.wait(seconds)
        ends = {role: json.loads(_output(process).read()) for role, process in zip(_ROLES, processes, strict=True)}
    kept, committed = ground.rows(_KEPT)[0]
    if kept != count:
        raise BenchmarkError(f"the bare loop kept {kept} of {count} messages")
    peaks = {role: end["peak_megabytes"] for role, end in ends.items()}
    return {"seconds": committed - ends["produce"]["began"], "count": count, "peak_megabytes": peaks}


def _started(ground: Ground, role: str, how: str, file: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.benchmarks.deployed.bare_loop", role, how, file, str(count)]
    return subprocess.Popen(command, env=ground.surroundings, stdout=subprocess.PIPE, text=True)


def _output(process: "subprocess.Popen[str]") -> IO[str]:
    if process.stdout is None:
        raise BenchmarkError("the process has no output")
    return process.stdout
