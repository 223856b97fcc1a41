"""What a database was traded with: kept with the first run, compared with every later one, and read by a replay."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import ValidationError

from shared.calendar.economic import NEVER_STALE, EconomicCalendar, EconomicEvent
from shared.contracts.errors import InputError
from shared.contracts.instruments import require_grid
from shared.contracts.runs import RunMode
from shared.core.strategies import STRATEGY_NAMES
from shared.runtime.streams import agree_on_partitions
from shared.settings.rates import rate_notes
from shared.settings.settings import Settings, sentence_of
from shared.store.port import Reader, Store

RUN_SETTING: Final = "paper_run"


def begin_run(store: Store, settings: Settings, news: EconomicCalendar | None, mode: RunMode, time: int) -> None:
    """Keep what the run is set to, so that it can be replayed, and its number of partitions.

    Raises InputError where either differs from what the database was traded with before.
    """
    body = _run_json(settings, news, mode)
    with store.transaction() as transaction:
        known = transaction.remember_setting(RUN_SETTING, body, time)
        for pair, digits in _stored_digits(transaction).items():
            require_grid(settings.instrument(pair), digits)
        if _meaning(known.body_json) not in (_meaning(body), _older(known.body_json, settings, body)):
            raise InputError(
                f"{_difference(known.body_json, body)} differs from what this database was traded with; "
                "restore it, or use another database with --db"
            )
    agree_on_partitions(store, settings.deployment.partitions, time)


class RememberedRun(NamedTuple):
    """What a database was traded with; a live run's news are in its assessments."""

    settings: Settings
    news: EconomicCalendar | None
    mode: RunMode


def remembered_run(reader: Reader) -> RememberedRun:
    """Return what the database was traded with; raise InputError where it holds no run."""
    known = reader.setting(RUN_SETTING)
    if known is None:
        raise InputError("this database holds no paper run; make one with `scalpbot paper --mode OFFLINE --csv FILE`")
    run = msgspec.json.decode(known.body_json)
    events = run["news"]
    calendar = None if events is None else EconomicCalendar(tuple(map(EconomicEvent._make, events)), NEVER_STALE)
    return RememberedRun(_settings_in(run, _stored_digits(reader)), calendar, _mode_in(run))


def remembered_mode(reader: Reader) -> RunMode | None:
    """Return in which mode the database is traded, None where no run was begun."""
    known = reader.setting(RUN_SETTING)
    return None if known is None else _mode_in(msgspec.json.decode(known.body_json))


def remembered_settings(reader: Reader, own: Settings) -> Settings:
    """Return the settings that the run was begun with, or our own where none was begun yet."""
    known = reader.setting(RUN_SETTING)
    return own if known is None else _settings_in(msgspec.json.decode(known.body_json), _stored_digits(reader))


def missing_rates(reader: Reader) -> list[str]:
    """Say of the pairs that the database holds which conversion rates they lack, each in a sentence."""
    known = reader.setting(RUN_SETTING)
    if known is None:
        return []
    digits = _stored_digits(reader)
    try:
        settings = _settings_in(msgspec.json.decode(known.body_json), digits)
    except InputError as unknown:
        return [str(unknown)]
    return rate_notes(settings, list(digits))


def _settings_in(run: Mapping[str, Any], stored: Mapping[str, int]) -> Settings:
    known = {name: body for name, body in run["settings"]["strategies"].items() if name in STRATEGY_NAMES}
    try:
        settings = Settings.model_validate({**run["settings"], "strategies": known})
    except ValidationError as fault:
        sentence = sentence_of(fault.errors()[0])
        raise InputError(f"this database was traded with settings that are not known here: {sentence}") from fault
    return settings.counting(stored)


def _mode_in(run: Mapping[str, str]) -> RunMode:
    # A run that names no mode is one of files.
    return RunMode(run.get("mode", RunMode.OFFLINE))


def _stored_digits(reader: Reader) -> dict[str, int]:
    """Return the decimals with which the prices of each pair are stored."""
    found = {}
    for newest in reader.newest_candles():
        (row,) = reader.candles_between(newest.pair, newest.granularity_seconds, newest.time, newest.time + 1)
        found[newest.pair] = row.digits
    return found


def _run_json(settings: Settings, news: EconomicCalendar | None, mode: RunMode) -> str:
    run = {
        **({} if mode is RunMode.OFFLINE else {"mode": mode}),
        "digest": settings.trading_digest(),
        "settings": settings.model_dump(mode="json", exclude={"runtime", "deployment", "live", "retention"}),
        "news": None if news is None else [list(event) for event in news.events],
    }
    return msgspec.json.encode(run, order="sorted").decode()


def _meaning(body: str) -> tuple[object, object, object]:
    """Return what decides whether two runs are set alike; written-out defaults do not."""
    run = msgspec.json.decode(body)
    return run["digest"], run["news"], run.get("mode")


def _older(before: str, settings: Settings, body: str) -> tuple[object, object, object]:
    """Return what a run meant before price grids were part of the settings: the stored candles tell its grids."""
    if "instruments" in msgspec.json.decode(before)["settings"]:
        return _meaning(body)
    _, *rest = _meaning(body)
    return settings.model_copy(update={"instruments": {}}).trading_digest(), rest[0], rest[1]


def _difference(before: str, after: str) -> str:
    old, new = msgspec.json.decode(before), msgspec.json.decode(after)
    if old.get("mode") != new.get("mode"):
        return f"the mode ({new.get('mode', RunMode.OFFLINE)}, was {old.get('mode', RunMode.OFFLINE)})"
    if old["news"] != new["news"]:
        return "the news calendar"
    was, is_now = _flat(old["settings"]), _flat(new["settings"])
    names = [name for name in was if name in is_now and not _same(was[name], is_now[name])]
    # A table that only one of both writes out comes last: most of what it says may be the default.
    names += sorted(was.keys() ^ is_now.keys())
    if not names:
        return "what the settings come to"
    return f"setting {names[0]} ({is_now.get(names[0])}, was {was.get(names[0])})"


def _same(one: object, other: object) -> bool:
    try:
        return Decimal(str(one)) == Decimal(str(other))
    except InvalidOperation:
        return one == other


def _flat(value: object, name: str = "") -> dict[str, object]:
    if isinstance(value, Mapping):
        parts = (_flat(inner, f"{name}.{key}" if name else str(key)) for key, inner in value.items())
        return {key: inner for part in parts for key, inner in part.items()}
    return {name: value}
