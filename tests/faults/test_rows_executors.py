"""Rows of the fault matrix about who leads: a paused leader, also in a command, two that lead, two that take turns."""

from tests.faults.played.executors import both_leading, paused, taken_over_in_command
from tests.faults.played.twins import relieved
from tests.faults.stage import Stage


def test_row_18_standby_leads_and_the_stale_executor_writes_nothing(stage: Stage) -> None:
    paused(stage, in_transaction=True).require_sound()


def test_row_19_two_leading_executors_open_no_trade_twice(stage: Stage) -> None:
    outcome = both_leading(stage, without_cursor_lock=True)
    outcome.require_sound()
    # Without lease and lock it is the constraints that refuse the second one.
    assert outcome.figure("refused by the database") > 0


def test_command_of_a_paused_leader_is_carried_out_once_by_the_one_that_takes_over(stage: Stage) -> None:
    taken_over_in_command(stage, "pause-after-command", waits_for_lease=False).require_sound()


def test_of_two_ingests_and_two_strategies_one_works_and_the_other_takes_over(stage: Stage) -> None:
    relieved(stage, waits_for_lease=False).require_sound()
