"""The loop of past candles while its store is away: it trades on when the store is back, and stops when told."""

from pathlib import Path
from random import Random
from typing import Final

import pytest

from services.ingest.feed import unstored
from services.platform.platform import Platform, opened_store
from services.platform.sole_trader import Trader
from services.platform.trading import Audience, PastTrading, Run
from shared.contracts.errors import InfrastructureError
from shared.contracts.runs import RunMode
from shared.runtime.consumer import no_fence
from shared.runtime.health import Health
from shared.runtime.logs import service_log
from shared.runtime.metrics import ServiceMetrics
from shared.runtime.process import Process
from shared.runtime.remembered import begin_run
from shared.settings.settings import Settings
from shared.store.engine import sqlite_url
from tests.fixtures.paper import NOON, sample_series

AWAY_SECONDS: Final = 8 * 3600.0
LONGEST_TRY_SECONDS: Final = 4.5
FEW: Final = 600


class Outside:
    """A process whose time passes while it sleeps, and which may be told to stop at a time."""

    def __init__(self, stops_at: float = float("inf")) -> None:
        self.now = 0.0
        self.stops_at = stops_at
        self.naps: list[tuple[float, float]] = []

    def sleep(self, seconds: float) -> None:
        self.naps.append((self.now, seconds))
        self.now += seconds

    def process(self) -> Process:
        metrics = ServiceMetrics("up", "0")
        return Process(
            "up",
            "up",
            Health(metrics, lambda: self.now),
            metrics,
            service_log("up", "up", "error"),
            stopped=lambda: self.now >= self.stops_at,
            clock=lambda: NOON + self.now,
            monotonic=lambda: self.now,
            sleep=self.sleep,
            rng=Random(1),
        )


def trade(database: Path, outside: Outside) -> int:
    series = sample_series(candles=FEW // 3)
    with opened_store(sqlite_url(database)) as store:
        run = Run(outside.process(), Trader(store, no_fence), Settings())
        begin_run(store, run.settings, None, RunMode.OFFLINE, NOON)
        quiet = Audience(lambda _text: None, lambda _messages: None, lambda _board: None)
        with store.reading() as reader:
            arrivals = unstored(reader, series)
        return PastTrading(run, quiet, None, 0.0).trade(arrivals, FEW)


def let_the_store_be_away(monkeypatch: pytest.MonkeyPatch, outside: Outside) -> None:
    replay = Platform.replay

    def away(self: Platform, *arguments: object) -> None:
        if outside.now < AWAY_SECONDS:
            raise InfrastructureError("the disk is full")
        replay(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Platform, "replay", away)


def test_after_an_outage_of_the_store_it_trades_on_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Outside()
    let_the_store_be_away(monkeypatch, outside)
    assert trade(tmp_path / "past.db", outside) == FEW
    # The store was away for longer than all pauses between two tries, of which the last may be under way.
    assert outside.now - AWAY_SECONDS < LONGEST_TRY_SECONDS


def test_it_stops_within_a_moment_while_the_store_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = Outside(stops_at=100.0)
    let_the_store_be_away(monkeypatch, outside)
    assert trade(tmp_path / "past.db", outside) == 0
    assert outside.now - outside.stops_at < 0.5
