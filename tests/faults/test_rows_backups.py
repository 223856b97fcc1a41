"""Backups under load, a row of the fault matrix."""

import pytest

from tests.faults.played.backups import copied, dumped
from tests.faults.stage import Stage
from tests.servers.errors import UnavailableError


def test_dump_of_a_trading_platform_is_sound(stage: Stage) -> None:
    try:
        outcomes = dumped(stage, 1, goes_on=False)
    except UnavailableError as reason:
        pytest.skip(f"left out: {reason}")
    for outcome in outcomes:
        outcome.require_sound()


def test_copy_of_a_trading_sqlite_file_is_sound_and_can_be_gone_on_from(stage: Stage) -> None:
    for outcome in copied(stage, 1):
        outcome.require_sound()
