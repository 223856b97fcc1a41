"""The import rule of `pyproject.toml`: kept by the code, and refusing a breach of each kind."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.repository import ROOT

# What the core may use besides itself: numbers and types. Its compiler's cache (`jit`) is the one door to a disk.
_PURE: Final = frozenset({"collections.abc", "dataclasses", "math", "numpy", "numpy.typing", "types", "typing", "zlib"})
# The strategies are found by looking into their folder, which Python does for every import.
_FINDER: Final = _PURE | {"importlib", "pkgutil"}
_COMPILER: Final = _PURE | {
    "contextlib",
    "functools",
    "hashlib",
    "numba",
    "numba.core.event",
    "numba.extending",
    "os",
    "pathlib",
    "shutil",
    "sys",
    "tempfile",
}
_LISTED: Final = "services.executor.desk"


def lint(folder: Path) -> "subprocess.CompletedProcess[str]":
    linter = Path(sys.executable).parent / "lint-imports"
    return subprocess.run([linter, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("breached")
    for package in ("services", "shared"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def breach(folder: Path, module: str, line: str) -> str:
    """Add a line to a module of a copy, ask the linter, take the line back, and return what the linter said."""
    path = folder / (module.replace(".", "/") + ".py")
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    try:
        finished = lint(folder)
    finally:
        path.unlink() if before is None else path.write_text(before, encoding="utf-8")
    assert finished.returncode != 0, "the breach was let through"
    return " ".join(finished.stdout.split())


def test_nobody_imports_what_the_layers_forbid() -> None:
    finished = lint(ROOT)
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize(
    ("module", "line", "refused"),
    [
        (_LISTED, "import services.cli.terminal.output", "services.executor is not allowed to import services.cli"),
        (_LISTED, "import services.ingest.feed", "services.executor is not allowed to import services.ingest"),
        (_LISTED, "import pika", "services is not allowed to import pika"),
        (_LISTED, "import sqlalchemy", "services is not allowed to import sqlalchemy"),
        ("shared.core.gates", "import random", "shared.core is not allowed to import random"),
        ("shared.core.gates", "import httpx", "shared.core is not allowed to import httpx"),
        ("shared.core.gates", "import logging", "shared.core is not allowed to import logging"),
        ("shared.core.gates", "import time", "shared.core is not allowed to import time"),
        ("shared.core.gates", "import sqlite3", "shared.core is not allowed to import sqlite3"),
        ("shared.core.gates", "import shared.core.market", "shared.core.gates is not allowed to import"),
        ("shared.core.gates", "import shared.contracts.errors", "shared.core is not allowed to import"),
        ("shared.contracts.errors", "import shared.runtime.retry", "shared.contracts is not allowed to import"),
        ("services.unlisted", "", "services.unlisted"),
        ("shared.unlisted", "", "shared.unlisted"),
    ],
)
def test_breach_of_the_import_rule_is_refused(copied: Path, module: str, line: str, refused: str) -> None:
    assert refused in breach(copied, module, line)


@pytest.mark.parametrize("path", sorted((ROOT / "shared" / "core").rglob("*.py")), ids=lambda path: path.stem)
def test_core_imports_numbers_and_types_alone(path: Path) -> None:
    allowed = {"jit.py": _COMPILER, "__init__.py": _FINDER}.get(path.name, _PURE)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            assert name in allowed or name.startswith("shared.core"), f"line {node.lineno}: {name}"
