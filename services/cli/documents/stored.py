"""Values as the store keeps them, as documents show them: JSON as what it says, never as text in text."""

from typing import Any

import msgspec


def read_json(text: str | None) -> tuple[Any, str | None]:
    """Return what a stored JSON text says, and the text itself only where plain SQL wrote something else there."""
    if text is None:
        return None, None
    try:
        return msgspec.json.decode(text), None
    except msgspec.DecodeError:
        return None, text
