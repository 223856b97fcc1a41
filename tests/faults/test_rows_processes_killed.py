"""Rows 1-3, 5, 17 and 27 of the fault matrix: services that die, fail over or are asked to stop."""

from tests.faults.played.crashes import asked_to_stop, failed_over, killed_at_each_crash_point, killed_at_random
from tests.faults.played.messages import PREFETCH
from tests.faults.stage import Stage
from tests.fixtures.deployed import SERVICES

RANDOM_KILLS_SECONDS = 8.0
SEED = 20_260_301
STOP_SECONDS = 10.0


def test_rows_1_2_3_services_killed_at_every_crash_point_leave_the_same_ledger(stage: Stage) -> None:
    killed_at_each_crash_point(stage, SERVICES, waits_for_lease=False).require_sound()


def test_row_5_random_kills_leave_the_same_ledger_and_the_backlog_goes(stage: Stage) -> None:
    killed_at_random(stage, RANDOM_KILLS_SECONDS, SEED).require_sound()


def test_row_17_graceful_failover_of_a_consumer_leaves_the_same_ledger(stage: Stage) -> None:
    failed_over(stage, times=1).require_sound()


def test_row_27_services_stop_in_time_under_load_and_lose_nothing(stage: Stage) -> None:
    outcome = asked_to_stop(stage, times=3)
    outcome.require_sound()
    assert outcome.figure("slowest stop, seconds") <= STOP_SECONDS
    assert outcome.figure("most redelivered") <= PREFETCH
