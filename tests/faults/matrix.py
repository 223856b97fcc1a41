"""The rows of the fault matrix that are played with processes: how each is played, once or many times over."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, TypeVar

from tests.faults.equipment.small_disk import SmallDisk
from tests.faults.outcome import Outcome
from tests.faults.played import (
    backups,
    broker,
    clocks,
    commands,
    crashes,
    database,
    day,
    embedded,
    executors,
    flood,
    live,
    made_up,
    messages,
    twins,
)
from tests.faults.stage import Stage

# Plays a row with so many repetitions and returns what came of it.
Result = TypeVar("Result")
Play: TypeAlias = Callable[[Stage, int], list[Outcome]]

_SEED: Final = 20_260_301
_RANDOM_KILL_SECONDS: Final = 60.0
_OUTAGE_SECONDS: Final = 60.0
_LONG_OUTAGE_SECONDS: Final = 300.0
_WAITING_SECONDS: Final = 10.0


def _each_crash_point(service: str) -> Play:
    return lambda stage, times: [crashes.killed_at_each_crash_point(stage, [service], times)]


def _repeated(play: Callable[[Stage, int], Outcome]) -> Play:
    return lambda stage, times: [play(stage, number) for number in range(times)]


def _on_small_disk(play: Callable[[Stage, SmallDisk, float], Result], stage: Stage) -> Result:
    with SmallDisk(database.DISK_MEGABYTES) as disk:
        return play(stage, disk, _OUTAGE_SECONDS)


# A campaign plays each row for the whole time that the matrix names; the tests play the same rows for a shorter one.
CAMPAIGN: Final[Mapping[str, Play]] = {
    "1": _each_crash_point("ingest"),
    "2": _each_crash_point("strategy"),
    "3": _each_crash_point("executor"),
    "4": lambda stage, times: [commands.answers_lost(stage, times)],
    "5": lambda stage, times: [crashes.killed_at_random(stage, _RANDOM_KILL_SECONDS * times, _SEED)],
    "6": lambda stage, times: [broker.restarted(stage, [True] * times)],
    "7": lambda stage, times: [broker.restarted(stage, [False] * times)],
    "8": _repeated(lambda stage, _number: broker.killed_right_after_declaring(stage)),
    "9": _repeated(lambda stage, _number: broker.frozen(stage, _OUTAGE_SECONDS)),
    "10": _repeated(lambda stage, _number: broker.blackholed(stage, _OUTAGE_SECONDS)),
    "11": lambda stage, times: [broker.mangled(stage, 10.0 * times)],
    "12": _repeated(lambda stage, _number: broker.alarmed(stage, _OUTAGE_SECONDS)),
    "13": _repeated(lambda stage, _number: messages.tripled(stage)),
    "14": _repeated(lambda stage, number: messages.lost_and_reordered(stage, _SEED + number)),
    "15": _repeated(lambda stage, _number: messages.poisoned(stage)),
    "16": _repeated(lambda stage, _number: messages.deadly(stage)),
    "17": lambda stage, times: [crashes.failed_over(stage, 3 * times)],
    "18": lambda stage, times: [
        executors.paused(stage, in_transaction=in_transaction) for in_transaction in (False, True) for _ in range(times)
    ],
    "19": lambda stage, times: [
        executors.both_leading(stage, without_cursor_lock=without) for without in (False, True) for _ in range(times)
    ],
    "20": lambda stage, times: [database.restarted(stage, [gracefully] * times) for gracefully in (True, False)],
    "21": lambda stage, _times: [database.unreachable(stage, _LONG_OUTAGE_SECONDS, _OUTAGE_SECONDS / 2)],
    "22": lambda stage, times: [_on_small_disk(database.disk_full, stage) for _ in range(times)],
    "23": lambda stage, times: [each for _ in range(times) for each in _on_small_disk(embedded.disk_full, stage)],
    "24": _repeated(lambda stage, _number: clocks.stepped(stage)),
    "26": _repeated(lambda stage, _number: flood.flooded(stage, _OUTAGE_SECONDS)),
    "27": lambda stage, times: [crashes.asked_to_stop(stage, 9 * times)],
    "commands": lambda stage, times: [commands.raced(stage, times)],
    "takeover": lambda stage, times: [
        executors.taken_over_in_command(stage, broken)
        for broken in ("pause-in-command", "pause-after-command")
        for _ in range(times)
    ],
    "made up": _repeated(lambda stage, _number: made_up.made_up(stage)),
    "day": _repeated(lambda stage, number: day.under_faults(stage, day.WHOLE_DAY, _SEED + number)),
    "twins": _repeated(lambda stage, _number: twins.relieved(stage)),
    "backup": lambda stage, times: [*backups.dumped(stage, 3 * times), *backups.copied(stage, 3 * times)],
    "live": lambda stage, _times: live.weekends(stage, live.SUNDAYS),
    "revised": _repeated(lambda stage, number: live.revised(stage, 0.1 + 0.2 * number)),
    "start": _repeated(lambda stage, _number: database.both_away_at_start(stage, _WAITING_SECONDS)),
}
