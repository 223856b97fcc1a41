"""Run a verb of the program to its end, for tests that work with a deployment."""

import os
import subprocess
import sys
from collections.abc import Mapping

from tests.servers.choice import SWITCH

_DEADLINE_SECONDS = 120


def run_verb(*arguments: str, environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Return what a verb said and its exit code; `environ` is added to the test run's own environment."""
    inherited = {variable: value for variable, value in os.environ.items() if variable != SWITCH}
    return subprocess.run(
        [sys.executable, "-m", "tests.tools.scalpbot", *arguments],
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        timeout=_DEADLINE_SECONDS,
        check=False,
    )
