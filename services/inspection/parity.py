"""Replay what is stored through the machines and compare every row: the first difference, or none."""

from collections.abc import Callable
from typing import Final, NamedTuple

from services.inspection.checkpoint import Checkpoint, ProvenState, checkpoint_of
from services.inspection.differences import DifferenceError
from services.inspection.replay import Replay
from shared.contracts.errors import InvariantError
from shared.contracts.shown import trade_hash
from shared.runtime.streams import candles_not_traded
from shared.store.port import Reader

_TOLD_EVERY: Final = 2_000


class ParityCheck(NamedTuple):
    """What was compared, the hash of the replayed trades, and the first difference in words (None: there is none).

    Candles that wait are stored and not traded yet: the ledger cannot have them. `checkpoint` is the proven state from
    which it was replayed, None where that was from the first candle.
    """

    candles: int
    waiting: int
    trades: int
    trade_hash: str
    difference: str | None
    checkpoint: Checkpoint | None = None


class Proof(NamedTuple):
    """A replay up to a candle: how many there were, when that one was decided upon, and the state or the difference."""

    candles: int
    time: int
    state: ProvenState | None
    trade_hash: str
    difference: str | None


def check_parity(reader: Reader, progress: Callable[[int], None]) -> ParityCheck:
    """Compare the stored ledger with a replay of its candles under the settings they were traded with.

    It goes as far as the executor has come in the reader's view, so that a running platform makes no difference.
    `progress` is told how many candles were replayed. Raises InputError where the database holds no run.
    """
    replay, checkpoint, difference = None, None, None
    try:
        checkpoint = checkpoint_of(reader)
        replay = Replay(reader, checkpoint)
        _follow(replay, progress)
        replay.compare_ledger()
    except (DifferenceError, InvariantError) as found:
        difference = str(found)
    closed = [] if replay is None else replay.closed
    return ParityCheck(
        candles=0 if replay is None else replay.candles,
        waiting=candles_not_traded(reader),
        trades=len(closed),
        trade_hash=trade_hash(closed),
        difference=difference,
        checkpoint=checkpoint,
    )


def prove_until(reader: Reader, checkpoint: Checkpoint | None, until: int, progress: Callable[[int], None]) -> Proof:
    """Compare the ledger with its replay up to the place of a candle, and return the state that it has there.

    `progress` is told how many candles were replayed. Raises InputError where the database holds no run.
    """
    replay, state, difference = None, None, None
    try:
        replay = Replay(reader, checkpoint, until)
        _follow(replay, progress)
        replay.compare_so_far()
        state = replay.state()
    except (DifferenceError, InvariantError) as found:
        difference = str(found)
    return Proof(
        candles=0 if replay is None else replay.candles,
        time=0 if replay is None else replay.last_time,
        state=state,
        trade_hash=trade_hash([] if replay is None else replay.closed),
        difference=difference,
    )


def _follow(replay: Replay, progress: Callable[[int], None]) -> None:
    for count, _ in enumerate(replay.run(), start=1):
        if not count % _TOLD_EVERY:
            progress(count)
