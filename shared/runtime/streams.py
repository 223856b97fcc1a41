"""The names of the streams, and stored rows as the facts they keep."""

from typing import Final

from shared.contracts.facts import CandleClosed
from shared.contracts.granularity import SECONDS_BY_NAME
from shared.store.rows import CandleRow

CANDLE_STREAM: Final = "candles.0"
ASSESSED_STREAM: Final = "assessed.0"
EXECUTOR_STREAM: Final = "executor.0"


def closed_fact(row: CandleRow) -> CandleClosed:
    """Return the fact that a stored candle keeps."""
    return CandleClosed(row.stream, row.seq, row.pair, SECONDS_BY_NAME[row.granularity], row.candle)
