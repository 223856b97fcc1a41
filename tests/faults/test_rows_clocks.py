"""Row 24 of the fault matrix: clocks that step."""

import pytest

from tests.faults.played.clocks import stepped
from tests.faults.stage import Stage
from tests.servers.errors import UnavailableError


def test_row_24_clock_that_steps_by_an_hour_trades_nothing_and_keeps_nobody_out(stage: Stage) -> None:
    try:
        outcome = stepped(stage)
    except UnavailableError as reason:
        pytest.skip(f"left out: {reason}")
    outcome.require_sound()
