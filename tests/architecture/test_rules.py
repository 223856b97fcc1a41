"""The rules of the house: who may import whom, how long things are, and where time and surroundings may be read."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.repository import ROOT

LONGEST_MODULE_LINES: Final = 400
LONGEST_FUNCTION_LINES: Final = 60
MOST_MODULES_IN_A_FOLDER: Final = 20
# Reading the clock, the environment or chance: only where a process meets the world.
_SURROUNDINGS: Final = {
    ("time", "time"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("date", "today"),
    ("os", "environ"),
    ("os", "getenv"),
    ("time", "time_ns"),
    ("uuid", "uuid1"),
    ("uuid", "uuid4"),
    *(("random", name) for name in ("random", "randint", "randrange", "choice", "shuffle", "uniform", "getrandbits")),
}
_AT_THE_EDGE: Final = ("services/cli/", "shared/runtime/", "shared/settings/", "shared/anchors/", "shared/core/jit.py")


def sources() -> list[Path]:
    return sorted(path for root in ("services", "shared", "tests") for path in (ROOT / root).rglob("*.py"))


def product_sources() -> list[Path]:
    return [path for path in sources() if path.relative_to(ROOT).parts[0] != "tests"]


def name_of(path: object) -> str:
    return str(path.relative_to(ROOT)) if isinstance(path, Path) else str(path)


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
    assert list(surroundings(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "from time import time",
        "import random as chance\nchance.random()",
        "from datetime import datetime as moment\nmoment.now()",
        "from os import environ",
    ],
)
def test_surroundings_are_found_however_they_are_imported(text: str) -> None:
    assert list(surroundings(text))


def surroundings(text: str) -> Iterator[str]:
    """Yield where a module reads the clock, chance or the environment, under whatever name it imported them."""
    tree = ast.parse(text)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = alias.name
                if (node.module, alias.name) in _SURROUNDINGS:
                    yield f"line {node.lineno}: {node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            read = (names.get(node.value.id, node.value.id), node.attr)
            if read in _SURROUNDINGS:
                yield f"line {node.lineno}: {'.'.join(read)}"


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_functions_that_wait_are_measured_too() -> None:
    assert [found.name for found in functions(ast.parse("async def wait(): ...\ndef act(): ..."))] == ["wait", "act"]


@pytest.mark.parametrize("folder", sorted({path.parent for path in sources()}), ids=name_of)
def test_folder_holds_no_more_modules_than_can_be_taken_in_at_once(folder: Path) -> None:
    modules = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(modules) <= MOST_MODULES_IN_A_FOLDER
