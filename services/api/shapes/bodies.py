"""What all bodies of requests have in common: nothing that was not asked for, and nothing taken for another.

A truth value is no number, a text is no number, and a decimal number is written in ASCII digits.
"""

import re
from decimal import Decimal
from typing import Final

from pydantic import BaseModel, BeforeValidator, ConfigDict

_DECIMAL: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)


class Body(BaseModel):
    """A body, or an object in one."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _decimal(value: object) -> Decimal:
    """Return an exact decimal number, given as text or as a number that JSON happens to write exactly."""
    text = value
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = format(Decimal(str(value)), "f")
    if not isinstance(text, str) or _DECIMAL.fullmatch(text) is None:
        raise ValueError('it must be a decimal number such as "1.5"')
    return Decimal(text)


AS_DECIMAL: Final = BeforeValidator(_decimal)
