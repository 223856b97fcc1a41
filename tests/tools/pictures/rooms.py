"""The picture of the rooms: every package of services and shared on its floor."""

from typing import Final

from tests.tools.pictures.contracts import floors, purpose
from tests.tools.pictures.svg import box, folded, picture, words

_WIDTH: Final = 1004
_MARGIN: Final = 24
_GAP: Final = 10
_LINE: Final = 16


def rooms() -> str:
    """Return the picture."""
    parts: list[str] = []
    top = 20.0
    for container in ("services", "shared"):
        top += 18
        parts.append(words("note", _MARGIN, top, f"{container}/", "start"))
        top += 10
        for floor in floors(container):
            drawn, height = _floor(container, floor, top)
            parts += drawn
            top += height + _GAP
    top += 16
    parts.append(
        words("note", _MARGIN, top, "A room may import what lies below it; rooms beside each other may not.", "start")
    )
    return picture(
        "The rooms", "Who may import whom, from the command line down to the core", _WIDTH, int(top + 18), parts
    )


def _floor(container: str, names: list[str], top: float) -> tuple[list[str], float]:
    width = (_WIDTH - 2 * _MARGIN - _GAP * (len(names) - 1)) / len(names)
    texts = [folded(purpose(f"{container}.{name}"), width - 20) for name in names]
    height = 34 + _LINE * max(map(len, texts))
    parts = []
    for index, (name, lines) in enumerate(zip(names, texts, strict=True)):
        left = _MARGIN + index * (width + _GAP)
        kind = "core" if name == "core" else "service" if container == "services" else "shared"
        parts.append(box(kind, left, top, width, height))
        parts.append(words("name", left + width / 2, top + 21, name))
        parts += [words("text", left + width / 2, top + 39 + _LINE * number, text) for number, text in enumerate(lines)]
    return parts, height
