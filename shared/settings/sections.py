"""The sections of `scalpbot.toml`, with their defaults and what each value may be."""

from decimal import Decimal
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from shared.contracts.runs import RunMode
from shared.core.types import POINTS_PER_PIP
from shared.settings.values import (
    OTHER_PAIRS,
    Currency,
    Exact,
    NewsPolicy,
    Number,
    PairOrOthers,
    Pips,
    ProfileName,
    ProxyChoice,
    Section,
    Step,
    StrategyName,
    WebAddress,
    Whole,
    Windows,
    Zone,
    decimals,
    within,
)

# Compiled code reckons in 64 bits; prices of so many decimals leave room for every product.
_MOST_DIGITS: Final = 6
_SPREAD_LIMIT_PIPS: Final = {
    "EUR_USD": Decimal("1.5"),
    "GBP_USD": Decimal("2.5"),
    "USD_JPY": Decimal("2.0"),
    OTHER_PAIRS: Decimal("2.0"),
}


class AccountSettings(Section):
    """The account: its currency and the balance a run starts from."""

    currency: Currency = "USD"
    start_balance: Annotated[Exact, within(above=0, at_most=10_000_000_000), decimals(4)] = Decimal(10_000)


class RiskSettings(Section):
    """How large a position is and where its stop and target lie."""

    risk_percent: Annotated[Number, within(above=0, at_most=100)] = 1.0
    stop_atr: Annotated[Number, within(above=0, at_most=100)] = 1.5
    target_ratio: Annotated[Number, within(above=0, at_most=100)] = 2.0
    max_leverage: Annotated[Number, within(above=0, at_most=1000)] = 30.0
    minimum_units: Annotated[Whole, within(at_least=1, at_most=1_000_000_000)] = 1
    max_slippage_pips: Pips = Decimal(0)
    slippage_seed: Annotated[Whole, within(at_least=0, at_most=2**63 - 1)] = 0

    @property
    def max_slippage_points(self) -> int:
        """Return the largest slippage in points."""
        return int(self.max_slippage_pips * POINTS_PER_PIP)


def _over_default_limits(value: object) -> object:
    return {**_SPREAD_LIMIT_PIPS, **value} if isinstance(value, dict) else value


class GateSettings(Section):
    """The limits of the gates; spread limits by pair, `others` for the rest."""

    max_open_positions: Annotated[Whole, within(at_least=1, at_most=1000)] = 3
    daily_loss_percent: Annotated[Exact, within(above=0, at_most=100), decimals(2)] = Decimal(3)
    news_minutes: Annotated[Whole, within(at_least=0, at_most=1440)] = 15
    news_on_missing: NewsPolicy = "auto"
    news_max_age_hours: Annotated[Number, within(above=0, at_most=8760)] = 24.0
    max_spread_pips: Annotated[dict[PairOrOthers, Pips], BeforeValidator(_over_default_limits)] = Field(
        default_factory=dict
    )

    def blocks_without_news(self, mode: RunMode) -> bool:
        """Return whether a missing or stale news calendar stops trading; `auto` does so only live."""
        if self.news_on_missing == "auto":
            return mode is RunMode.LIVE
        return self.news_on_missing == "block"


class PairSection(Section):
    """What the configuration says of one pair; None leaves the default."""

    strategy: StrategyName | None = None
    profile: ProfileName | None = None
    sessions: Windows | None = None
    max_spread_pips: Pips | None = None
    model_spread_pips: Pips | None = None


class InstrumentSection(Section):
    """How the prices of one instrument are counted, and its smallest order; None leaves what is listed."""

    pip: Step | None = None
    point: Step | None = None
    minimum: Annotated[Whole, within(at_least=1, at_most=1_000_000_000)] | None = None

    @model_validator(mode="after")
    def _tenths(self) -> "InstrumentSection":
        if self.pip is not None and self.point is not None and self.point * POINTS_PER_PIP != self.pip:
            raise ValueError(f"point must be a tenth of pip, {self.pip / POINTS_PER_PIP:f}, or be left out")
        if self.digits is not None and not 1 <= self.digits <= _MOST_DIGITS:
            raise ValueError(f"pip must be from {Decimal(1).scaleb(1 - _MOST_DIGITS):f} to 1")
        return self

    @property
    def digits(self) -> int | None:
        """Return the decimals of a price, None where neither pip nor point is given."""
        point = self.pip / POINTS_PER_PIP if self.point is None and self.pip is not None else self.point
        return None if point is None else -point.adjusted()


class PairRevision(Section):
    """What may change of a pair while the platform runs; None leaves what the run was begun with."""

    profile: ProfileName | None = None
    sessions: Windows | None = None
    max_spread_pips: Pips | None = None


class DeploymentSettings(Section):
    """How the services are divided into processes; it alters no trade."""

    partitions: Annotated[Whole, within(at_least=1, at_most=64)] = 1


class LiveSettings(Section):
    """How live candles, prices and news are followed; what is fetched, not how it is traded."""

    granularity: Literal["M1", "M2", "M4", "M5", "M10", "M15", "M30", "H1"] = "M5"
    warm_up_candles: Annotated[Whole, within(at_least=0, at_most=5000)] = 500
    poll_seconds: Annotated[Number, within(at_least=0.2, at_most=60)] = 2.0
    late_seconds: Annotated[Whole, within(at_least=5, at_most=3600)] = 120
    stale_candles: Annotated[Whole, within(at_least=1, at_most=100)] = 3
    quote_seconds: Annotated[Number, within(above=0, at_most=60)] = 5.0
    silent_seconds: Annotated[Number, within(at_least=6, at_most=120)] = 10.0
    calendar_url: WebAddress = "https://nfs.faireconomy.media/ff_calendar_thisweek.json"
    proxy: ProxyChoice = ""
    ca_file: str = ""
    calendar_hours: Annotated[Number, within(at_least=0.25, at_most=24)] = 4.0


_Days: TypeAlias = Annotated[Whole, within(at_least=0, at_most=36_500)]


class RetentionSettings(Section):
    """For how many days before the newest candle rows are kept, table by table; 0 is for ever."""

    candles_days: _Days = 0
    assessments_days: _Days = 0
    gate_snapshots_days: _Days = 0
    equity_days: _Days = 0
    candle_gaps_days: _Days = 0

    def days(self, table: str) -> int:
        """Return for how many days the rows of a table are kept, 0 for ever."""
        kept: int = getattr(self, f"{table}_days")
        return kept


class TradingDaySettings(Section):
    """When a trading day begins."""

    trading_day_zone: Zone = "UTC"
    trading_day_hour: Annotated[Whole, within(at_least=0, at_most=23)] = 0
