"""Rows of the fault matrix that a live market plays of itself, on the simulated OANDA."""

from tests.faults.played.live import SUNDAYS, revised, weekends
from tests.faults.stage import Stage


def test_live_run_goes_over_a_weekend_on_which_clocks_change_without_a_candle_or_trade_amiss(stage: Stage) -> None:
    (outcome,) = weekends(stage, SUNDAYS[:1])
    outcome.require_sound()
    assert outcome.figure("trades") > 0


def test_candles_that_are_revised_over_the_wire_stay_what_they_were_when_they_were_traded(stage: Stage) -> None:
    revised(stage, 0.2).require_sound()
