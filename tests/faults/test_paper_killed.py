"""A paper run that is killed with SIGKILL again and again ends as if nothing had happened."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any, Final

from services.inspection.parity import check_parity
from services.platform.platform import opened_store
from shared.contracts.shown import trade_hash
from shared.settings.settings import Settings
from shared.store.engine import sqlite_url
from shared.store.sql.audit import verify_audit
from tests.fixtures.backtested import run_backtest
from tests.fixtures.paper import PAIRS, SAMPLE, ledger_of, run_paper, sample_calendar, sample_series

KILLED_PAIRS: Final = PAIRS[:1]
KILLS: Final = 8
SEED: Final = 20_240_303
LONGEST_LIFE_SECONDS: Final = 1.6
# Beside other work a run may need longer than that to begin at all; each life may be longer than the one before.
GROWTH: Final = 1.1


def start(database: Path, exports: Path) -> "subprocess.Popen[str]":
    files = [part for pair in KILLED_PAIRS for part in ("--csv", str(SAMPLE / f"{pair}_M5_sample.csv"))]
    news = ("--news", str(SAMPLE / "calendar_sample.json"))
    export = ("--export-csv", "--export-dir", str(exports))
    command = [sys.executable, "-m", "tests.tools.paper_run", "--mode", "OFFLINE", *files, *news, *export]
    return subprocess.Popen(
        [*command, "--db", str(database), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run_killed(database: Path, exports: Path, random: Random) -> tuple[dict[str, Any], int]:
    """Start the run until one gets to its end, killing each at a random moment; return its report and the kills."""
    kills = 0
    while True:
        process = start(database, exports)
        try:
            longest = LONGEST_LIFE_SECONDS * GROWTH**kills
            output, errors = process.communicate(timeout=random.uniform(0.1, longest))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += 1
            continue
        assert process.returncode == 0, errors
        report: dict[str, Any] = json.loads(output)
        return report, kills


def test_run_killed_again_and_again_ends_with_the_same_ledger(tmp_path: Path) -> None:
    series, news, random = sample_series(*KILLED_PAIRS), sample_calendar(), Random(SEED)
    expected = trade_hash(run_backtest(series, Settings(), calendar=news).trades)
    untouched = tmp_path / "untouched.db"
    run_paper(untouched, series, news=news)
    kills, round_number, started = 0, 0, time.monotonic()
    while kills < KILLS:
        round_number += 1
        database, exports = tmp_path / f"killed_{round_number}.db", tmp_path / f"exports_{round_number}"
        report, killed = run_killed(database, exports, random)
        kills += killed
        assert report["trade_hash"] == expected, f"seed {SEED}, after {kills} kills"
        assert ledger_of(database) == ledger_of(untouched)
        with opened_store(sqlite_url(database)) as store, store.reading() as reader:
            assert verify_audit(reader.audit_in_order()).ok
            assert check_parity(reader, lambda _done: None).difference is None
        lines = (exports / "trades_log.csv").read_text(encoding="utf-8").splitlines()
        assert len(lines) == len(set(lines)) == report["trades"] + 1
        assert time.monotonic() - started < 240, "the machine is too slow for the kills to spread"
