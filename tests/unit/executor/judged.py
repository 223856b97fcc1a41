"""Candles of one pair after the other, judged as a test says."""

from typing import Any

from shared.contracts.facts import CandleAssessed, CandleClosed
from shared.core.types import Assessment, Candle
from tests.fixtures.market import M5, TUESDAY, assessment, candle

PAIR = "EUR_USD"


def judged(
    seq: int = 1, found: Assessment | None = None, each: Candle | None = None, pair: str = PAIR, **changed: Any
) -> CandleAssessed:
    """Return the fact of the candle at `seq` among all candles; without more, of a market that gives no signal."""
    shown = each or candle(TUESDAY + (seq - 1) * M5)
    closed = CandleClosed(
        stream="candles.0",
        seq=seq,
        previous_seq=seq - 1,
        pair=pair,
        granularity_seconds=M5,
        digits=3 if pair.endswith("JPY") else 5,
        candle=shown,
    )
    usual = CandleAssessed(
        closed=closed,
        strategy="ema_vwap",
        params_hash="",
        trading_day=16_189,
        assessment=found or assessment(),
        news=None,
    )
    return usual._replace(**changed)
