"""The loop that follows a live feed: when it asks, what it says of outages and clocks, and what it leaves alone."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from shared.contracts.errors import InputError, MessageError
from shared.contracts.feed import FedCandle
from shared.settings.sections import LiveSettings
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.fixtures.live_market import MINUTE, Bar, Listener, LiveMarket, Outage
from tests.fixtures.market import TUESDAY, candle
from tests.fixtures.new_store import new_sqlite

SETTINGS: Final = LiveSettings(granularity="M1", warm_up_candles=5, poll_seconds=2, late_seconds=30)
START: Final = TUESDAY + 1.0


@pytest.fixture(name="store")
def store_(tmp_path: Path) -> Iterator[Store]:
    url = new_sqlite(tmp_path / "live.db")
    store = open_store(url)
    yield store
    store.close()


def bar(slot: int) -> Bar:
    time = TUESDAY + slot * MINUTE
    return Bar(candle(time, 110_000 + slot), time, time + MINUTE + 1)


def a_market(*pairs: str, slots: int = 10, outages: tuple[Outage, ...] = ()) -> LiveMarket:
    return LiveMarket(START, {pair: [bar(slot) for slot in range(-20, slots)] for pair in pairs}, outages)


def stored_slots(store: Store, pair: str = "EUR_USD") -> list[int]:
    with store.reading() as reader:
        return [(row.candle.time - TUESDAY) // MINUTE for row in reader.candles_in_order() if row.pair == pair]


def listener(market: LiveMarket, store: Store, **changed: Any) -> Listener:
    return Listener(market, store, SETTINGS, **changed)


def metric(one: Listener, name: str, **labels: str) -> float | None:
    return one.metrics.registry.get_sample_value(name, labels)


def test_the_first_start_brings_as_many_past_candles_as_it_is_set_to(store: Store) -> None:
    listener(a_market("EUR_USD", slots=0), store).follow_until(START + 10)
    assert stored_slots(store) == [-5, -4, -3, -2, -1]


def test_without_warm_up_the_first_candle_is_the_one_that_is_open_now(store: Store) -> None:
    market = a_market("EUR_USD", slots=3)
    Listener(market, store, SETTINGS.model_copy(update={"warm_up_candles": 0})).follow_until(START + 200)
    assert stored_slots(store) == [0, 1, 2]
    assert not any(question.startswith("history") for question in market.questions)


def test_a_candle_is_stored_within_a_poll_of_becoming_complete(store: Store) -> None:
    listener(a_market("EUR_USD", slots=3), store).follow_until(TUESDAY + MINUTE + 1 + 2.5)
    assert stored_slots(store)[-1] == 0


def test_the_feed_is_asked_around_each_close_and_left_alone_in_between(store: Store) -> None:
    market = a_market("EUR_USD", slots=10)
    listener(market, store).follow_until(TUESDAY + 10 * MINUTE)
    assert market.questions.count("latest") <= 1 + 10 * 3
    assert stored_slots(store) == list(range(-5, 9))


def test_a_restart_fills_what_was_missed_and_says_so_in_the_gap_ledger(store: Store) -> None:
    market = a_market("EUR_USD", slots=10)
    listener(market, store).follow_until(START + MINUTE + 10)
    market.now = TUESDAY + 7 * MINUTE + 10.0
    market.questions.clear()
    again = listener(market, store)
    again.follow_until(market.now + 5)
    assert stored_slots(store) == list(range(-5, 7))
    assert "history EUR_USD" not in market.questions
    with store.reading() as reader:
        (gap,) = reader.gaps(10)
    assert (gap.missing_candles, gap.kind) == (5, "backfilled")
    assert metric(again, "scalpbot_ingest_gap_seconds_total", kind="backfilled") == 5 * MINUTE
    assert metric(again, "scalpbot_last_candle_timestamp_seconds", pair="EUR_USD") == TUESDAY + 7 * MINUTE


def test_a_long_absence_is_filled_in_pages(store: Store) -> None:
    market = a_market("EUR_USD", slots=2500)
    listener(market, store).follow_until(START + 10)
    market.now = TUESDAY + 2400 * MINUTE + 10.0
    listener(market, store).follow_until(market.now + 30)
    assert stored_slots(store) == list(range(-5, 2400))
    assert market.questions.count("since EUR_USD") >= 3


def test_an_outage_is_told_in_one_sentence_and_its_end_in_another(store: Store) -> None:
    market = a_market("EUR_USD", "USD_JPY", outages=(Outage(START + 100, START + 300),))
    one = listener(market, store)
    one.follow_until(START + 200)
    assert one.log.lines.count("the live feed is away; its candles are fetched once it is back") == 1
    assert one.health.missing()["feed"] == "the feed does not answer"
    errors = metric(one, "scalpbot_feed_errors_total")
    assert errors is not None
    assert errors > 10
    assert (metric(one, "scalpbot_feed_age_seconds") or 0.0) > 80
    market.now = START + 200
    two = listener(market, store)
    two.follow_until(START + 320)
    assert two.log.lines[-1] == "the live feed is back"
    assert "feed" not in two.health.missing()
    assert stored_slots(store) == list(range(-5, 5))


def test_no_pair_is_left_behind_because_the_feed_is_away(store: Store) -> None:
    market = a_market("EUR_USD", "USD_JPY", slots=3, outages=(Outage(START + 65, START + 400),))
    bars = list(market.bars["USD_JPY"])
    bars[20] = bars[20]._replace(complete_at=START + 70)
    market.bars = {**market.bars, "USD_JPY": bars}
    listener(market, store).follow_until(START + 60 + 200)
    assert (stored_slots(store)[-1], stored_slots(store, "USD_JPY")[-1]) == (-1, -1)
    listener(market, store).follow_until(START + 420)
    assert stored_slots(store) == stored_slots(store, "USD_JPY") == list(range(-5, 3))


def test_a_quiet_pairs_candle_that_completes_with_the_next_quote_is_traded_in_its_turn(store: Store) -> None:
    market = a_market("EUR_USD", "USD_JPY", slots=9)
    # Nobody quotes the yen between slot 2 and slot 7, and nobody after slot 7, as over a weekend.
    slots = {*range(-20, 3), 7}
    quiet = [each for slot, each in zip(range(-20, 9), market.bars["USD_JPY"], strict=True) if slot in slots]
    quiet[-2] = quiet[-2]._replace(complete_at=TUESDAY + 7 * MINUTE)
    quiet[-1] = quiet[-1]._replace(complete_at=float("inf"))
    market.bars = {**market.bars, "USD_JPY": quiet}
    listener(market, store).follow_until(START + 9 * MINUTE + 60)
    assert stored_slots(store, "USD_JPY")[-4:] == [0, 1, 2, 7]
    assert stored_slots(store)[-9:] == list(range(9))
    with store.reading() as reader:
        assert reader.rejected_candles(10) == []
        assert [row.candle for row in reader.candles_in_order() if row.pair == "USD_JPY"][-1] == quiet[-1].candle
        order = [(row.candle.time, row.pair) for row in reader.candles_in_order()]
    assert order == sorted(order)


@pytest.mark.parametrize("seconds", [0.7, 1.9, 5.0, 11.0])
@pytest.mark.parametrize("quiet", [False, True])
def test_answers_that_take_long_leave_no_pair_behind(store: Store, seconds: float, quiet: bool) -> None:
    class Slow(LiveMarket):
        def latest(self, pairs: Any) -> dict[str, list[FedCandle]]:
            answer = super().latest(pairs)
            self.now += seconds
            return answer

        def since(self, pair: str, time: int, count: int) -> list[FedCandle]:
            answer = super().since(pair, time, count)
            self.now += seconds
            return answer

    market = Slow(START, a_market("AUD_USD", "EUR_USD", slots=9).bars)
    slots = {*range(-20, 0), *((1, 4, 7) if quiet else range(9))}
    aussie = [each for slot, each in zip(range(-20, 9), market.bars["AUD_USD"], strict=True) if slot in slots]
    never = [each._replace(complete_at=float("inf")) if each.candle.time >= TUESDAY else each for each in aussie]
    market.bars = {**market.bars, "AUD_USD": never}
    listener(market, store).follow_until(START + 9 * MINUTE + 120)
    assert stored_slots(store)[-9:] == list(range(9))
    assert stored_slots(store, "AUD_USD")[5:] == sorted(slots - {*range(-20, 0)})
    with store.reading() as reader:
        assert reader.rejected_candles(10) == []


def test_a_question_that_fails_as_a_candle_can_be_taken_leaves_no_pair_behind(store: Store) -> None:
    outages = [
        Outage(
            TUESDAY + slot * MINUTE + SETTINGS.late_seconds - 3,
            TUESDAY + slot * MINUTE + SETTINGS.late_seconds + 9,
            "AUD_USD",
        )
        for slot in range(1, 9)
    ]
    market = a_market("AUD_USD", "EUR_USD", slots=9, outages=tuple(outages))
    never = [
        each._replace(complete_at=float("inf")) if each.candle.time >= TUESDAY else each
        for each in market.bars["AUD_USD"]
    ]
    market.bars = {**market.bars, "AUD_USD": never}
    listener(market, store).follow_until(START + 9 * MINUTE + 120)
    assert stored_slots(store, "AUD_USD")[-9:] == stored_slots(store)[-9:] == list(range(9))


def test_an_incomplete_candle_is_not_taken_before_it_ended_long_enough_ago(store: Store) -> None:
    market = a_market("EUR_USD", slots=3)
    bars = list(market.bars["EUR_USD"])
    bars[-1] = bars[-1]._replace(complete_at=float("inf"))
    market.bars = {"EUR_USD": bars}
    listener(market, store).follow_until(TUESDAY + 3 * MINUTE + SETTINGS.late_seconds)
    assert stored_slots(store)[-1] == 1


def test_answers_that_make_no_sense_are_an_outage_too(store: Store) -> None:
    class Nonsense(LiveMarket):
        def latest(self, pairs: Any) -> dict[str, list[FedCandle]]:
            if self.now < START + 20:
                self.now += 1
                raise MessageError("the answer is HTML")
            return super().latest(pairs)

    market = Nonsense(START, a_market("EUR_USD").bars)
    one = listener(market, store)
    one.follow_until(START + 70)
    assert one.log.lines.count("the live feed is away; its candles are fetched once it is back") == 1
    assert stored_slots(store)[-1] == 0


def test_a_wrong_token_ends_it(store: Store) -> None:
    class Refusing(LiveMarket):
        def latest(self, pairs: Any) -> dict[str, list[FedCandle]]:
            raise InputError("the token is refused")

    with pytest.raises(InputError, match="token"):
        listener(Refusing(START, a_market("EUR_USD").bars), store).follow_until(START + 70)


@pytest.mark.parametrize(("ahead", "side"), [(3600.0, "ahead of"), (-3600.0, "behind")])
def test_a_skewed_clock_is_told_once_and_changes_nothing(store: Store, ahead: float, side: str) -> None:
    one = listener(a_market("EUR_USD"), store, clock_ahead_seconds=ahead)
    one.follow_until(START + 200)
    (line,) = (line for line in one.log.lines if "clock" in line)
    assert f"3600 s {side} the feed's" in line
    assert metric(one, "scalpbot_feed_clock_skew_seconds") == pytest.approx(ahead, abs=1)
    assert stored_slots(store) == [*range(-5, 3)]


def test_a_small_skew_is_not_worth_a_word(store: Store) -> None:
    one = listener(a_market("EUR_USD"), store, clock_ahead_seconds=4.0)
    one.follow_until(START + 100)
    assert not any("clock" in line for line in one.log.lines)


def test_other_work_is_done_several_times_a_second_while_nothing_is_due(store: Store) -> None:
    called = []
    market = a_market("EUR_USD")
    listener(market, store, on_idle=lambda: called.append(market.now)).follow_until(START + 55)
    assert max(later - earlier for earlier, later in pairwise(called)) <= 1


def test_candles_set_aside_are_counted_and_named(store: Store) -> None:
    market = a_market("EUR_USD", slots=3)
    bars = list(market.bars["EUR_USD"])
    bars[20] = bars[20]._replace(candle=bars[20].candle._replace(bid_high=1))
    market.bars = {"EUR_USD": bars}
    one = listener(market, store)
    one.follow_until(START + 200)
    assert metric(one, "scalpbot_ingest_rejected_candles_total", pair="EUR_USD") == 1
    assert "a candle was set aside" in one.log.lines
    assert stored_slots(store) == [-5, -4, -3, -2, -1, 1, 2]
    with store.reading() as reader:
        assert [row.reason for row in reader.rejected_candles(10)] == ["bid_high 0.00001 is below bid_open 1.10000"]


def test_a_database_of_another_granularity_is_refused(store: Store) -> None:
    market = a_market("EUR_USD")
    listener(market, store).follow_until(START + 10)
    other = Listener(market, store, SETTINGS.model_copy(update={"granularity": "M5"}))
    with pytest.raises(InputError, match="trades EUR_USD on M1 candles"):
        other.follow_until(START + 20)
