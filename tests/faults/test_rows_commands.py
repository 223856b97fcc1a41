"""Rows 4, 9 and `commands` of the fault matrix: what operators ask for over HTTP."""

from tests.faults.played.commands import API_POINTS, EXECUTOR_POINTS, answers_lost, raced
from tests.faults.stage import Stage


def test_rows_4_and_9_lost_answers_and_an_absent_broker_leave_each_command_done_once(stage: Stage) -> None:
    answers_lost(stage, 1).require_sound()


def test_commands_of_many_clients_are_done_once_while_executors_and_the_api_are_killed(stage: Stage) -> None:
    outcome = raced(stage)
    outcome.require_sound()
    assert outcome.injected >= len(EXECUTOR_POINTS) + len(API_POINTS)
