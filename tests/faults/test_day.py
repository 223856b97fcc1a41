"""A short day of trading in which one thing after the other goes wrong; `make faults` plays a whole one."""

from tests.faults.played.day import SHORT_DAY, under_faults
from tests.faults.stage import Stage

SEED = 20_260_329


def test_day_under_one_fault_after_the_other_ends_with_the_same_ledger(stage: Stage) -> None:
    under_faults(stage, SHORT_DAY, SEED).require_sound()
