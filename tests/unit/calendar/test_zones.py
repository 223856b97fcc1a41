"""The wall clock of a zone changes at the very second at which its rules say so."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from shared.calendar.zones import zone_offsets


@pytest.mark.parametrize(
    ("zone", "changed"),
    [
        ("Europe/London", "2026-03-29T01:00:00"),
        ("America/New_York", "2026-11-01T06:00:00"),
        ("Australia/Sydney", "2026-04-04T16:00:00"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00"),
        # From half a minute to none: no clock of today changes at an odd second.
        ("Africa/Monrovia", "1972-01-07T00:44:30"),
        ("Europe/Paris", "1911-03-10T23:50:39"),
    ],
)
def test_an_offset_comes_into_force_at_its_second(zone: str, changed: str) -> None:
    second = int(datetime.fromisoformat(changed).replace(tzinfo=UTC).timestamp())
    around = [*range(second - 3, second + 3)]
    rules = ZoneInfo(zone)
    expected = []
    for time in around:
        offset = datetime.fromtimestamp(time, rules).utcoffset()
        assert offset is not None
        expected.append(round(offset.total_seconds()))
    assert expected[2] != expected[3]
    assert [zone_offsets(time, zone) for time in around] == expected
    assert zone_offsets(np.array(around), zone).tolist() == expected
