"""Two executors: one that is paused while it leads, and two that both believe to lead."""

import json
import signal
import time
from typing import Final

from shared.contracts.commands import CommandType, TradeMode, command_of
from shared.runtime.commands import send_command
from shared.store.rows.commands import NewCommand
from tests.faults.outcome import Outcome
from tests.faults.played.command_clients import disagreements, lost_and_doubled, unfinished
from tests.faults.stage import PATIENCE_SECONDS, Scene, Stage
from tests.fixtures.deployed import FAULTY

LEADER: Final = "executor.1"
STANDBY: Final = "executor.2"
# The lease's ten seconds, and three for the standby to ask.
TAKEOVER_SECONDS: Final = 13.0
# Some batches of 500 to meet in.
_RACED_CANDLES: Final = 1_500
_CALM_SECONDS: Final = 2.0
_LEASE: Final = "executor.paper"
_OTHER_PAIR: Final = "GBP_USD"
_HOLDS: Final = (CommandType.PAUSE_PAIR, CommandType.RESUME_PAIR)


def paused(stage: Stage, *, in_transaction: bool = False) -> Outcome:
    """Stop the leading executor, see the other lead, and let the first go on: what it began to write is refused.

    It is stopped from outside, wherever it is, or stops itself between its last write and its commit.
    """
    with stage.scene() as scene:
        _start_leader(scene, in_transaction)
        scene.start(STANDBY)
        for name in ("strategy", "ingest"):
            scene.start(name)
        if in_transaction:
            scene.wait(lambda: _is_stopped(scene, LEADER), "the leader has stopped itself")
        else:
            scene.wait_for_trading()
            scene.deployment.running[LEADER].send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        scene.injected += 1
        epoch = _epoch(scene)
        scene.wait(lambda: _epoch(scene) > epoch, "the other executor leads")
        scene.recoveries.append(time.monotonic() - stopped)
        scene.promised_seconds = TAKEOVER_SECONDS
        scene.recovered(stopped)
        scene.notes["first candle after, seconds"] = scene.recoveries.pop()
        scene.wait(lambda: scene.stored() == scene.script.candles, "all candles are stored")
        written = scene.traded()
        scene.deployment.running[LEADER].send_signal(signal.SIGCONT)
        scene.wait(lambda: _stepped_back(scene, LEADER), "the stale executor has stepped back")
        assert scene.traded() >= written
        fault = "SIGSTOP of the leader in a transaction" if in_transaction else "SIGSTOP of the leader"
        return scene.finished("18", fault)


def _start_leader(scene: Scene, in_transaction: bool) -> None:
    if in_transaction:
        scene.start(LEADER, environ={"BROKEN": "pause"}, program=FAULTY)
    else:
        scene.start(LEADER)
    scene.wait(lambda: _epoch(scene) > 0, "the first executor leads")


def taken_over_in_command(stage: Stage, broken: str, *, waits_for_lease: bool = True) -> Outcome:
    """Stop the leader while it carries out a command, see the other do it, and let the first go on.

    `broken` says at which place; the lease runs out after ten seconds, or at once where nobody `waits_for_lease`.
    """
    with stage.scene() as scene:
        scene.start(LEADER, environ={"BROKEN": broken}, program=FAULTY)
        scene.wait(lambda: _epoch(scene) > 0, "the first executor leads")
        for name in (STANDBY, "strategy", "ingest"):
            scene.start(name)
        scene.wait_for_trading()
        _send_holds(scene)
        scene.wait(lambda: _is_stopped(scene, LEADER), "the leader has stopped itself")
        stopped, epoch = time.monotonic(), _epoch(scene)
        scene.injected += 1
        if not waits_for_lease:
            scene.let_lease_run_out()
        scene.wait(lambda: _epoch(scene) > epoch, "the other executor leads")
        scene.recoveries.append(time.monotonic() - stopped)
        scene.promised_seconds = TAKEOVER_SECONDS
        scene.wait(lambda: _unfinished(scene) == 0, "the commands are done")
        scene.deployment.running[LEADER].send_signal(signal.SIGCONT)
        scene.wait(lambda: _stepped_back(scene, LEADER), "the stale executor has stepped back")
        scene.wait_until_settled()
        with scene.store.reading() as reader:
            lost, doubled = lost_and_doubled(reader, len(_HOLDS))
            scene.notes["commands lost"], scene.notes["steps of commands doubled"] = lost, doubled
            assert (lost, doubled, disagreements(reader, ())) == (0, 0, [])
        return scene.outcome("takeover", f"SIGSTOP of the leader: {broken}")


def _send_holds(scene: Scene) -> None:
    """Send commands about a pair that the script does not trade, so that the ledger stays what it is."""
    with scene.store.transaction() as transaction:
        for kind in _HOLDS:
            command = command_of(kind, TradeMode.PAPER, _OTHER_PAIR)
            payload = json.dumps({"pair": _OTHER_PAIR})
            send_command(transaction, command, NewCommand(int(time.time()), "ann", command.type, payload))


def _unfinished(scene: Scene) -> int:
    with scene.store.reading() as reader:
        return unfinished(reader)


def both_leading(stage: Stage, *, without_cursor_lock: bool) -> Outcome:
    """Let two executors race through the same candles without a lease; whoever is refused is started again."""
    broken = "lease commit cursor-lock" if without_cursor_lock else "lease commit"
    with stage.scene(_RACED_CANDLES) as scene:
        scene.pace = "max"
        for name in ("strategy", "ingest"):
            scene.start(name)
        scene.wait(lambda: _assessed(scene) == scene.script.candles, "every candle is assessed")
        racers = (LEADER, STANDBY)
        for name in racers:
            scene.start(name, environ={"BROKEN": broken}, program=FAULTY)
            scene.injected += 1
        refused = 0
        until = time.monotonic() + PATIENCE_SECONDS
        calm_since = time.monotonic()
        # When all is traded, one of them may still be in a transaction that the commit of the other makes void.
        while time.monotonic() - calm_since < _CALM_SECONDS:
            assert time.monotonic() < until, "the executors get nowhere"
            ended = sum(_restarted_if_ended(scene, name, broken) for name in racers)
            refused += ended
            if ended or scene.traded() < scene.script.candles:
                calm_since = time.monotonic()
            time.sleep(0.05)
        scene.notes["refused by the database"] = refused
        lacks = "lease and cursor lock" if without_cursor_lock else "lease"
        return scene.finished("19", f"two executors without {lacks}")


def _restarted_if_ended(scene: Scene, name: str, broken: str) -> bool:
    if scene.deployment.running[name].poll() is None:
        return False
    scene.wait_for_death(name)
    assert "refused a row" in scene.deployment.log_of(name), scene.deployment.log_of(name)[-2_000:]
    scene.start(name, environ={"BROKEN": broken}, program=FAULTY)
    return True


def _epoch(scene: Scene) -> int:
    with scene.store.reading() as reader:
        lease = reader.lease(_LEASE)
    return 0 if lease is None else lease.epoch


def _assessed(scene: Scene) -> int:
    with scene.store.reading() as reader:
        return len(reader.assessments_after(0, 1_000_000))


def _is_stopped(scene: Scene, name: str) -> bool:
    return scene.process_state(name) == "T"


def _stepped_back(scene: Scene, name: str) -> bool:
    return scene.told(name, "not leading any more") > 0
