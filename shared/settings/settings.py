"""Settings: `scalpbot.toml` with overrides and secrets from an environment, checked and resolved."""

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from shared.calendar.facts import CalendarRules
from shared.calendar.sessions import SessionWindow, default_windows, parse_window
from shared.contracts.errors import InputError
from shared.contracts.instruments import LISTED, counted
from shared.contracts.instruments import instrument as listed_instrument
from shared.contracts.pairs import parse_pair
from shared.contracts.runs import RunMode
from shared.core.types import POINTS_PER_PIP, Instrument
from shared.settings.environment import RuntimeSettings, read_runtime
from shared.settings.sections import (
    AccountSettings,
    DeploymentSettings,
    GateSettings,
    InstrumentSection,
    LiveSettings,
    PairRevision,
    PairSection,
    RetentionSettings,
    RiskSettings,
    TradingDaySettings,
)
from shared.settings.sources import KeyPath, Written, read_sources
from shared.settings.strategies import StrategySettings
from shared.settings.values import NOT_SHOWN, OTHER_PAIRS, PairName, ProfileName, Section, StaticRate

__all__ = ["PairSettings", "RuntimeSettings", "Settings", "load_settings", "revised", "sentence_of"]

_STRATEGIES: Final[Mapping[str, str]] = {"USD_JPY": "vwap_rsi", "GBP_USD": "bb_breakout"}
_STRATEGY_OF_OTHERS: Final = "ema_vwap"
_MODEL_SPREAD_PIPS: Final[Mapping[str, Decimal]] = {"EUR_USD": Decimal("0.3"), "GBP_USD": Decimal("0.8")}
_MODEL_SPREAD_PIPS_OF_OTHERS: Final = Decimal("0.5")
_THREE_DECIMALS: Final = frozenset({"JPY", "HUF", "THB"})
_NAMED_PAIRS: Final = ("EUR_USD", "GBP_USD", "USD_JPY")
_LONGEST_SHOWN: Final = 60
# Sections that alter no trade.
_NO_TRADE: Final = ("runtime", "deployment", "live", "retention")


@dataclass(frozen=True)
class PairSettings:
    """Everything that is settled for one pair; spreads in pips."""

    instrument: Instrument
    strategy: str
    profile: ProfileName
    parameters: Mapping[str, float]
    sessions: tuple[SessionWindow, ...]
    max_spread_pips: Decimal
    model_spread_pips: Decimal

    @property
    def max_spread_points(self) -> int:
        """Return the widest spread at which the pair is traded, in points."""
        return int(self.max_spread_pips * POINTS_PER_PIP)

    @property
    def model_spread_points(self) -> int:
        """Return the spread given to candles that have only mid prices, in points."""
        return int(self.model_spread_pips * POINTS_PER_PIP)


class TradingSettings(Section):
    """The sections of the settings file."""

    account: AccountSettings = Field(default_factory=AccountSettings)
    risk: RiskSettings = Field(default_factory=RiskSettings)
    gates: GateSettings = Field(default_factory=GateSettings)
    pairs: dict[PairName, PairSection] = Field(default_factory=dict)
    strategies: StrategySettings = Field(default_factory=lambda: StrategySettings.model_validate({}))
    calendar: TradingDaySettings = Field(default_factory=TradingDaySettings)
    rates: dict[PairName, StaticRate] = Field(default_factory=dict)
    instruments: dict[PairName, InstrumentSection] = Field(default_factory=dict)
    deployment: DeploymentSettings = Field(default_factory=DeploymentSettings)
    live: LiveSettings = Field(default_factory=LiveSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)


class _RevisedSections(Section):
    gates: GateSettings
    risk: RiskSettings
    strategies: StrategySettings
    pairs: dict[PairName, PairRevision]


class Settings(TradingSettings):
    """All effective settings: those of the file, and the runtime's from the environment."""

    runtime: RuntimeSettings = Field(default_factory=RuntimeSettings)

    def instrument(self, pair: str) -> Instrument:
        """Return how the prices of a pair are counted and its smallest order, as the settings say, else as listed.

        Raises InputError, which says how to add it, where neither does.
        """
        said, listed = self.instruments.get(pair, InstrumentSection()), LISTED.get(pair)
        digits = said.digits
        if digits is None:
            digits = listed_instrument(pair).digits
        minimum = 1 if listed is None else listed.minimum_units
        return counted(pair, digits, minimum if said.minimum is None else said.minimum)

    def counting(self, digits: Mapping[str, int]) -> "Settings":
        """Return settings in which the prices of some pairs have so many decimals, whatever was said of them."""
        told = dict(self.instruments)
        for pair, each in digits.items():
            said, listed = told.get(pair, InstrumentSection()), LISTED.get(pair)
            if each != (said.digits or (listed and listed.digits)):
                told[pair] = InstrumentSection(pip=Decimal(1).scaleb(1 - each), minimum=said.minimum)
        return self.model_copy(update={"instruments": told})

    def pair(self, pair: str) -> PairSettings:
        """Return what is settled for a pair, with defaults filled in; raise InputError for an unknown pair."""
        instrument = self.instrument(parse_pair(pair))
        table = self.pairs.get(pair, PairSection())
        strategy = table.strategy or _STRATEGIES.get(pair, _STRATEGY_OF_OTHERS)
        profile = table.profile or "normal"
        limits = self.gates.max_spread_pips
        return PairSettings(
            instrument=instrument,
            strategy=strategy,
            profile=profile,
            parameters=self.strategies.parameters(strategy, profile),
            sessions=tuple(map(parse_window, table.sessions)) if table.sessions else default_windows(pair),
            max_spread_pips=_first(table.max_spread_pips, limits.get(pair, limits[OTHER_PAIRS])),
            model_spread_pips=_first(
                table.model_spread_pips, _MODEL_SPREAD_PIPS.get(pair, _MODEL_SPREAD_PIPS_OF_OTHERS)
            ),
        )

    def calendar_rules(self, pair: str, mode: RunMode) -> CalendarRules:
        """Return how a pair's calendar facts are reckoned in a mode."""
        settled = self.pair(pair)
        return CalendarRules(
            instrument=settled.instrument,
            windows=settled.sessions,
            trading_day_zone=self.calendar.trading_day_zone,
            trading_day_hour=self.calendar.trading_day_hour,
            news_minutes=self.gates.news_minutes,
            news_max_age_hours=self.gates.news_max_age_hours,
            blocks_without_news=self.gates.blocks_without_news(mode),
        )

    def redacted(self) -> dict[str, Any]:
        """Return every effective value as plain JSON values, secrets as `***`; pairs are resolved."""
        shown: dict[str, Any] = _plain(self.model_dump())
        shown["pairs"] = {
            pair: _shown_pair(self.pair(pair)) for pair in sorted({*_NAMED_PAIRS, *self.pairs, *self.instruments})
        }
        return shown

    def trading_digest(self) -> str:
        """Return a sha256 over everything that alters trades; writing out a default does not change it.

        A strategy that no pair can be traded by is left out, so that adding one leaves older runs as they are.
        """
        without_tables = self.model_copy(update={"pairs": {}})
        altered = {pair for pair in self.pairs if _effect(self.pair(pair)) != _effect(without_tables.pair(pair))}
        return _digest(
            {
                **self.model_dump(exclude={"pairs", *_NO_TRADE, "strategies", "instruments"}),
                **self._grids_of_its_own(),
                "strategies": self.strategies.model_dump(include=self._traded_strategies()),
                "pairs": {pair: _effect(self.pair(pair)) for pair in altered},
            }
        )

    def _grids_of_its_own(self) -> dict[str, Any]:
        """Return the grids that differ from the listed ones, by pair; nothing at all where none does."""
        found = {pair: self.instrument(pair) for pair in self.instruments}
        own = {pair: _grid(each) for pair, each in found.items() if each != LISTED.get(pair)}
        return {"instruments": own} if own else {}

    def _traded_strategies(self) -> set[str]:
        return {_STRATEGY_OF_OTHERS, *(self.pair(pair).strategy for pair in {*_STRATEGIES, *self.pairs})}

    def pair_digest(self, pair: str, mode: RunMode) -> str:
        """Return a sha256 over everything that alters one pair's trades in a mode."""
        return _digest(
            {
                **self.model_dump(exclude={"pairs", *_NO_TRADE, "strategies", "gates", "instruments"}),
                "gates": {
                    **self.gates.model_dump(exclude={"max_spread_pips", "news_on_missing"}),
                    "blocks_without_news": self.gates.blocks_without_news(mode),
                },
                "pair": _effect(self.pair(pair)),
            }
        )


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Read the settings file, if one is given, lay the environment's overrides over it and check every value.

    Raises InputError naming the file and line, or the variable, with the value and what is allowed.
    """
    written = read_sources(path, environ, tuple(TradingSettings.model_fields))
    try:
        checked = TradingSettings.model_validate(written.values)
    except ValidationError as error:
        raise InputError(_finding(error.errors()[0], written)) from error
    sections = {name: getattr(checked, name) for name in TradingSettings.model_fields}
    return Settings(**sections, runtime=read_runtime(environ))


def revised(settings: Settings, sections: Mapping[str, object]) -> Settings:
    """Return settings with some sections replaced while a run goes on; raise ValidationError for a bad value.

    Strategies' sections hold all their profiles; `pairs` is laid over the pairs' tables.
    """
    strategies = {name: body for name, body in sections.items() if name in StrategySettings.model_fields}
    changes = _RevisedSections.model_validate(
        {
            "gates": sections.get("gates", settings.gates),
            "risk": sections.get("risk", settings.risk),
            "strategies": {**settings.strategies.model_dump(), **strategies} if strategies else settings.strategies,
            "pairs": sections.get("pairs", {}),
        }
    )
    pairs = dict(settings.pairs)
    for pair, revision in changes.pairs.items():
        pairs[pair] = pairs.get(pair, PairSection()).model_copy(update=revision.model_dump(exclude_none=True))
    replaced = {"gates": changes.gates, "risk": changes.risk, "strategies": changes.strategies, "pairs": pairs}
    return settings.model_copy(update=replaced)


def sentence_of(error: ErrorDetails) -> str:
    """Say in one sentence what is wrong with a value that was not written in a file."""
    path = [str(step) for step in error["loc"] if step != "[key]"]
    if error["type"] == "extra_forbidden":
        return f"{'.'.join(path)} is not known here"
    if error["type"] == "missing":
        return f"{'.'.join(path)} is missing"
    return f"{'.'.join(path)} is {_quoted(error['input'])}; {_reason(error)}"


def _first(given: Decimal | None, default: Decimal) -> Decimal:
    return default if given is None else given


def _finding(error: ErrorDetails, written: Written) -> str:
    """Say in one sentence what is wrong with a value, where it was written and what is allowed."""
    path: KeyPath = tuple(str(step) for step in error["loc"] if step != "[key]" and not isinstance(step, int))
    place, name = written.place(path), ".".join(path)
    if error["type"] == "extra_forbidden":
        return f"{place}: {name} is not a setting; {_allowed_keys(path)}"
    if error["type"] == NOT_SHOWN:
        return f"{place}: {name}: {_reason(error)}"
    reason, value = _reason(error), _quoted(error["input"])
    if reason.startswith(value):
        return f"{place}: {name}: {reason}"
    if isinstance(error["input"], dict):
        return f"{place}: {name} cannot be used: {reason}"
    return f"{place}: {name} is {value}; {reason}"


def _reason(error: ErrorDetails) -> str:
    if error["type"] in ("dict_type", "model_type"):
        return "it must be a table"
    return error["msg"].removeprefix("Value error, ").replace("Input should", "it must")


def _quoted(value: object) -> str:
    text = f"'{value}'" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _allowed_keys(path: KeyPath) -> str:
    allowed = sorted(_model_at(path[:-1]).model_fields)
    close = difflib.get_close_matches(path[-1], allowed, n=1)
    return f"did you mean {close[0]}?" if close else f"allowed are {', '.join(allowed)}"


def _model_at(path: KeyPath) -> type[BaseModel]:
    """Return the model that holds the keys at a path; the names of pairs lead through a table without one."""
    model: type[BaseModel] = TradingSettings
    for step in path:
        if step in model.model_fields:
            annotation = model.model_fields[step].annotation
            kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
            model = next((kind for kind in kinds if issubclass(kind, BaseModel)), model)
    return model


def _effect(pair: PairSettings) -> dict[str, Any]:
    # Runs of before grids were data had the one that the quote currency says, and are known by no mention of it.
    usual = counted(pair.instrument.name, 3 if pair.instrument.quote in _THREE_DECIMALS else 5)
    return {
        **({} if pair.instrument == usual else {"grid": _grid(pair.instrument)}),
        "pair": pair.instrument.name,
        "strategy": pair.strategy,
        "parameters": dict(pair.parameters),
        "sessions": sorted({str(window) for window in pair.sessions}),
        "max_spread_points": pair.max_spread_points,
        "model_spread_points": pair.model_spread_points,
    }


def _grid(each: Instrument) -> dict[str, int]:
    return {"digits": each.digits, "minimum_units": each.minimum_units}


def _shown_pair(pair: PairSettings) -> dict[str, Any]:
    shown: dict[str, Any] = _plain(
        {
            "pip": Decimal(1).scaleb(1 - pair.instrument.digits),
            "point": Decimal(1).scaleb(-pair.instrument.digits),
            "minimum_units": pair.instrument.minimum_units,
            "strategy": pair.strategy,
            "profile": pair.profile,
            "parameters": dict(pair.parameters),
            "sessions": [str(window) for window in pair.sessions],
            "max_spread_pips": pair.max_spread_pips,
            "model_spread_pips": pair.model_spread_pips,
        }
    )
    return shown


def _plain(value: Any) -> Any:
    """Return nested values as JSON knows them: decimals as written without trailing zeros, secrets as `***`."""
    match value:
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case SecretStr():
            return "***"
        case Decimal():
            return format(value.normalize(), "f")
        case Path():
            return str(value)
        case _:
            return value


def _digest(effects: dict[str, Any]) -> str:
    canonical = json.dumps(_plain(effects), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
