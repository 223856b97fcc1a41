"""A live run that OANDA, or whoever stands before it, refuses for a while waits, says so and trades on afterwards."""

from pathlib import Path
from typing import Final

import pytest

from services.ingest.live.tolerance import LONGEST_REFUSAL_SECONDS
from services.ingest.metrics import FeedMetrics
from services.platform.platform import opened_store
from shared.contracts.errors import InputError
from shared.core.columns import CandleSeries
from shared.runtime.process import Process
from shared.store.engine import sqlite_url
from tests.fixtures.live_run import WARM_UP, KeptLog, trade_candles
from tests.fixtures.paper import sample_series
from tests.simulators.oanda import Faults, OandaSimulator, ResponseFault, VirtualClock

CANDLES: Final = 70
KINDS: Final = (
    ResponseFault.UNAUTHORIZED,
    ResponseFault.FORBIDDEN,
    ResponseFault.FORBIDDEN_PAGE,
    ResponseFault.NOT_FOUND,
    ResponseFault.NOT_FOUND_PAGE,
    ResponseFault.MOVED,
    ResponseFault.OTHER_SHAPE,
)


class Refusing(Faults):
    """Faults of one kind between two times of the market, and none else."""

    def between(self, clock: VirtualClock, kind: ResponseFault, start: float, end: float) -> "Refusing":
        self._clock, self._kind, self._start, self._end = clock, kind, start, end
        return self

    def next_response(self, number: int, path: str) -> ResponseFault | None:
        return self._kind if self._start <= self._clock.now() < self._end else None


def trade(
    database: Path, series: CandleSeries, kind: ResponseFault, away: tuple[float, float], log: KeptLog
) -> tuple[Process, list[int]]:
    """Trade candles while the feed refuses from and to so many seconds after the start."""
    begin = float(series.time[WARM_UP] + 150)
    clock = VirtualClock(begin)
    faults = Refusing().between(clock, kind, begin + away[0], begin + away[1])
    with OandaSimulator([series], clock, faults, heartbeat_seconds=0.2) as simulator:
        process = trade_candles(simulator, [series], database, float(series.time[-1] + 600), log)
    with opened_store(sqlite_url(database)) as store, store.reading() as reader:
        return process, [row.candle.time for row in reader.candles_in_order()]


@pytest.mark.parametrize("kind", KINDS)
def test_refused_for_half_an_hour_it_says_so_waits_and_misses_no_candle(tmp_path: Path, kind: ResponseFault) -> None:
    (series,) = sample_series("EUR_USD", candles=CANDLES)
    log = KeptLog()
    process, times = trade(tmp_path / "live.db", series, kind, (400.0, 2200.0), log)
    assert times == series.time.tolist()
    assert log.told("the live feed is away") == 1
    assert log.told("the live feed refuses to answer") == (kind is not ResponseFault.OTHER_SHAPE)
    assert log.told("the live feed is back") == 1
    assert process.metrics.of(FeedMetrics).feed_refused._value.get() == 0
    assert "feed" not in process.health.missing()


@pytest.mark.parametrize("kind", [ResponseFault.UNAUTHORIZED, ResponseFault.MOVED])
def test_refused_for_an_hour_it_ends_with_one_sentence(tmp_path: Path, kind: ResponseFault) -> None:
    (series,) = sample_series("EUR_USD", candles=CANDLES)
    with pytest.raises(InputError, match="for 60 minutes without one answer"):
        trade(tmp_path / "live.db", series, kind, (400.0, 400.0 + LONGEST_REFUSAL_SECONDS + 600), KeptLog())


@pytest.mark.parametrize("kind", [ResponseFault.FORBIDDEN, ResponseFault.UNAUTHORIZED])
def test_oandas_own_refusal_of_the_first_question_ends_it_at_once(tmp_path: Path, kind: ResponseFault) -> None:
    (series,) = sample_series("EUR_USD", candles=CANDLES)
    log = KeptLog()
    with pytest.raises(InputError, match=r"OANDA refuses|refused the token"):
        trade(tmp_path / "live.db", series, kind, (-60.0, 1e6), log)
    assert log.told("away") == 0


@pytest.mark.parametrize("kind", [ResponseFault.FORBIDDEN_PAGE, ResponseFault.OTHER_SHAPE, ResponseFault.TIMEOUT])
def test_what_is_not_oandas_word_at_the_first_contact_is_waited_for(tmp_path: Path, kind: ResponseFault) -> None:
    (series,) = sample_series("EUR_USD", candles=CANDLES)
    log = KeptLog()
    _process, times = trade(tmp_path / "live.db", series, kind, (-60.0, 600.0), log)
    assert log.told("feed is away") > 0
    assert times[-1] == series.time[-1]
