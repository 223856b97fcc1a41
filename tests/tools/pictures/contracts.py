"""The floors of the house, as the import contracts of `pyproject.toml` have them."""

import ast
import tomllib
from typing import Final

from tests.repository import ROOT

CONTAINERS: Final = ("services", "shared", "shared.core")


def floors(container: str) -> list[list[str]]:
    """Return the rooms of a package, the top floor first; rooms of one floor do not import each other."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers" and contract["containers"] == [container]:
            return [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]
    raise LookupError(f"pyproject.toml has no layers for {container}")


def rule(container: str) -> str:
    """Return the floors in one line: `>` may import what stands to its right, `|` separates rooms that may not."""
    return " > ".join(" | ".join(floor) for floor in floors(container))


def purpose(package: str) -> str:
    """Return the first line of a package's docstring, without its full stop."""
    text = (ROOT / package.replace(".", "/") / "__init__.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0].replace("`", "").rstrip(".")
