"""Values as the cells of a spreadsheet, none of which it would take for a formula."""

import json
import re
from typing import Any, Final, TypeAlias

Cell: TypeAlias = str | int | float | bool | None

# A spreadsheet takes a cell for a formula that begins so, the wide forms in some languages.
_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
# Where somebody's list separator is not the comma, what follows it is a cell of its own, whatever the quotes are.
_FORMULA: Final = re.compile(rf'(^|[;|\t\r\n])(?=[\s"]*[{_SIGNS}])')
_LONGEST_IN_A_SHEET: Final = 32_767


def cell_of(value: Any) -> Cell:
    """Return a value as a cell: lists and mappings as JSON, and `'` before what would begin a formula."""
    match value:
        case dict() | list():
            return _harmless(json.dumps(value, separators=(",", ":")))
        case str():
            return value if _is_number(value) else _harmless(value)
        case _:
            cell: Cell = value
            return cell


def sheet_cell(cell: Cell) -> Cell:
    """Return a cell as a sheet can hold it: a text that is too long is cut, and says so."""
    if not isinstance(cell, str) or len(cell) <= _LONGEST_IN_A_SHEET:
        return cell
    note = f" [cut here: {len(cell):,} characters are too many for a cell, the CSV has them all]"
    return cell[: _LONGEST_IN_A_SHEET - len(note)] + note


def _harmless(text: str) -> str:
    return _FORMULA.sub(r"\1'", text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
