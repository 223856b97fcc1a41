"""What may be stored of live candles, when, and in which order; what is set aside; what the gap ledger says."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from services.ingest.live.checks import FROM_THE_FUTURE, REVISED, TOO_LATE
from services.ingest.live.collector import Collector, Hole, Release
from services.ingest.live.pair import StoredPair
from shared.contracts.feed import Complete, FedCandle, Incomplete, Refused
from shared.contracts.instruments import instrument
from shared.store.rows.market import CandleGapRow
from tests.fixtures.market import M5, TUESDAY, candle

LATE: Final = 120
EUR, JPY = "EUR_USD", "USD_JPY"
FRIDAY_CLOSE: Final = 1_399_064_400
SUNDAY_OPENING: Final = FRIDAY_CLOSE + 2 * 86_400


def at(slot: int) -> int:
    return TUESDAY + slot * M5


def bar(slot: int, **changed: Any) -> Complete:
    return Complete(candle(at(slot), 110_000 + slot)._replace(**changed))


def current(slot: int) -> Incomplete:
    return Incomplete(candle(at(slot)))


def collector(*pairs: str, stored_slot: int = 0) -> Collector:
    """Return a collector of pairs whose last stored candle is that of a slot, with nothing to fetch."""
    stored = {pair: StoredPair([candle(at(stored_slot), 110_000 + stored_slot)]) for pair in pairs}
    made = Collector([instrument(each) for each in pairs], M5, LATE, stored, (at(stored_slot + 1), max(pairs)))
    for hole in made.holes(1):
        made.answer(hole.pair, [bar(stored_slot), current(stored_slot + 1)], at(stored_slot + 1) + 1, to_now=True)
    return made


def slots(release: Release) -> list[tuple[int, str]]:
    return [((each.candle.time - TUESDAY) // M5, each.pair) for each in release.arrivals]


def released(made: Collector, now: float, at_most: int = 500) -> list[tuple[int, str]]:
    return slots(made.release(now, at_most))


def gaps(rows: Sequence[CandleGapRow]) -> list[tuple[int, int, int, str]]:
    return [((r.from_time - TUESDAY) // M5, (r.to_time - TUESDAY) // M5, r.missing_candles, r.kind) for r in rows]


def test_a_candle_waits_until_that_of_the_other_pair_is_there_too() -> None:
    made = collector(EUR, JPY)
    made.glimpse(JPY, [bar(1), current(2)], at(2) + 1)
    made.glimpse(EUR, [bar(0), current(1)], at(2) + 1)
    assert released(made, at(2) + 1) == []
    assert made.awaited(at(2) + 1)
    made.glimpse(EUR, [bar(1), current(2)], at(2) + 3)
    assert released(made, at(2) + 3) == [(1, EUR), (1, JPY)]
    assert not made.awaited(at(2) + 3)


def test_an_incomplete_candle_never_passes() -> None:
    made = collector(EUR)
    made.glimpse(EUR, [bar(0), current(1)], at(2) + LATE + 60)
    assert released(made, at(2) + LATE + 60) == []


def test_a_pair_without_ticks_is_not_waited_for_once_the_feed_has_shown_all_it_has() -> None:
    made = collector(EUR, JPY)
    made.glimpse(JPY, [bar(1), current(2)], at(2) + 1)
    made.glimpse(EUR, [bar(0), current(2)], at(2) + 1)
    assert made.holes(500) == [Hole(EUR, at(0))]
    assert released(made, at(2) + 1) == []
    made.answer(EUR, [bar(0), current(2)], at(2) + 1, to_now=True)
    assert released(made, at(2) + 1) == [(1, JPY)]


def test_a_silent_pair_is_left_behind_after_a_while_and_its_candle_set_aside_when_it_comes() -> None:
    made = collector(EUR, JPY)
    made.glimpse(JPY, [bar(1), current(2)], at(2) + 1)
    made.glimpse(EUR, [bar(0), current(1)], at(2) + 1)
    assert released(made, at(2) + 2 * LATE - 1) == []
    assert released(made, at(2) + 2 * LATE) == [(1, JPY)]
    made.glimpse(EUR, [bar(1), current(2)], at(2) + 2 * LATE + 10)
    late = made.release(at(2) + 2 * LATE + 10, 500)
    assert [(row.pair, row.reason) for row in late.rejected] == [(EUR, TOO_LATE)]
    assert gaps(late.gaps) == [(1, 2, 1, "outage")]
    made.glimpse(EUR, [bar(1), current(2)], at(2) + 2 * LATE + 12)
    assert not any(made.release(at(2) + 2 * LATE + 12, 500))


def test_a_late_candle_is_stored_if_nothing_that_follows_it_was() -> None:
    made = collector(EUR, JPY)
    made.glimpse(EUR, [bar(1), current(2)], at(2) + 1)
    made.glimpse(JPY, [bar(0), current(1)], at(2) + 1)
    assert released(made, at(2) + 2 * LATE) == [(1, EUR)]
    made.glimpse(JPY, [bar(1), current(2)], at(2) + 2 * LATE + 10)
    release = made.release(at(2) + 2 * LATE + 10, 500)
    assert slots(release) == [(1, JPY)]
    assert gaps(release.gaps) == [(1, 2, 1, "backfilled")]


def test_after_an_outage_a_pair_has_its_time_to_be_fetched_before_others_go_on() -> None:
    made = collector(EUR, JPY)
    back = at(14)
    for pair in (EUR, JPY):
        made.glimpse(pair, [bar(12), current(13)], back)
    assert made.holes(500) == [Hole(EUR, at(0)), Hole(JPY, at(0))]
    made.answer(EUR, [bar(slot) for slot in range(14)], back, to_now=True)
    assert released(made, back + LATE - 1) == []
    made.answer(JPY, [bar(slot) for slot in range(14)], back + LATE - 1, to_now=True)
    release = made.release(back + LATE - 1, 500)
    assert slots(release) == [(slot, pair) for slot in range(1, 14) for pair in (EUR, JPY)]
    assert gaps(release.gaps) == [(1, 13, 12, "backfilled"), (1, 13, 12, "backfilled")]


def test_a_pair_whose_pages_still_come_is_waited_for() -> None:
    made = collector(EUR, JPY)
    made.answer(EUR, [bar(slot) for slot in range(100)], at(100), to_now=True)
    made.answer(JPY, [bar(slot) for slot in range(50)], at(100) + LATE, to_now=False)
    assert len(released(made, at(100) + LATE)) == 98
    assert released(made, at(100) + LATE) == []
    made.answer(JPY, [bar(slot) for slot in range(49, 100)], at(100) + 2 * LATE - 1, to_now=True)
    assert len(released(made, at(100) + 2 * LATE - 1)) == 100


def test_batches_hold_whole_decision_times() -> None:
    made = collector(EUR, JPY)
    for pair in (EUR, JPY):
        made.answer(pair, [bar(slot) for slot in range(4)], at(4) + 1, to_now=True)
    assert released(made, at(4) + 1, 3) == [(1, EUR), (1, JPY)]
    assert released(made, at(4) + 1, 4) == [(2, EUR), (2, JPY), (3, EUR), (3, JPY)]


def test_slots_without_ticks_are_counted_up_to_the_next_candle() -> None:
    made = collector(EUR)
    made.answer(EUR, [bar(0), bar(3), current(4)], at(4) + 1, to_now=True)
    release = made.release(at(4) + 1, 500)
    assert slots(release) == [(3, EUR)]
    assert gaps(release.gaps) == [(1, 3, 2, "no_ticks")]


def test_a_weekend_is_no_loss() -> None:
    friday = candle(FRIDAY_CLOSE - M5)
    made = Collector([instrument(EUR)], M5, LATE, {EUR: StoredPair([friday])}, (FRIDAY_CLOSE, EUR))
    sunday = Complete(candle(SUNDAY_OPENING))
    made.answer(EUR, [Complete(friday)], FRIDAY_CLOSE + 3600, to_now=True)
    assert not made.awaited(FRIDAY_CLOSE + 3600)
    assert made.awaited(SUNDAY_OPENING + M5)
    made.answer(EUR, [Complete(friday), sunday], SUNDAY_OPENING + M5, to_now=True)
    release = made.release(SUNDAY_OPENING + M5, 500)
    assert [each.candle for each in release.arrivals] == [sunday.candle]
    assert [tuple(gap)[2:] for gap in release.gaps] == [(FRIDAY_CLOSE, SUNDAY_OPENING, 0, "weekend")]


def test_a_revised_candle_is_set_aside_once_and_a_repeated_one_is_passed_over() -> None:
    made = collector(EUR)
    for _ in range(2):
        made.glimpse(EUR, [bar(0), current(1)], at(1) + 2)
        made.glimpse(EUR, [bar(0, volume=7.0), current(1)], at(1) + 2)
    release = made.release(at(1) + 2, 500)
    assert [(row.reason, row.pair, row.source, row.line) for row in release.rejected] == [
        (REVISED, EUR, "oanda M5 2014-04-29T00:00:00Z", 0)
    ]
    assert release.rejected[0].raw.endswith(",7")
    assert not any(made.release(at(1) + 2, 500))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"bid_high": 109_990}, "bid_high 1.09990 is below bid_open 1.10001"),
        ({"ask_low": 110_020}, "ask_low 1.10020 is above ask_open 1.10011"),
        ({"ask_open": 110_000, "ask_low": 110_000}, "ask_open 1.10000 is below bid_open 1.10001"),
        ({"bid_low": 0}, "bid_low 0 points is not above zero"),
        ({"volume": float("nan")}, "volume nan is not a finite number of ticks"),
        ({"volume": -1.0}, "volume -1.0 is not a finite number of ticks"),
    ],
)
def test_a_candle_with_bad_prices_is_set_aside_and_its_slot_is_an_outage(changed: dict[str, Any], reason: str) -> None:
    made = collector(EUR)
    made.answer(EUR, [bar(0), bar(1, **changed), bar(2)], at(3) + 1, to_now=True)
    release = made.release(at(3) + 1, 500)
    assert slots(release) == [(2, EUR)]
    assert [row.reason for row in release.rejected] == [reason]
    assert gaps(release.gaps) == [(1, 2, 1, "outage")]


def test_a_candle_that_was_bad_is_stored_if_it_is_mended_before_the_next() -> None:
    made = collector(EUR)
    made.glimpse(EUR, [bar(1, bid_low=0), current(2)], at(2) + 1)
    assert released(made, at(2) + 1) == []
    made.glimpse(EUR, [bar(1), current(2)], at(2) + 3)
    release = made.release(at(2) + 3, 500)
    assert slots(release) == [(1, EUR)]
    assert release.gaps == []


def test_a_candle_that_could_not_be_read_is_kept_as_the_feed_sent_it() -> None:
    made = collector(EUR)
    unreadable = Refused(at(1), "its bid price is no number", '{"bid":{"o":"x"}}')
    made.answer(EUR, [bar(0), unreadable, bar(2)], at(3) + 1, to_now=True)
    release = made.release(at(3) + 1, 500)
    assert [(row.reason, row.raw) for row in release.rejected] == [(unreadable.reason, unreadable.raw)]
    assert slots(release) == [(2, EUR)]


def test_candles_off_the_grid_or_from_the_future_are_set_aside() -> None:
    made = collector(EUR)
    astray = Complete(candle(at(1) + 7))
    made.answer(EUR, [bar(0), astray, bar(4)], at(2) + 1, to_now=True)
    release = made.release(at(2) + 1, 500)
    assert [row.reason for row in release.rejected] == ["off the grid of M5", FROM_THE_FUTURE]
    assert slots(release) == []
    made.answer(EUR, [bar(0), bar(1), bar(2), bar(3), bar(4)], at(5), to_now=True)
    assert released(made, at(5)) == [(1, EUR), (2, EUR), (3, EUR), (4, EUR)]


def test_a_candle_that_never_becomes_complete_holds_its_pair_up_only_for_a_while() -> None:
    made = collector(EUR)
    stuck: list[FedCandle] = [bar(0), current(1), bar(2), current(3)]
    made.answer(EUR, stuck, at(2) + LATE - 1, to_now=True)
    assert released(made, at(2) + LATE - 1) == []
    made.answer(EUR, stuck, at(3) + 1, to_now=True)
    release = made.release(at(3) + 1, 500)
    assert slots(release) == [(2, EUR)]
    assert gaps(release.gaps) == [(1, 2, 1, "outage")]


def test_a_candle_that_becomes_complete_before_the_next_one_is_stored_is_not_lost() -> None:
    made = collector(EUR)
    made.answer(EUR, [bar(0), current(1), current(2)], at(2) + LATE, to_now=True)
    assert released(made, at(2) + LATE) == []
    made.glimpse(EUR, [bar(2), current(3)], at(3) + 1)
    assert made.holes(500) == [Hole(EUR, at(0))]
    made.answer(EUR, [bar(0), bar(1), bar(2), current(3)], at(3) + 1, to_now=True)
    release = made.release(at(3) + 1, 500)
    assert slots(release) == [(1, EUR), (2, EUR)]
    assert gaps(release.gaps) == [(1, 2, 1, "backfilled")]


def test_a_start_asks_for_what_came_since_the_last_stored_candle_including_that() -> None:
    stored = {EUR: StoredPair([candle(at(3))]), JPY: StoredPair([candle(at(5))])}
    made = Collector([instrument(EUR), instrument(JPY)], M5, LATE, stored, (at(6), JPY))
    assert made.holes(500) == [Hole(EUR, at(3)), Hole(JPY, at(5))]


def test_nothing_is_released_before_every_pair_has_its_history() -> None:
    made = Collector([instrument(EUR), instrument(JPY)], M5, LATE, {}, None)
    made.begin(EUR, [bar(0), bar(1), current(2)], at(2) + 1)
    assert made.not_begun() == [JPY]
    assert released(made, at(2) + 10 * LATE) == []
    made.begin(JPY, [bar(1), current(2)], at(2) + 2)
    release = made.release(at(2) + 2, 500)
    assert slots(release) == [(0, EUR), (1, EUR), (1, JPY)]
    assert release.gaps == []


def test_a_new_pair_begins_behind_what_the_others_have_traded() -> None:
    made = Collector([instrument(EUR), instrument(JPY)], M5, LATE, {JPY: StoredPair([bar(3).candle])}, (at(4), JPY))
    made.begin(EUR, [bar(2), bar(3), bar(4), current(5)], at(5) + 1)
    made.answer(JPY, [bar(3), bar(4), current(5)], at(5) + 1, to_now=True)
    release = made.release(at(5) + 1, 500)
    assert slots(release) == [(4, EUR), (4, JPY)]
    assert (release.gaps, release.rejected) == ([], [])


def test_a_restart_does_not_record_again_what_was_passed_over() -> None:
    stored = {EUR: StoredPair([bar(0).candle], gaps_until=at(2)), JPY: StoredPair([bar(1).candle])}
    made = Collector([instrument(EUR), instrument(JPY)], M5, LATE, stored, (at(2), JPY))
    made.answer(EUR, [bar(0), bar(1), current(2)], at(2) + 200, to_now=True)
    release = made.release(at(2) + 200, 500)
    assert [row.reason for row in release.rejected] == [TOO_LATE]
    assert release.gaps == []


def test_the_next_close_is_on_the_grid() -> None:
    made = collector(EUR)
    assert made.next_close(at(2) + 0.5) == at(3)
    assert made.next_close(at(2)) == at(3)
