"""A hold is on the candles after the one at which it began, up to the one at which it ended."""

import pytest

from services.executor.commands.holds import held, hold_sentence
from services.executor.settlement import NOTHING_GIVEN
from shared.core.types import HOLD, PASSED
from shared.store.rows.commands import HoldRow


@pytest.mark.parametrize(
    ("scope", "ended", "seqs"),
    [("ALL", None, [4, 5, 6, 7]), ("EUR_USD", 5, [4, 5]), ("GBP_USD", None, []), ("EUR_USD", 3, [])],
)
def test_hold_is_on_the_candles_of_its_pairs_between_its_beginning_and_its_end(
    scope: str, ended: int | None, seqs: list[int]
) -> None:
    hold = HoldRow(scope=scope, kind="pause", actor="ann", since_time=0, since_seq=3, command_id=None, ended_seq=ended)
    outcomes = {seq: held(NOTHING_GIVEN, [hold], "EUR_USD", seq).conditions.hold for seq in range(1, 8)}
    assert outcomes == {seq: HOLD if seq in seqs else PASSED for seq in range(1, 8)}


def test_one_hold_of_several_is_enough() -> None:
    others = [
        HoldRow(scope=scope, kind="pause", actor="ann", since_time=0, since_seq=0, command_id=None)
        for scope in ("GBP_USD", "EUR_USD")
    ]
    assert held(NOTHING_GIVEN, others, "EUR_USD", 1).conditions.hold == HOLD
    assert held(NOTHING_GIVEN, [], "EUR_USD", 1) == NOTHING_GIVEN


@pytest.mark.parametrize(
    ("scope", "in_force", "sentence"),
    [
        ("ALL", True, "entries on all pairs are held by the kill switch that ann set at 2023-11-14T22:13:20Z"),
        ("EUR_USD", False, "entries in EUR_USD are no longer held by the kill switch of ann"),
    ],
)
def test_hold_and_its_end_are_told_in_a_sentence(scope: str, in_force: bool, sentence: str) -> None:
    hold = HoldRow(scope=scope, kind="kill_switch", actor="ann", since_time=1_700_000_000, since_seq=0, command_id=None)
    assert hold_sentence(hold, in_force) == sentence
