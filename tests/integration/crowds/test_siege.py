"""A small siege of a whole platform: nobody who has a right to be heard is kept out, and trading goes on."""

import re
from pathlib import Path

from tests.fixtures.crowds.siege import Sizes, besiege
from tests.fixtures.up import log_of, running

SMALL = Sizes(idle=260, halves=260, readers=10, watchers=70, logins=8, streams=12)


def test_platform_that_is_besieged_answers_obeys_and_trades(tmp_path: Path) -> None:
    with running(tmp_path, "--health-port", 0) as up:
        health_port = int(up.told(r'"health_port": (\d+)'))
        felt = besiege(up, health_port, SMALL, seconds=3)
        # Everybody was answered, whatever the machine had besides to do; `python -m tests.tools.siege` judges how soon.
        assert max(felt.alive, felt.monitored, felt.answered, felt.applied) < 30
        assert felt.candles_during > 0
        assert felt.memory_most < felt.memory_before + 200
        assert up.stop() == 0
        lines = [line for line in up.errors().splitlines() if re.match(r"\S*(Error|Traceback|Exceeded|Invalid)", line)]
        assert lines == []
        assert {line["level"] for line in log_of(up)} <= {"info", "warning"}
