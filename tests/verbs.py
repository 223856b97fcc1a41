"""The program called in the process of a test, in a folder of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(name="run")
def run_(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the program, called in a folder of its own: its exit code, and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def answer(run: Run, *arguments: str) -> Any:
    """Return the JSON document that a verb answers with."""
    code, output, errors = run(*arguments, "--json")
    assert code == 0, errors
    return json.loads(output)
