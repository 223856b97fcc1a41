"""Write a machine's state as JSON text and read it back to the last bit.

A state is nested NamedTuples of numbers and lists. Floats are written in their shortest exact form, NaN as null.
"""

import math
from typing import TypeVar, cast

import msgspec

from shared.contracts.errors import InvariantError

State = TypeVar("State")


def encode_state(state: object) -> str:
    """Write a state as JSON text."""
    return msgspec.json.encode(state).decode()


def decode_state(text: str, template: State) -> State:
    """Read a state of the template's shape; raises InvariantError when the text has another shape."""
    return cast(State, _restored(msgspec.json.decode(text), template))


def _restored(value: object, template: object) -> object:
    if isinstance(template, tuple):
        if not isinstance(value, list) or len(value) != len(template):
            raise InvariantError(f"a stored state does not have the shape of {type(template).__name__}")
        parts = [_restored(part, model) for part, model in zip(value, template, strict=True)]
        make = getattr(template, "_make", tuple)
        return cast(object, make(parts))
    if isinstance(template, float):
        return math.nan if value is None else float(cast(float, value))
    return value
