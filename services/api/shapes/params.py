"""What the API takes and answers of parameters that change while the platform runs."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema, model_validator

from services.api.shapes.bodies import AS_DECIMAL, Body
from shared.core.strategies import STRATEGIES, STRATEGY_NAMES
from shared.core.strategy import AnyStrategy
from shared.settings.values import known_strategy

_TIME: Final = "2026-01-05T09:00:00Z"
_SHOWN: Final = STRATEGIES[0]
_PROFILES: Final = {profile: params._asdict() for profile, params in _SHOWN.profiles._asdict().items()}
_MOST_PARAMETERS: Final = max(len(each.parameters) for each in STRATEGIES)
_LONGEST_PARAMETER: Final = max(len(name) for each in STRATEGIES for name in each.parameters)
_RISK: Final = {
    "risk_percent": 0.5,
    "stop_atr": 1.5,
    "target_ratio": 2.0,
    "max_leverage": 30,
    "minimum_units": 1,
    "max_slippage_pips": "0",
    "slippage_seed": 0,
}
_LARGEST_VERSION: Final = 2**62
_MOST_PAIRS: Final = 200
# Above these a slip of the hand is likelier than a wish: it has to be said twice.
HIGH_RISK_PERCENT: Final = 5.0
HIGH_LEVERAGE: Final = 100.0

StrategyPath = Annotated[
    str, AfterValidator(known_strategy), WithJsonSchema({"type": "string", "enum": list(STRATEGY_NAMES)})
]
Replaces = Annotated[
    int | None,
    Field(
        ge=0,
        le=_LARGEST_VERSION,
        examples=[0],
        description="The newest version that you have seen; 409 if there is a newer one.",
    ),
]

# Money and limits are exact: as text, or as a number that JSON happens to write exactly.
Percent = Annotated[
    Decimal,
    AS_DECIMAL,
    Field(gt=0, le=100, allow_inf_nan=False),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,2})?$"},
                {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
            ]
        }
    ),
]
Pips = Annotated[
    Decimal,
    AS_DECIMAL,
    Field(ge=0, le=1_000, allow_inf_nan=False),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,4}(\.[0-9])?$"},
                {"type": "number", "minimum": 0, "maximum": 1_000},
            ]
        }
    ),
]
Number = Annotated[float, Field(allow_inf_nan=False)]
PairName = Annotated[str, Field(max_length=7)]
Thresholds = Annotated[
    dict[Annotated[str, Field(max_length=_LONGEST_PARAMETER)], Annotated[Number, Field(ge=-1_000_000, le=1_000_000)]],
    Field(max_length=_MOST_PARAMETERS),
]
ProfileName = Literal["conservative", "normal", "aggressive"]


def _told(strategy: AnyStrategy) -> str:
    parameters = (f"{name} ({said.unit}): {said.sentence}" for name, said in strategy.parameters.items())
    return f"{strategy.name}: {', '.join(parameters)}"


class ProfilesBody(Body):
    """The thresholds of every profile."""

    conservative: Thresholds = Field(examples=[_PROFILES["conservative"]])
    normal: Thresholds = Field(examples=[_PROFILES["normal"]])
    aggressive: Thresholds = Field(examples=[_PROFILES["aggressive"]])


class GatesBody(Body):
    """The limits of the gates; spread limits by pair, `others` for the rest."""

    max_open_positions: int = Field(ge=1, le=1_000, examples=[3])
    daily_loss_percent: Percent = Field(examples=["3"])
    news_minutes: int = Field(ge=0, le=1_440, examples=[15])
    news_on_missing: Literal["block", "allow", "auto"] = Field(examples=["auto"])
    news_max_age_hours: Number = Field(gt=0, le=8_760, examples=[24])
    max_spread_pips: dict[PairName, Pips] = Field(
        max_length=_MOST_PAIRS, examples=[{"EUR_USD": "1.5", "GBP_USD": "2.5", "USD_JPY": "2.0", "others": "2.0"}]
    )


class RiskBody(Body):
    """How large a position is and where its stop and target lie."""

    risk_percent: Number = Field(gt=0, le=100, examples=[_RISK["risk_percent"]])
    stop_atr: Number = Field(gt=0, le=100, examples=[_RISK["stop_atr"]])
    target_ratio: Number = Field(gt=0, le=100, examples=[_RISK["target_ratio"]])
    max_leverage: Number = Field(gt=0, le=1_000, examples=[_RISK["max_leverage"]])
    minimum_units: int = Field(ge=1, le=1_000_000_000, examples=[_RISK["minimum_units"]])
    max_slippage_pips: Pips = Field(examples=[_RISK["max_slippage_pips"]])
    slippage_seed: int = Field(ge=0, le=2**63 - 1, examples=[_RISK["slippage_seed"]])


class PairBody(Body):
    """What a pair has of its own; what is left out is what the run was begun with."""

    profile: ProfileName | None = Field(default=None, examples=["conservative"])
    sessions: list[Annotated[str, Field(max_length=100)]] | None = Field(
        default=None, max_length=20, examples=[["london"]]
    )
    max_spread_pips: Pips | None = Field(default=None, examples=["1.2"])


class ParamsVersion(BaseModel):
    """A section of the parameters as somebody saved it; in force once it was activated."""

    version: int = Field(examples=[3])
    section: str = Field(examples=[_SHOWN.name])
    body: dict[str, Any] = Field(examples=[_PROFILES])
    hash: str = Field(examples=["9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab"])
    actor: str = Field(examples=["ann"])
    created: str = Field(examples=[_TIME])
    activated: str | None = Field(examples=[_TIME])
    activated_command_id: int | None = Field(examples=[17])


class StrategyParams(BaseModel):
    """A strategy's parameters by profile, as they are in force and as they will be; version 0 is the settings file."""

    strategy: str = Field(examples=[_SHOWN.name])
    pairs: dict[str, str] = Field(
        examples=[{"USD_JPY": "normal"}], description="Pairs judged by it, and by which profile."
    )
    active_version: int = Field(examples=[3])
    active: dict[str, dict[str, float]] = Field(examples=[_PROFILES])
    newest_version: int = Field(examples=[3])
    newest: dict[str, dict[str, float]] = Field(examples=[_PROFILES])


class StrategyParamsChange(Body):
    """All parameters of a strategy by profile; they take the place of those before."""

    profiles: ProfilesBody = Field(description="; ".join(map(_told, STRATEGIES)))
    replaces: Replaces = None


class PlatformSettings(BaseModel):
    """Every effective setting, secrets as ***, and which of them may change while the platform runs."""

    active_version: int = Field(examples=[3])
    newest_version: int = Field(examples=[3])
    settings: dict[str, Any] = Field(examples=[{"risk": _RISK}])
    changeable: dict[str, dict[str, Any]] = Field(
        examples=[{"risk": _RISK}], description="The newest values of what PUT accepts, in force or not yet."
    )


class SettingsChange(Body):
    """Sections that take the place of those before, each in full; a section that is left out stays."""

    gates: GatesBody | None = None
    risk: RiskBody | None = None
    pairs: dict[PairName, PairBody] | None = Field(
        default=None, max_length=_MOST_PAIRS, examples=[{"EUR_USD": {"profile": "conservative"}}]
    )
    accept_high_risk: bool = Field(
        default=False,
        description=f"Must be true where risk_percent is above {HIGH_RISK_PERCENT:g} or max_leverage is above "
        f"{HIGH_LEVERAGE:g}.",
    )
    replaces: Replaces = None

    @model_validator(mode="after")
    def _risk_is_meant(self) -> Self:
        risk = self.risk
        if risk is None or self.accept_high_risk:
            return self
        if risk.risk_percent > HIGH_RISK_PERCENT or risk.max_leverage > HIGH_LEVERAGE:
            raise ValueError(
                f"a risk_percent above {HIGH_RISK_PERCENT:g} or a max_leverage above {HIGH_LEVERAGE:g} is taken only "
                "with accept_high_risk: true"
            )
        return self


class ParamsSaved(BaseModel):
    """The versions that were saved, none where nothing is new, and the command that puts them into force."""

    versions: list[ParamsVersion]
    command_id: int | None = Field(examples=[17])
