"""Time whole backtests from columns, from calendar to trade log. Argument: a candle file."""

import json
import sys
from dataclasses import dataclass

from services.backtest.result import BacktestResult, FillRules
from services.backtest.run import judge_market, settle
from services.backtest.timeline import build_timeline
from shared.core.columns import CandleSeries
from shared.settings.settings import Settings
from tests.benchmarks.candles import read_candles
from tests.benchmarks.timing import timed
from tests.fixtures.backtested import calendar_facts, run_backtest

_RUNS = 15


@dataclass
class _Kept:
    result: BacktestResult | None = None


def measure(series: CandleSeries) -> dict[str, object]:
    """Return the seconds of whole runs and of their parts, and how many trades a run made."""
    settings = Settings()
    kept = _Kept()

    def run() -> None:
        kept.result = run_backtest([series], settings)

    whole = timed(run, _RUNS)
    timeline = build_timeline([series])
    facts = calendar_facts(timeline, settings, None)
    market = judge_market(timeline, facts, settings)
    parts = {
        "calendar": timed(lambda: calendar_facts(timeline, settings, None), _RUNS).best,
        "market": timed(lambda: judge_market(timeline, facts, settings), _RUNS).best,
        "account": timed(lambda: settle(market, settings, FillRules()), _RUNS).best,
    }
    trades = len(kept.result.trades) if kept.result else 0
    return {**whole._asdict(), "candles": len(series.time), "trades": trades, "parts": parts}


if __name__ == "__main__":
    print(json.dumps(measure(read_candles(sys.argv[1]))))
