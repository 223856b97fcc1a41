"""The rules of the house: who may import whom, how long things are, and where time and surroundings may be read."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
LONGEST_MODULE_LINES: Final = 400
LONGEST_FUNCTION_LINES: Final = 60
# Reading the clock, the environment or chance: only where a process meets the world.
_SURROUNDINGS: Final = {
    ("time", "time"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("date", "today"),
    ("os", "environ"),
    ("os", "getenv"),
    ("uuid", "uuid4"),
}
_AT_THE_EDGE: Final = ("services/cli/", "shared/runtime/", "shared/core/jit.py")


def sources() -> list[Path]:
    return sorted(path for root in ("services", "shared", "tests") for path in (ROOT / root).rglob("*.py"))


def product_sources() -> list[Path]:
    return [path for path in sources() if path.relative_to(ROOT).parts[0] != "tests"]


def name_of(path: object) -> str:
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else str(path)


def test_nobody_imports_what_the_layers_forbid() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    finished = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_module_and_its_functions_can_be_taken_in_at_once(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE_LINES
    for function in functions(ast.parse(text)):
        assert (function.end_lineno or 0) - function.lineno < LONGEST_FUNCTION_LINES, function.name


@pytest.mark.parametrize("path", product_sources(), ids=name_of)
def test_time_chance_and_environment_are_arguments(path: Path) -> None:
    if name_of(path).startswith(_AT_THE_EDGE):
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) not in _SURROUNDINGS, f"line {node.lineno}"


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
