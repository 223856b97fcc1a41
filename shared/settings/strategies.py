"""The section `strategies`: the parameters of every strategy by profile, as the strategies' records describe them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from pydantic import create_model, model_validator

from shared.core.strategies import STRATEGIES
from shared.core.strategy import AnyStrategy, Profiles
from shared.settings.values import Number, ProfileName, Section, Whole, within

# A file only lays other values over these.
_DEFAULTS: Final = {
    strategy.name: {profile: params._asdict() for profile, params in strategy.profiles._asdict().items()}
    for strategy in STRATEGIES
}


class StrategySections(Section):
    """The parameters of every strategy and profile; what is given is laid over the defaults."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: object) -> object:
        return _over_defaults(_DEFAULTS, given) if isinstance(given, dict) else given

    def parameters(self, strategy: str, profile: ProfileName) -> dict[str, float]:
        """Return the parameters of a strategy's profile by name."""
        values: dict[str, float] = getattr(getattr(self, strategy), profile).model_dump()
        return values


def _over_defaults(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for key, value in given.items():
        default = defaults.get(key)
        if isinstance(default, dict) and isinstance(value, dict):
            merged[key] = _over_defaults(default, value)
        else:
            merged[key] = value
    return merged


def _section_of(strategy: AnyStrategy) -> type[Section]:
    """Make the section of one strategy: its parameters, checked, under each profile."""
    fields: dict[str, Any] = {
        name: Annotated[
            Whole if strategy.kinds[name] is int else Number,
            within(above=said.above, at_least=said.at_least, below=said.below, at_most=said.at_most),
        ]
        for name, said in strategy.parameters.items()
    }
    in_order: dict[str, Any] = {"in_order": model_validator(mode="after")(_in_order(strategy))}
    parameters = create_model(f"{strategy.name}.Parameters", __base__=Section, __validators__=in_order, **fields)
    profiles: dict[str, Any] = dict.fromkeys(Profiles._fields, parameters)
    return create_model(strategy.name, __base__=Section, **profiles)


def _in_order(strategy: AnyStrategy) -> Callable[[Section], Section]:
    def checked(parameters: Section) -> Section:
        for lower, upper in strategy.rising:
            low, high = getattr(parameters, lower), getattr(parameters, upper)
            if low >= high:
                raise ValueError(f"{lower} must be below {upper}, but {lower} is {low:g} and {upper} is {high:g}")
        return parameters

    return checked


_SECTIONS: Final[dict[str, Any]] = {strategy.name: _section_of(strategy) for strategy in STRATEGIES}

if TYPE_CHECKING:
    StrategySettings: TypeAlias = StrategySections
else:
    # A type checker cannot know fields that are made here.
    StrategySettings = create_model("StrategySettings", __base__=StrategySections, **_SECTIONS)
