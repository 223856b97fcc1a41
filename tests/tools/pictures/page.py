"""The parts of docs/architecture.md that follow from the code: who may import whom, and the tree."""

import re
from pathlib import Path
from typing import Final

from tests.repository import ROOT
from tests.tools.pictures.contracts import CONTAINERS, purpose, rule

PAGE: Final[Path] = ROOT / "docs" / "architecture.md"
_WIDTH: Final = 13


def page() -> str:
    """Return the page with its parts as they follow from the code now."""
    text = PAGE.read_text(encoding="utf-8")
    for name, body in {"rule": _rule(), "tree": _tree()}.items():
        part = re.compile(rf"(<!-- {name}: made by `make pictures` -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        found = part.search(text)
        if found is None:
            raise LookupError(f"docs/architecture.md has no part {name}")
        text = f"{text[: found.start()]}{found[1]}{body}{found[2]}{text[found.end() :]}"
    return text


def _rule() -> str:
    width = max(map(len, CONTAINERS)) + 2
    return "".join(["```\n", *(f"{f'{name}:'.ljust(width)}{rule(name)}\n" for name in CONTAINERS), "```\n"])


def _tree() -> str:
    lines = []
    for top in ("services", "shared"):
        lines.append(f"{top}/")
        for folder in _folders(ROOT / top):
            lines.append(f"  {f'{folder.name}/'.ljust(_WIDTH)} {_purpose(folder)}")
            # A verb's folder is found by the verb's name.
            inner = [] if folder.name == "cli" else _folders(folder)
            lines += [f"    {f'{each.name}/'.ljust(_WIDTH - 2)} {_purpose(each)}" for each in inner]
    return "".join(["```\n", *(f"{line}\n" for line in lines), "```\n"])


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if (each / "__init__.py").exists())


def _purpose(folder: Path) -> str:
    return purpose(".".join(folder.relative_to(ROOT).parts))
