"""docker-compose.yml read without docker: defaults filled in, and files laid over each other."""

import re
from functools import reduce
from typing import Any, Final

import yaml

from tests.repository import ROOT

MAIN: Final = "docker-compose.yml"
DOORS: Final = "deploy/docker/doors.yml"
_VARIABLE: Final = re.compile(r"\$\{\w+(?::-(?P<default>[^}]*)|:\+[^}]*)\}")


def read_compose(*names: str) -> dict[str, Any]:
    """Return compose files laid over each other, each later one over those before, with every variable unset."""
    return reduce(_laid_over, (_read(name) for name in names))


def _read(name: str) -> dict[str, Any]:
    text = _VARIABLE.sub(lambda found: found["default"] or "", (ROOT / name).read_text(encoding="utf-8"))
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def _laid_over(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {
            key: _laid_over(below[key], above[key]) if key in below and key in above else {**below, **above}[key]
            for key in {**below, **above}
        }
    if isinstance(below, list) and isinstance(above, list):
        return [*below, *above]
    return above
