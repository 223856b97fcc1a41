"""What is said while machine code is prepared is true: it tells of compiling only where something is compiled."""

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
from services.cli.terminal.progress import preparing
from shared.core.jit import compiled
from shared.core.indicators.trend import mean_beside

with preparing("engine"):
    compiled(mean_beside)(1.0, 2.0)
"""
_SAID = "preparing the engine: compiled once on this machine, which takes some seconds\n"


def told(cache: Path) -> str:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run([sys.executable, "-c", _PROGRAM], env=environment, capture_output=True, text=True, check=True)
    # A machine that is slow may say that it prepares; it must not say why.
    return done.stderr.replace("preparing the engine\n", "")


def test_compiling_is_told_of_only_where_it_happens(tmp_path: Path) -> None:
    assert told(tmp_path) == _SAID
    assert told(tmp_path) == ""
    for code in tmp_path.rglob("*.nbc"):
        code.write_bytes(b"damaged")
    assert told(tmp_path) == _SAID


def test_machine_code_that_cannot_be_kept_is_not_said_to_be_compiled_once(tmp_path: Path) -> None:
    place = tmp_path / "a file"
    place.touch()
    said = "preparing the engine: compiled at every start, as its cache cannot be written, which takes some seconds\n"
    assert told(place) == said
