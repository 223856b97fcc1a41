"""The kinds of value a setting can have: numbers in a range, pips, pair names, session windows."""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from shared.calendar.sessions import parse_window
from shared.calendar.zones import known_zone
from shared.contracts.errors import InputError
from shared.contracts.pairs import parse_currency, parse_pair
from shared.core.strategies import STRATEGY_NAMES
from shared.settings.addresses import holds_user, is_proxy, web_address

OTHER_PAIRS: Final = "others"
NO_PROXY_AT_ALL: Final = "none"
# The kind of a finding whose message must not show the value.
NOT_SHOWN: Final = "value_not_shown"


class Section(BaseModel):
    """A group of settings that cannot be changed and refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


def refusing(check: Callable[[str], object]) -> AfterValidator:
    """Return a validator that keeps a text unchanged where `check` raises no InputError."""

    def checked(text: str) -> str:
        try:
            check(text)
        except InputError as error:
            raise ValueError(str(error)) from error
        return text

    return AfterValidator(checked)


def within(
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> AfterValidator:
    """Return a validator that refuses numbers outside the bounds and names both bounds."""
    bounds = {"above": above, "at least": at_least, "below": below, "at most": at_most}
    allowed = " and ".join(f"{word} {bound:,}" for word, bound in bounds.items() if bound is not None)

    def checked(number: Any) -> Any:
        too_low = (above is not None and number <= above) or (at_least is not None and number < at_least)
        too_high = (below is not None and number >= below) or (at_most is not None and number > at_most)
        if too_low or too_high:
            raise ValueError(f"it must be {allowed}")
        return number

    return AfterValidator(checked)


def decimals(most: int) -> AfterValidator:
    """Return a validator that refuses decimal numbers with more than `most` decimals; trailing zeros do not count."""

    def checked(number: Decimal) -> Decimal:
        if number != round(number, most):
            raise ValueError(f"it must have at most {most} decimal{'' if most == 1 else 's'}")
        return number

    return AfterValidator(checked)


def significant_digits(most: int) -> AfterValidator:
    """Return a validator that refuses decimal numbers of more than `most` digits; outer zeros do not count."""

    def checked(number: Decimal) -> Decimal:
        if len(number.normalize().as_tuple().digits) > most:
            raise ValueError(f"it must have at most {most} significant digits")
        return number

    return AfterValidator(checked)


def _refuse_truth_values(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("it must be a number")
    return value


def _split_windows(value: object) -> object:
    windows = [window.strip() for window in value.split(",")] if isinstance(value, str) else value
    if windows == []:
        raise ValueError("it must name at least one session window")
    return windows


def _pair_or_others(name: str) -> None:
    if name != OTHER_PAIRS:
        parse_pair(name)


def _web_address(text: str) -> str:
    try:
        return web_address("the address", text)
    except InputError as error:
        raise PydanticCustomError(NOT_SHOWN, "{why}", {"why": str(error)}) from None


def _proxy(text: str) -> str:
    if text in ("", NO_PROXY_AT_ALL):
        return text
    if holds_user(text):
        web_address("the address", text)
        raise PydanticCustomError(
            NOT_SHOWN, "the address holds a user or a password; give it in the environment, as HTTPS_PROXY"
        )
    if not is_proxy(text):
        raise ValueError(f"it must be http://HOST:PORT, https://HOST:PORT, {NO_PROXY_AT_ALL} or empty")
    return text


def known_strategy(name: str) -> str:
    """Return the name of a strategy; raise ValueError naming all where there is none of that name."""
    if name not in STRATEGY_NAMES:
        *others, last = map(repr, STRATEGY_NAMES)
        raise ValueError(f"it must be {', '.join(others)} or {last}")
    return name


_NotATruthValue: Final = BeforeValidator(_refuse_truth_values)
Number: TypeAlias = Annotated[float, _NotATruthValue]
Whole: TypeAlias = Annotated[int, _NotATruthValue]
Exact: TypeAlias = Annotated[Decimal, _NotATruthValue]


def power_of_ten(number: Decimal) -> Decimal:
    """Return a number that is a power of ten, such as 0.0001; raise ValueError for another."""
    if number <= 0 or number.normalize().as_tuple().digits != (1,):
        raise ValueError("it must be a power of ten, such as 0.0001")
    return number


Step: TypeAlias = Annotated[Exact, AfterValidator(power_of_ten)]
Pips: TypeAlias = Annotated[Exact, within(at_least=0, at_most=1000), decimals(1)]
# Compiled code reckons in 64 bits; so many digits keep every product of a conversion within them.
StaticRate: TypeAlias = Annotated[Exact, within(above=0, at_most=999_999_999), decimals(8), significant_digits(9)]
PairName: TypeAlias = Annotated[str, refusing(parse_pair)]
PairOrOthers: TypeAlias = Annotated[str, refusing(_pair_or_others)]
Currency: TypeAlias = Annotated[str, refusing(parse_currency)]
ProxyChoice: TypeAlias = Annotated[str, AfterValidator(_proxy)]
WebAddress: TypeAlias = Annotated[str, AfterValidator(_web_address)]
Zone: TypeAlias = Annotated[str, refusing(known_zone)]
Windows: TypeAlias = Annotated[list[Annotated[str, refusing(parse_window)]], BeforeValidator(_split_windows)]

StrategyName: TypeAlias = Annotated[str, AfterValidator(known_strategy)]
ProfileName: TypeAlias = Literal["conservative", "normal", "aggressive"]
NewsPolicy: TypeAlias = Literal["block", "allow", "auto"]
