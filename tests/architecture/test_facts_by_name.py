"""Facts are put together by name: a field that is added or moved cannot give another one's value a new meaning."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.test_rules import name_of, product_sources

MOST_UNNAMED: Final = 6
MOST_UNNAMED_FIELDS: Final = 3
# Kernels take their columns as arguments, and compiled code calls by position; a table lists its columns.
_LEFT_OUT: Final = ("shared/core/", "shared/store/tables/", "shared/store/migrations/")
_KERNELS: Final = frozenset({"account_step", "quote_step", "close_step", "self._settle"})


def many_fields(trees: list[ast.Module]) -> frozenset[str]:
    """Return the names of our NamedTuples and dataclasses that have more fields than may go unnamed."""
    classes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return frozenset(each.name for each in classes if _is_fact(each) and len(_fields(each)) > MOST_UNNAMED_FIELDS)


def _is_fact(node: ast.ClassDef) -> bool:
    bases = {ast.unparse(base) for base in node.bases}
    return "NamedTuple" in bases or any("dataclass" in ast.unparse(each) for each in node.decorator_list)


def _fields(node: ast.ClassDef) -> list[ast.AnnAssign]:
    return [each for each in node.body if isinstance(each, ast.AnnAssign)]


def unnamed(tree: ast.Module, facts: frozenset[str]) -> Iterator[str]:
    """Yield the calls of a module that give too many values by position."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or (called := ast.unparse(node.func)) in _KERNELS:
            continue
        given = [each for each in node.args if not isinstance(each, ast.Starred)]
        unpacked = len(node.args) > len(given)
        if len(given) > MOST_UNNAMED:
            yield f"line {node.lineno}: {called} takes {len(given)} values by position"
        elif called in facts and (unpacked or len(given) > MOST_UNNAMED_FIELDS):
            yield f"line {node.lineno}: {called} is made of values without names"


_TREES: Final = {path: ast.parse(path.read_text(encoding="utf-8")) for path in product_sources()}
_FACTS: Final = many_fields(list(_TREES.values()))


@pytest.mark.parametrize("path", [path for path in _TREES if not name_of(path).startswith(_LEFT_OUT)], ids=name_of)
def test_facts_are_made_by_name(path: Path) -> None:
    assert list(unnamed(_TREES[path], _FACTS)) == []


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("Trade(1, 2, 3, 4)", True),
        ("Trade(*row)", True),
        ("Trade(1, b=2, c=3, d=4)", False),
        ("Trade._make(row)", False),
        ("settle(1, 2, 3, 4, 5, 6, 7)", True),
        ("settle(1, 2, 3, 4, 5, 6)", False),
    ],
)
def test_values_without_names_are_found(call: str, found: bool) -> None:
    facts = many_fields([ast.parse("class Trade(NamedTuple):\n    a: int\n    b: int\n    c: int\n    d: int\n")])
    assert bool(list(unnamed(ast.parse(call), facts))) is found
