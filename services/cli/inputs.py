"""What a verb is given beside its settings: candle files, pairs and a speed."""

from collections.abc import Sequence

from services.ingest.files.candle_file import CandleFile, CandleRead, parse_candle_argument, read_candle_file
from services.ingest.files.spread import spread_note
from services.ingest.files.volume import volume_note
from shared.contracts.errors import InputError
from shared.contracts.granularity import parse_granularity
from shared.contracts.pairs import parse_pairs
from shared.settings.settings import Settings


def candle_files(texts: Sequence[str], pair: str | None, settings: Settings) -> list[CandleFile]:
    """Return the files that `--csv` and `--pair` name, each with its instrument.

    Raises InputError where a pair is unknown, comes twice, or contradicts `--pair`.
    """
    if pair is not None and len(texts) > 1:
        raise InputError("--pair goes with one candle file; with several write --csv PAIR=FILE for each")
    files = [parse_candle_argument(text, pair, settings.instrument) for text in texts]
    names = [each.instrument.name for each in files]
    if pair is not None and names[0] != pair:
        raise InputError(f"--pair {pair} contradicts --csv {texts[0]}; give only one of the two pairs")
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InputError(f"{name} is given by two candle files; give one file for each pair")
    return files


def read_candles(
    files: Sequence[CandleFile], settings: Settings, granularity: str | None, skip_bad_rows: bool
) -> list[CandleRead]:
    """Read candle files; raise InputError naming the first bad rows."""
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


def candle_notes(reads: Sequence[CandleRead], settings: Settings) -> list[str]:
    """Return a sentence for each file whose volumes or spreads keep its pair from being traded."""
    zone, hour = settings.calendar.trading_day_zone, settings.calendar.trading_day_hour
    found = (
        volume_note(each.series, zone=zone, hour=hour, strategy=settings.pair(each.series.instrument.name).strategy)
        for each in reads
    )
    wide = (spread_note(each.series, settings.pair(each.series.instrument.name).max_spread_points) for each in reads)
    return [f"{sentence}." for sentence in (*found, *wide) if sentence is not None]


def chosen_files(files: Sequence[CandleFile], pairs: str | None) -> list[CandleFile]:
    """Return the files of the pairs that `--pairs` names; raise InputError for a pair without a file."""
    if pairs is None:
        return list(files)
    wanted = parse_pairs(pairs)
    if not wanted:
        raise InputError("--pairs names no pair; write it like EUR_USD,GBP_USD, or leave it out for all files")
    missing = set(wanted) - {each.instrument.name for each in files}
    if missing:
        raise InputError(f"--pairs names {', '.join(sorted(missing))}, but no --csv file has its candles")
    return [each for each in files if each.instrument.name in wanted]


def live_pairs(text: str | None) -> list[str]:
    """Return the pairs that `--pairs` names for a live run; raise InputError without any."""
    names = parse_pairs(text or "")
    if not names:
        raise InputError("a live run needs the pairs to trade: give --pairs EUR_USD,GBP_USD")
    return names


def parse_speed(text: str) -> float:
    """Return the market seconds to a second that `--speed` names, 0 for max; raise InputError for anything else."""
    if text == "max":
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise InputError(f"--speed {text!r} cannot be used; give max or a number above 0, such as 60")
    return speed
