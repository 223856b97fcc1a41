"""Besiege a platform on this machine with all that keeps others out, and print what of it is felt.

`python -m tests.tools.siege [--seconds 20] [--candles 20000] [--json]`; exits with 1 where somebody was kept out.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.fixtures.crowds.siege import Felt, Sizes, besiege
from tests.fixtures.up import running
from tests.repository import ROOT

# What is promised in docs/api.md.
_ALIVE_SECONDS: Final = 1.0
_ANSWERED_SECONDS: Final = 1.0
_APPLIED_SECONDS: Final = 2.0
_OPEN_FILES: Final = 4_096


def main(arguments: Sequence[str]) -> int:
    """Besiege a new platform and return the exit code."""
    choice = _parsed(arguments)
    with tempfile.TemporaryDirectory(prefix="scalpbot-siege-") as folder:
        _fill(Path(folder), choice.candles)
        with running(Path(folder), "--health-port", 0) as up:
            # Of our own files, after the platform was started with what it is usually allowed.
            _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _OPEN_FILES), hard))
            felt = besiege(up, int(up.told(r'"health_port": (\d+)')), Sizes(), choice.seconds)
    print(json.dumps(felt._asdict()) if choice.json else _table(felt))
    kept = felt.alive < _ALIVE_SECONDS and felt.answered < _ANSWERED_SECONDS and felt.applied < _APPLIED_SECONDS
    return 0 if kept else 1


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.siege", description="Besiege a platform.")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long it lasts, after as long without it")
    parser.add_argument("--candles", type=int, default=20_000, help="how many candles are traded before")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(arguments)


def _fill(folder: Path, candles: int) -> None:
    """Trade so many candles first, so that there is something to read."""
    command = [sys.executable, "-m", "tests.tools.scalpbot", "up", "--no-api", "--speed", "max", "--candles", candles]
    environ = {"PYTHONPATH": str(ROOT)}
    subprocess.run([str(part) for part in command], cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)


def _table(felt: Felt) -> str:
    names = {
        "alive": "worst /healthz of the API, seconds",
        "monitored": "worst /healthz of the port for monitors, seconds",
        "answered": "worst KILL_SWITCH_ON answered after, seconds",
        "applied": "worst KILL_SWITCH_ON applied after, seconds",
        "candles_before": "candles traded in a second, before",
        "candles_during": "candles traded in a second, during",
        "memory_before": "memory before, MB",
        "memory_most": "memory at most, MB",
    }
    return "\n".join(f"{names[name]:50} {value:10.2f}" for name, value in felt._asdict().items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
