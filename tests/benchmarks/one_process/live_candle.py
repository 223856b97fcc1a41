"""Time single candles through the market and account machines in plain Python. Argument: a candle file."""

import json
import sys
import time
from statistics import quantiles

from shared.calendar.facts import PairCalendar
from shared.contracts.runs import RunMode
from shared.core.account import AT_CLOSE, account_start, account_step
from shared.core.books import empty_books, empty_trade_log
from shared.core.columns import CandleSeries
from shared.core.market import market_cells, market_start, market_step
from shared.core.types import CalendarFacts, Candle, integers_in_list, list_of_floats, list_of_integers
from shared.settings.machine_params import account_params, conversion_table, market_params
from shared.settings.settings import Settings
from tests.benchmarks.candles import PAIR, read_candles


def _candles(series: CandleSeries) -> list[tuple[Candle, CalendarFacts]]:
    calendar = PairCalendar(Settings().calendar_rules(PAIR, RunMode.BACKTEST))
    facts = calendar.facts(series.time + series.granularity_seconds, series.time)
    known = zip(*(column.tolist() for column in facts), strict=True)
    return [
        (candle, CalendarFacts(bool(market_open), bool(session_open), news, day))
        for candle, (market_open, session_open, news, day) in zip(series.candles(), known, strict=True)
    ]


def measure(series: CandleSeries) -> dict[str, object]:
    """Return the median and the 99th percentile of a candle's time in microseconds."""
    settings = Settings()
    params, account = market_params(settings.pair(PAIR)), account_params(settings)
    table = conversion_table(settings, [series.instrument], integers_in_list)
    books = empty_books(1, list_of_integers, list_of_floats)
    log = empty_trade_log(len(series.time), list_of_integers)
    cells, market, state = (
        market_cells(params, list_of_integers, list_of_floats),
        market_start(params),
        account_start(account),
    )
    nanoseconds = []
    for candle, facts in _candles(series):
        begin = time.perf_counter_ns()
        market, assessment = market_step(market, cells, candle, facts, params)
        decision_time = candle.time + series.granularity_seconds
        state, _ = account_step(
            state, books, log, table, 0, candle, assessment, decision_time, facts.trading_day, AT_CLOSE, account
        )
        nanoseconds.append(time.perf_counter_ns() - begin)
    percentiles = quantiles(nanoseconds, n=100)
    return {
        "candles": len(nanoseconds),
        "p50_microseconds": percentiles[49] / 1000,
        "p99_microseconds": percentiles[98] / 1000,
    }


if __name__ == "__main__":
    print(json.dumps(measure(read_candles(sys.argv[1]))))
