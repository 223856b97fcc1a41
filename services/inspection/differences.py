"""The first difference between rows that are stored and rows that are replayed, in words."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final, NamedTuple, TypeVar

import msgspec

from shared.contracts.codec import encode_assessed
from shared.contracts.decimals import MONEY_DIGITS, format_money, format_points
from shared.contracts.facts import CandleAssessed
from shared.contracts.times import format_time
from shared.core.types import REASON_NAMES, SIDE_NAMES, Side
from shared.store.rows.market import Verdicts

_PRICES: Final = frozenset({"entry_price", "exit_price", "stop_loss", "take_profit", "mark_price"})
_MONEY: Final = frozenset(
    {"balance", "equity", "pnl", "unrealised_pnl", "start_equity", "end_equity", "realised_pnl", "spread", "slippage"}
)
Row = TypeVar("Row")


class DifferenceError(Exception):
    """The ledger and its replay part here."""


class _Told(NamedTuple):
    body_json: str


def compare_all(name: str, stored: Iterable[Row], replayed: Sequence[Row]) -> None:
    """Raise DifferenceError unless the same rows are stored, in the same order, and no others."""
    rows = iter(stored)
    for number, row in enumerate(replayed, start=1):
        compare(f"{name} {number}", next(rows, None), row)
    if next(rows, None) is not None:
        raise DifferenceError(f"the ledger holds more than the {len(replayed)} {name}s of the replay")


def compare(name: str, stored: object, replayed: object) -> None:
    """Raise DifferenceError, naming the first figure that differs, unless two rows are the same."""
    if stored == replayed:
        return
    if stored is None:
        raise DifferenceError(f"{name}: missing from the ledger")
    old, new = _leaves(stored), _leaves(replayed)
    for key in chain(old, new):
        if old.get(key) != new.get(key):
            # A row with prices says in what points they are.
            digits = next((value for part, value in new.items() if part.endswith("digits")), MONEY_DIGITS)
            was, is_now = (_shown(key, leaves.get(key), int(str(digits))) for leaves in (old, new))
            raise DifferenceError(f"{name}: {key} is {was} in the ledger, {is_now} when replayed")


def compare_assessed(name: str, stored: CandleAssessed | None, replayed: CandleAssessed) -> None:
    """Raise DifferenceError, naming the first figure that differs, unless two assessments say the same."""
    # Figures that are not valid yet equal nothing, unlike the texts in which they are told.
    if stored != replayed:
        compare(name, stored and _Told(encode_assessed(stored)), _Told(encode_assessed(replayed)))


def _shown(key: str, value: object, digits: int) -> str:
    """Write a figure of a row as people know it: prices and money as decimals, times, reasons and sides by name."""
    last = key.rpartition(".")[2]
    if not isinstance(value, int) or isinstance(value, bool):
        return str(value)
    if last in _PRICES:
        return format_points(value, digits)
    if last in _MONEY:
        return format_money(value)
    if last.endswith("time"):
        return format_time(value)
    if last == "reason":
        return REASON_NAMES[value]
    return SIDE_NAMES[Side(value)] if last == "final_signal" else str(value)


def _leaves(value: object, name: str = "") -> dict[str, object]:
    """Return every figure of a row under its name, looking into rows within rows and JSON text."""
    fields = getattr(value, "_asdict", None)
    if isinstance(value, Verdicts):
        value = {told["gate"]: told for told in value.in_words()}
    elif fields is not None:
        value = fields()
    elif name.endswith("_json") and isinstance(value, str):
        value, name = msgspec.json.decode(value), name.removesuffix("_json")
    if isinstance(value, list):
        value = {str(place): each for place, each in enumerate(value)}
    if not isinstance(value, dict):
        return {name: value}
    prefix = f"{name}." if name else ""
    return {key: leaf for part, each in value.items() for key, leaf in _leaves(each, f"{prefix}{part}").items()}
