"""Rows 20-22 of the fault matrix, and servers that are not there yet."""

from tests.faults.equipment.small_disk import SmallDisk
from tests.faults.played.database import both_away_at_start, disk_full, restarted, unreachable
from tests.faults.stage import Stage

MOST_IDLE_PROCESSOR_SHARE = 0.1


def test_row_20_database_restart_and_kill_lose_nothing_committed(stage: Stage) -> None:
    restarted(stage, gracefully=[True, False]).require_sound()


def test_row_21_unreachable_database_kills_no_service_and_is_told_by_readiness(stage: Stage) -> None:
    unreachable(stage, 3, 2).require_sound()


def test_row_22_full_disk_is_told_and_when_it_is_freed_the_run_goes_on(stage: Stage, small_disk: SmallDisk) -> None:
    disk_full(stage, small_disk, 2).require_sound()


def test_servers_down_at_start_are_waited_for_without_work(stage: Stage) -> None:
    outcome = both_away_at_start(stage, 2)
    outcome.require_sound()
    for when in ("without a database", "without a broker"):
        assert outcome.figure(f"processor share {when}") <= MOST_IDLE_PROCESSOR_SHARE
