"""Rows 13-16 and 26 of the fault matrix: messages doubled, lost, reordered, poisoned, deadly, made up, far too many."""

from tests.faults.played.flood import flooded
from tests.faults.played.made_up import made_up
from tests.faults.played.messages import PREFETCH, deadly, lost_and_reordered, poisoned, tripled
from tests.faults.stage import Stage

SEED = 20_260_302


def test_row_13_every_message_three_times_has_its_effect_once(stage: Stage) -> None:
    tripled(stage).require_sound()


def test_row_14_lost_and_reordered_messages_leave_the_same_ledger(stage: Stage) -> None:
    lost_and_reordered(stage, SEED).require_sound()


def test_row_15_poison_is_dead_lettered_after_one_delivery_and_holds_up_nobody(stage: Stage) -> None:
    poisoned(stage).require_sound()


def test_row_16_message_that_kills_the_process_is_given_up_after_six_deliveries(stage: Stage) -> None:
    outcome = deadly(stage)
    outcome.require_sound()
    assert outcome.figure("neighbours among the dead letters") < PREFETCH


def test_facts_that_their_producer_never_stored_have_no_effect_and_are_counted(stage: Stage) -> None:
    outcome = made_up(stage)
    outcome.require_sound()
    assert outcome.figure("refuted") >= 2


def test_row_26_flood_of_messages_and_requests_takes_no_memory_and_no_effect(stage: Stage) -> None:
    flooded(stage, 1).require_sound()
