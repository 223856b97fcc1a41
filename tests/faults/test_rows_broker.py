"""Rows 6-12 of the fault matrix: the broker and the way to it."""

from tests.faults.played.broker import alarmed, blackholed_and_mangled, frozen, killed_right_after_declaring, restarted
from tests.faults.stage import Stage


def test_rows_6_and_7_broker_restart_and_kill_lose_no_confirmed_message(stage: Stage) -> None:
    outcome = restarted(stage, gracefully=[True, False])
    outcome.require_sound()
    assert outcome.figure("confirmed messages lost") == 0


def test_row_8_queue_without_a_leader_is_found_and_made_anew(stage: Stage) -> None:
    killed_right_after_declaring(stage, leaderless_seconds=0.0).require_sound()


def test_row_9_frozen_broker_leaves_the_same_ledger_and_the_api_answers(stage: Stage) -> None:
    outcome = frozen(stage, 3)
    outcome.require_sound()
    assert outcome.figure("questions answered") > 0


def test_rows_10_and_11_black_hole_resets_slices_and_latency_leave_the_same_ledger(stage: Stage) -> None:
    blackholed_and_mangled(stage, 3, 1.5).require_sound()


def test_row_12_disk_alarm_stops_no_consumer_and_the_outbox_drains(stage: Stage) -> None:
    alarmed(stage, 3).require_sound()
