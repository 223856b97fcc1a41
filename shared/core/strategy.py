"""What a strategy is: the one record that each file of `shared.core.strategies` exports as `STRATEGY`.

Settings, their bounds and defaults, the API's paths and forms, and the compiled engine are all derived from it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, get_type_hints

from shared.core.types import Bar, FloatCells, IntegerCells, Readings, Side

Params = TypeVar("Params", bound=tuple[Any, ...])
State = TypeVar("State", bound=tuple[Any, ...])
Cells = TypeVar("Cells", bound=tuple[Any, ...])
# Makers of cells decide between lists for plain Python and arrays for compiled code.
MakeIntegers: TypeAlias = Callable[[int], IntegerCells]
MakeFloats: TypeAlias = Callable[[int], FloatCells]


class Parameter(NamedTuple):
    """What is said of one parameter, beside its default: a sentence, a unit, and its bounds; None leaves one open.

    It annotates the field: `k: Annotated[float, Parameter("...", unit="ATR", at_least=0, at_most=100)] = 0.2`.
    """

    sentence: str
    unit: str
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None


class Profiles(NamedTuple, Generic[Params]):
    """The parameters by profile, from few and good entries to many."""

    conservative: Params
    normal: Params
    aggressive: Params


@dataclass(frozen=True)
class Strategy(Generic[Params, State, Cells]):
    """A strategy: bit n of `allowed_states` lets gate 6 pass market state n, `reading_names` name up to six readings.

    `step(state, cells, bar, atr, params)` is pure but for `cells`, the windows that it writes in place; it returns the
    new state, the signal and the readings. `cells` makes empty windows from makers of integers and floats. In each of
    the pairs in `rising` the first parameter must be below the second. It never signals on candles without volume where
    it `needs_volume`, as VWAP does, and on those of equal volumes either where it `needs_rising_volume`.
    """

    name: str
    idea: str
    allowed_states: int
    reading_names: tuple[str, ...]
    params: type[Params]
    profiles: Profiles[Params]
    start: State
    cells: Callable[[MakeIntegers, MakeFloats], Cells]
    step: Callable[[State, Cells, Bar, float, Params], tuple[State, Side, Readings]]
    rising: tuple[tuple[str, str], ...] = ()
    needs_volume: bool = False
    needs_rising_volume: bool = False

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Return what is said of each parameter, in the order of the fields."""
        hints = get_type_hints(self.params, include_extras=True)
        return {field: hints[field].__metadata__[0] for field in self.params._fields}  # type: ignore[attr-defined]

    @property
    def kinds(self) -> dict[str, type]:
        """Return whether each parameter is a `float` or an `int`."""
        hints = get_type_hints(self.params)
        return {field: hints[field] for field in self.parameters}


AnyStrategy: TypeAlias = Strategy[Any, Any, Any]


def no_cells(_integers: MakeIntegers, _floats: MakeFloats) -> tuple[()]:
    """Make the windows of a strategy that looks at none."""
    return ()
