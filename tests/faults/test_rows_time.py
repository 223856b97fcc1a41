"""Rows of the fault matrix about time: clocks that step, weekends, clock changes, and candles that change later."""

import pytest

from tests.faults.played.clocks import stepped
from tests.faults.played.live import SUNDAYS, weekends
from tests.faults.stage import Stage
from tests.servers.errors import UnavailableError


def test_row_24_clock_that_steps_by_an_hour_trades_nothing_and_keeps_nobody_out(stage: Stage) -> None:
    try:
        outcome = stepped(stage)
    except UnavailableError as reason:
        pytest.skip(f"left out: {reason}")
    outcome.require_sound()


def test_live_run_goes_over_a_weekend_on_which_clocks_change_while_candles_are_revised(stage: Stage) -> None:
    (outcome,) = weekends(stage, SUNDAYS[:1], revised_share=0.2)
    outcome.require_sound()
    assert outcome.figure("trades") > 0
    assert outcome.figure("told as refused") == outcome.figure("revised") > 0
