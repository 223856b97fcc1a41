"""The feed that the options of `up` choose."""

from typing import Final

from services.cli.database import database_url
from services.cli.inputs import candle_files, candle_notes, chosen_files, live_pairs, parse_speed, read_candles
from services.cli.news import read_news
from services.cli.terminal.output import note
from services.cli.up.order import CandleOrder
from services.ingest.live.opened import require_account
from services.ingest.news.cache import cache_beside
from services.platform.feeds import DemoFeed, OandaFeed, ReplayFeed
from shared.contracts.errors import InputError
from shared.contracts.pairs import parse_pairs
from shared.contracts.runs import Feed
from shared.settings.settings import Settings

_DEMO_PAIRS: Final = ("EUR_USD", "GBP_USD", "USD_JPY")
_DEMO_DATABASE: Final = "data/demo.db"


def chosen_feed(order: CandleOrder, settings: Settings, store_url: str) -> DemoFeed | ReplayFeed | OandaFeed:
    """Return the feed with what it is given; raise InputError for what it has no use for, or a file that is wrong."""
    _refuse_useless(order)
    match order.feed:
        case Feed.DEMO:
            pairs = parse_pairs(order.pairs or "") or _DEMO_PAIRS
            return DemoFeed(pairs=pairs, seed=order.seed, speed=parse_speed(order.speed), candles=order.candles)
        case Feed.REPLAY:
            return _replay_feed(order, settings)
        case Feed.OANDA:
            names = live_pairs(order.pairs)
            require_account(settings.runtime)
            return OandaFeed(names, cache_beside(store_url))


def url_of(feed: Feed, database: str | None, settings: Settings) -> str:
    """Return the URL of the database; a made-up market is kept out of everybody else's."""
    return database_url(_DEMO_DATABASE if feed is Feed.DEMO and database is None else database, settings)


def _replay_feed(order: CandleOrder, settings: Settings) -> ReplayFeed:
    if not order.csv:
        raise InputError("there is nothing to replay: give at least one candle file with --csv [PAIR=]FILE")
    files = chosen_files(candle_files(order.csv, None, settings), order.pairs)
    speed, news = parse_speed(order.speed), read_news(order.news)
    reads = read_candles(files, settings, order.granularity, order.skip_bad_rows)
    for sentence in candle_notes(reads, settings):
        note(sentence)
    return ReplayFeed([read.series for read in reads], news, speed=speed, candles=order.candles, once=order.once)


def _refuse_useless(order: CandleOrder) -> None:
    useful = {
        "--csv": (order.csv, (Feed.REPLAY,)),
        "--news": (order.news, (Feed.REPLAY,)),
        "--granularity": (order.granularity, (Feed.REPLAY,)),
        "--skip-bad-rows": (order.skip_bad_rows, (Feed.REPLAY,)),
        "--once": (order.once, (Feed.REPLAY,)),
        "--seed": (order.seed is not None, (Feed.DEMO,)),
        "--candles": (order.candles, (Feed.DEMO, Feed.REPLAY)),
    }
    for option, (value, feeds) in useful.items():
        if value and order.feed not in feeds:
            raise InputError(f"{option} goes with --feed {' or '.join(feeds)}, not with --feed {order.feed}")
