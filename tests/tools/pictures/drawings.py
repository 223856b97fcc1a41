"""All that is made from the code for docs/architecture.md, by the path of its file."""

from pathlib import Path
from typing import Final

from tests.repository import ROOT
from tests.tools.pictures.lives import CANDLE, COMMAND, ORDER, drawn
from tests.tools.pictures.page import PAGE, page
from tests.tools.pictures.rooms import rooms

FOLDER: Final[Path] = ROOT / "docs" / "pictures"


def drawings() -> dict[Path, str]:
    """Return every picture as SVG, and the page that shows them, by the path of the file."""
    return {
        FOLDER / "rooms.svg": rooms(),
        FOLDER / "candle.svg": drawn(CANDLE),
        FOLDER / "order.svg": drawn(ORDER),
        FOLDER / "command.svg": drawn(COMMAND),
        PAGE: page(),
    }
