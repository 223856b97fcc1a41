"""Reading what a verb is given: settings, candle files and the news calendar."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.ingest.files.candle_file import CandleFile, CandleRead
    from shared.calendar.economic import EconomicCalendar
    from shared.settings.settings import Settings

DEBUG_VARIABLE: Final = "SCALP_BOT_DEBUG"
PASSWORD_FILE_VARIABLE: Final = "SCALP_BOT_PASSWORD_FILE"  # noqa: S105  (its name, not the password)
# They look like settings and are the command line's own.
_OWN_VARIABLES: Final = (DEBUG_VARIABLE, PASSWORD_FILE_VARIABLE)
_DEFAULT_CONFIG: Final = Path("scalpbot.toml")


def config_path(given: Path | None) -> Path | None:
    """Return the settings file that is in force: the one given, else the default if it exists."""
    return given or (_DEFAULT_CONFIG if _DEFAULT_CONFIG.exists() else None)


def read_settings(given: Path | None) -> "Settings":
    """Read the settings in force, with overrides from the environment; raise InputError for a wrong value."""
    from shared.settings.settings import load_settings

    return load_settings(config_path(given), settings_environ())


def settings_environ() -> dict[str, str]:
    """Return the environment that settings are read from."""
    return {name: value for name, value in os.environ.items() if name not in _OWN_VARIABLES}


def candle_files(texts: Sequence[str], pair: str | None) -> "list[CandleFile]":
    """Return the files that `--csv` and `--pair` name, each with its instrument.

    Raises InputError where a pair is unknown, comes twice, or contradicts `--pair`.
    """
    from services.ingest.files.candle_file import parse_candle_argument
    from shared.contracts.errors import InputError

    if pair is not None and len(texts) > 1:
        raise InputError("--pair goes with one candle file; with several write --csv PAIR=FILE for each")
    files = [parse_candle_argument(text, pair) for text in texts]
    names = [each.instrument.name for each in files]
    if pair is not None and names[0] != pair:
        raise InputError(f"--pair {pair} contradicts --csv {texts[0]}; give only one of the two pairs")
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InputError(f"{name} is given by two candle files; give one file for each pair")
    return files


def read_candles(
    files: "Sequence[CandleFile]", settings: "Settings", granularity: str | None, skip_bad_rows: bool
) -> "list[CandleRead]":
    """Read candle files; raise InputError naming the first bad rows."""
    from services.ingest.files.candle_file import read_candle_file
    from shared.contracts.granularity import parse_granularity

    seconds = None if granularity is None else parse_granularity(granularity)
    return [
        read_candle_file(
            each,
            model_spread_points=settings.pair(each.instrument.name).model_spread_points,
            granularity_seconds=seconds,
            skip_bad_rows=skip_bad_rows,
        )
        for each in files
    ]


def read_news(path: Path | None) -> "EconomicCalendar | None":
    """Read the news calendar, if one is given; raise InputError naming the entry that is wrong."""
    from shared.calendar.economic import NEVER_STALE, read_calendar

    return None if path is None else read_calendar(path, NEVER_STALE)


def chosen_files(files: "Sequence[CandleFile]", pairs: str | None) -> "list[CandleFile]":
    """Return the files of the pairs that `--pairs` names; raise InputError for a pair without a file."""
    from shared.contracts.errors import InputError
    from shared.contracts.pairs import parse_pair

    if pairs is None:
        return list(files)
    wanted = {parse_pair(name.strip()).name for name in pairs.split(",")}
    missing = wanted - {each.instrument.name for each in files}
    if missing:
        raise InputError(f"--pairs names {', '.join(sorted(missing))}, but no --csv brings candles of it")
    return [each for each in files if each.instrument.name in wanted]


def live_pairs(text: str | None) -> list[str]:
    """Return the pairs that `--pairs` names for a live run; raise InputError without any."""
    from shared.contracts.errors import InputError

    names = pair_names(text or "")
    if not names:
        raise InputError("--mode LIVE needs the pairs to trade: give --pairs EUR_USD,GBP_USD")
    return names


def pair_names(text: str) -> list[str]:
    """Return the pairs of a list with commas, by name; raise InputError for one that is unknown."""
    from shared.contracts.pairs import parse_pair

    return sorted({parse_pair(name.strip()).name for name in text.split(",") if name.strip()})


def parse_speed(text: str) -> float:
    """Return the market seconds to a second that `--speed` names, 0 for max; raise InputError for anything else."""
    from shared.contracts.errors import InputError

    if text == "max":
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise InputError(f"--speed {text!r} cannot be used; give max or a number above 0, such as 60")
    return speed
