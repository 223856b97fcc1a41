"""Row 23 of the fault matrix: the embedded shape on an SQLite file."""

from tests.faults.equipment.small_disk import SmallDisk
from tests.faults.played.embedded import disk_full
from tests.faults.stage import Stage


def test_row_23_full_disk_under_an_sqlite_file_is_told_and_loses_nothing(stage: Stage, small_disk: SmallDisk) -> None:
    for outcome in disk_full(stage, small_disk, 1):
        outcome.require_sound()
