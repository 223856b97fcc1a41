"""The strategies: every file here exports one record, `STRATEGY`. To add a strategy, add a file."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

from shared.core.jit import chosen_by_type
from shared.core.strategy import AnyStrategy
from shared.core.types import Bar, Readings, Side


def _found() -> tuple[AnyStrategy, ...]:
    modules = sorted(each.name for each in iter_modules(__path__))
    return tuple(import_module(f"{__name__}.{module}").STRATEGY for module in modules)


def told_apart(strategies: tuple[AnyStrategy, ...]) -> tuple[AnyStrategy, ...]:
    """Return strategies as they are; raise TypeError where two share a name, or the name of their parameters' type.

    Machine code is called after the names of types: two that are called alike could be taken for each other.
    """
    for names in ([each.name for each in strategies], [each.params.__name__ for each in strategies]):
        for name in names:
            if names.count(name) > 1:
                raise TypeError(f"two strategies say {name}; names, and those of the parameters' types, must differ")
    return strategies


STRATEGIES: Final = told_apart(_found())
STRATEGY_NAMES: Final = tuple(each.name for each in STRATEGIES)
_BY_NAME: Final = {each.name: each for each in STRATEGIES}
_BY_PARAMS: Final = {each.params: each for each in STRATEGIES}


def strategy_named(name: str) -> AnyStrategy:
    """Return a strategy; raise KeyError where there is none of that name."""
    return _BY_NAME[name]


def strategy_of(params: tuple[Any, ...]) -> AnyStrategy:
    """Return the strategy whose parameters these are."""
    return _BY_PARAMS[type(params)]


@chosen_by_type(lambda params: _BY_PARAMS[params].step)
def strategy_step(
    state: tuple[Any, ...], cells: tuple[Any, ...], bar: Bar, atr: float, params: tuple[Any, ...]
) -> tuple[tuple[Any, ...], Side, Readings]:
    """Advance the strategy whose parameters these are by one bar; return the new state, the signal and the readings."""
    return strategy_of(params).step(state, cells, bar, atr, params)
