"""Fetching the economic calendar from a real server that may answer well, badly, slowly or not at all."""

import json
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from services.ingest.news.cache import read_cache
from services.ingest.news.fetch import SHORTEST_PAUSE_SECONDS
from services.ingest.news.source import LARGEST_BYTES, Patience
from services.strategy.news import NewsDesk
from shared.contracts.errors import InfrastructureError
from shared.runtime.news import stored_news
from shared.store.sql_store import open_store
from tests.contract.builders import a_candle
from tests.fixtures.news_bench import EVERY_HOURS, Bench
from tests.fixtures.news_site import (
    DAY,
    HOUR,
    LAST_EVENT,
    NOON,
    WEEK,
    Behaviour,
    NewsSite,
    calendar,
    news_site,
    refusal,
)

NOBODY: Final = "http://127.0.0.1:9/week.json"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[NewsSite]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with news_site() as site:
        yield site


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


def test_a_fetched_week_lies_in_store_and_file_and_its_age_counts_up(site: NewsSite, bench: Bench) -> None:
    bench.fetcher(site.url).look()
    assert bench.titles() == ["Official Bank Rate", "Non-Farm Employment Change"]
    assert bench.age() == 0
    bench.now += HOUR
    assert bench.age() == HOUR
    assert bench.cache is not None
    with bench.store.reading() as reader:
        assert read_cache(bench.cache) == stored_news(reader)


def test_it_is_fetched_again_only_when_the_hours_have_passed(site: NewsSite, bench: Bench) -> None:
    fetcher = bench.fetcher(site.url)
    for _ in range(3):
        fetcher.look()
    bench.now += 0.89 * EVERY_HOURS * HOUR
    fetcher.look()
    assert len(site.requests) == 1
    bench.now = NOON + EVERY_HOURS * HOUR
    fetcher.look()
    assert len(site.requests) == 2


def test_an_unchanged_week_is_confirmed_without_being_sent_or_stored_again(site: NewsSite, bench: Bench) -> None:
    site.behaviour = calendar(ETag='"week-10"', Last_Modified="Sun, 03 Mar 2024 06:00:00 GMT")
    fetcher = bench.fetcher(site.url)
    fetcher.look()
    site.behaviour = refusal(304)
    bench.now += EVERY_HOURS * HOUR
    fetcher.look()
    asked = site.requests[1]
    assert (asked["If-None-Match"], asked["If-Modified-Since"]) == ('"week-10"', "Sun, 03 Mar 2024 06:00:00 GMT")
    assert (bench.age(), bench.versions(), len(bench.titles())) == (0, 1, 2)


def test_a_changed_week_is_a_new_version_and_the_same_week_is_none(site: NewsSite, bench: Bench) -> None:
    fetcher = bench.fetcher(site.url)
    fetcher.look()
    bench.now += EVERY_HOURS * HOUR
    fetcher.look()
    assert bench.versions() == 1
    site.behaviour = calendar(WEEK[1:])
    bench.now += EVERY_HOURS * HOUR
    fetcher.look()
    assert (bench.versions(), bench.titles()) == (2, ["Non-Farm Employment Change"])


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (refusal(429, b"Rate Limited"), "{url} answered 429 Too Many Requests"),
        (refusal(500), "{url} answered 500 Internal Server Error"),
        (refusal(204), "{url} answered 204 No Content"),
        (refusal(304), "{url} answered 304 Not Modified"),
        (refusal(200, b"<!DOCTYPE html><p>One moment"), "{url} answered with a web page where JSON was expected"),
        (refusal(200), "{url}:1: the news calendar is not valid JSON: Expecting value"),
        (refusal(200, b"\xff\xfe["), "{url} answered what cannot be read"),
        (refusal(200, b"[" + b"1" * 5_000 + b"]"), "{url} answered what cannot be read"),
        (refusal(200, b'{"error": "closed"}'), "{url}: the news calendar must be a JSON list of events"),
        (calendar([]), "{url} answered with a calendar without any event"),
        (calendar([{**WEEK[0], "impact": "Huge"}]), "{url}: entry 1: key 'impact' is 'Huge'"),
        (refusal(200, b" " * (LARGEST_BYTES + 1)), "{url} answered with more than 2048 KiB; that is no calendar"),
        (refusal(200, b'[{"title": "Official'), "{url}:1: the news calendar is not valid JSON"),
        (
            lambda request: request.answer(200, b"[", Content_Length="900"),
            "{url} could not be asked (peer closed connection",
        ),
        (refusal(302, Location="ftp://127.0.0.1/week.json"), "{url} could not be asked (Request URL has an"),
        (lambda request: request.wfile.write(b"nonsense\r\n\r\n"), "{url} could not be asked ("),
    ],
)
def test_a_bad_answer_leaves_the_good_calendar_and_is_told_in_a_sentence(
    site: NewsSite, bench: Bench, behaviour: Behaviour, reason: str
) -> None:
    fetcher = bench.fetcher(site.url)
    fetcher.look()
    site.behaviour = behaviour
    bench.now += EVERY_HOURS * HOUR
    fetcher.look()
    assert len(bench.reasons) == 1
    assert bench.reasons[0].startswith(reason.format(url=site.url))
    assert (len(bench.titles()), bench.age()) == (2, EVERY_HOURS * HOUR)
    assert bench.metrics.registry.get_sample_value("scalpbot_news_calendar_failures_total") == 1


def test_a_server_that_says_nothing_is_given_up(site: NewsSite, bench: Bench) -> None:
    site.behaviour = site.hang
    bench.fetcher(site.url, Patience(silence_seconds=0.3, answer_seconds=20)).look()
    assert bench.reasons == [f"{site.url} said nothing for 0.3 s"]


def test_a_server_that_never_comes_to_an_end_is_given_up(site: NewsSite, bench: Bench) -> None:
    site.behaviour = site.dribble
    bench.fetcher(site.url, Patience(silence_seconds=20, answer_seconds=0.3)).look()
    assert bench.reasons == [f"{site.url} did not finish its answer within 0.3 s"]


def test_nobody_listening_is_told_in_a_sentence(bench: Bench) -> None:
    bench.fetcher(NOBODY).look()
    assert bench.reasons == [f"{NOBODY} could not be asked ([Errno 111] Connection refused)"]
    assert bench.titles() == []


def test_failures_are_followed_by_growing_pauses_of_five_minutes_at_least(site: NewsSite, bench: Bench) -> None:
    site.behaviour = refusal(503)
    fetcher = bench.fetcher(site.url)
    asked_at: list[int] = []
    for second in range(0, 4 * HOUR, 5):
        bench.now = NOON + second
        fetcher.look()
        if len(site.requests) > len(asked_at):
            asked_at.append(second)
    pauses = [after - before for before, after in pairwise(asked_at)]
    assert min(pauses) >= SHORTEST_PAUSE_SECONDS
    assert pauses[0] <= 600 < pauses[-1] <= HOUR + 5


@pytest.mark.parametrize("after", ["7200", "Wed, 06 Mar 2024 14:00:00 GMT"])
def test_a_site_that_asks_to_be_left_alone_is_left_alone(site: NewsSite, bench: Bench, after: str) -> None:
    site.behaviour = refusal(429, Retry_After=after)
    fetcher = bench.fetcher(site.url)
    fetcher.look()
    bench.now = NOON + 2 * HOUR - 1
    fetcher.look()
    assert len(site.requests) == 1
    bench.now += 1
    fetcher.look()
    assert len(site.requests) == 2


def test_starting_over_and_over_does_not_ask_over_and_over(site: NewsSite, bench: Bench) -> None:
    site.behaviour = refusal(500)
    for _ in range(4):
        bench.fetcher(site.url).look()
    assert len(site.requests) == 1
    bench.now += SHORTEST_PAUSE_SECONDS
    bench.fetcher(site.url).look()
    assert len(site.requests) == 2


def test_a_restart_without_network_has_the_last_calendar_from_its_file(site: NewsSite, bench: Bench) -> None:
    bench.fetcher(site.url).look()
    other = bench.cache.parent / "other" if bench.cache else Path()
    other.mkdir()
    restarted = Bench(other)
    restarted.now += 3 * HOUR
    restarted.fetcher(NOBODY, cache=bench.cache).look()
    assert (len(restarted.titles()), restarted.age()) == (2, 3 * HOUR)
    restarted.store.close()


def test_a_restart_without_network_or_file_has_the_last_calendar_from_the_store(site: NewsSite, bench: Bench) -> None:
    bench.fetcher(site.url).look()
    assert bench.cache is not None
    bench.cache.write_text('{"source": 5', encoding="utf-8")
    bench.now += 5 * HOUR
    bench.fetcher(NOBODY).look()
    assert (len(bench.titles()), bench.age()) == (2, 5 * HOUR)
    assert "the cached news calendar cannot be read" in bench.reasons[0]
    assert read_cache(bench.cache) is not None


def test_another_address_is_asked_at_once_and_without_the_first_ones_marks(site: NewsSite, bench: Bench) -> None:
    site.behaviour = calendar(ETag='"week-10"')
    bench.fetcher(site.url).look()
    bench.now += SHORTEST_PAUSE_SECONDS
    bench.fetcher(f"{site.url}?key=secret").look()
    assert len(site.requests) == 2
    assert "If-None-Match" not in site.requests[1]


def test_a_secret_in_the_address_is_neither_logged_nor_kept(site: NewsSite, bench: Bench) -> None:
    site.behaviour = refusal(401)
    secret = site.url.replace("http://", "http://user:pa55word@") + "?key=pa55word"
    bench.fetcher(secret).look()
    assert bench.reasons == [f"{site.url} answered 401 Unauthorized"]
    assert bench.cache is not None
    assert "pa55word" not in bench.cache.read_text(encoding="utf-8") + json.dumps(bench.lines)


def test_letters_that_could_not_be_stored_or_printed_are_blanks(site: NewsSite, bench: Bench) -> None:
    site.behaviour = calendar([{**WEEK[0], "title": "Bank\x00 \x1b[31mRate\ud800"}])
    bench.fetcher(site.url).look()
    assert bench.titles() == ["Bank   [31mRate "]


def test_a_calendar_that_is_over_counts_as_old_however_often_it_is_confirmed(site: NewsSite, bench: Bench) -> None:
    bench.now = LAST_EVENT + 4 * DAY
    bench.fetcher(site.url).look()
    assert bench.age() == 3 * DAY
    assert "the news calendar has ended" in bench.lines[-1]["event"]


def test_on_a_weekend_nothing_is_said_of_a_calendar_that_is_over(site: NewsSite, bench: Bench) -> None:
    bench.now = LAST_EVENT + 2 * DAY
    bench.fetcher(site.url).look()
    assert (bench.age(), [line["event"] for line in bench.lines]) == (DAY, ["news calendar fetched"])


def test_a_clock_that_was_ahead_does_not_keep_a_calendar_fresh(site: NewsSite, bench: Bench) -> None:
    bench.now = NOON + HOUR
    bench.fetcher(site.url).look()
    bench.now = NOON
    bench.fetcher(NOBODY).look()
    bench.now += SHORTEST_PAUSE_SECONDS
    bench.fetcher(site.url).look()
    assert (len(site.requests), bench.age()) == (1, SHORTEST_PAUSE_SECONDS)
    bench.now += EVERY_HOURS * HOUR
    assert bench.age() == SHORTEST_PAUSE_SECONDS + EVERY_HOURS * HOUR


def test_a_clock_that_was_ahead_keeps_nobody_from_asking(site: NewsSite, bench: Bench) -> None:
    bench.now = NOON + 9 * DAY
    bench.fetcher(NOBODY).look()
    bench.now = NOON
    fetcher = bench.fetcher(site.url)
    fetcher.look()
    bench.now += SHORTEST_PAUSE_SECONDS
    fetcher.look()
    assert bench.age() == 0


def test_a_folder_that_may_not_be_written_is_told_once_and_the_store_has_the_calendar(
    site: NewsSite, bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    fetcher = bench.fetcher(site.url, cache=tmp_path / "file" / "news.json")
    for _ in range(3):
        fetcher.look()
    assert len(bench.titles()) == 2
    assert len([line for line in bench.lines if line["event"] == "the news calendar is not in its file"]) == 1


def test_a_server_that_hangs_keeps_nobody_from_storing_candles(site: NewsSite, bench: Bench) -> None:
    site.behaviour = site.hang
    fetcher = bench.fetcher(site.url)
    fetcher.start()
    assert site.asked.wait(30)
    with bench.store.transaction() as transaction:
        transaction.add_candles([a_candle()])
    fetcher.stop(0.1)
    assert bench.metrics.registry.get_sample_value("scalpbot_news_calendar_age_seconds") != 0


def test_the_thread_outlives_what_nobody_foresaw(site: NewsSite, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    fetcher = bench.fetcher(site.url)
    told = threading.Event()

    def fail() -> None:
        told.set()
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(fetcher, "_fetch", fail)
    monkeypatch.setattr("services.ingest.news.fetch._NAP_SECONDS", 0.01)
    fetcher.start()
    assert told.wait(30)
    monkeypatch.undo()
    bench.now += HOUR
    assert site.asked.wait(30)
    fetcher.stop(30)
    assert bench.lines[0]["event"] == "fetching the news calendar failed unexpectedly"


def test_a_store_that_is_away_at_the_start_keeps_its_calendar(
    site: NewsSite, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise InfrastructureError("the database is away")

    bench.fetcher(site.url).look()
    assert bench.cache is not None
    bench.cache.unlink()
    bench.now += HOUR
    fetcher = bench.fetcher(NOBODY)
    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "reading", away)
        fetcher.look()
    assert bench.reasons == ["the database is away"]
    fetcher.look()
    assert (len(bench.titles()), bench.age()) == (2, HOUR)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_readers_see_whole_calendars_while_they_change(
    site: NewsSite, bench: Bench, kind: str, request: pytest.FixtureRequest
) -> None:
    url = bench.url if kind == "sqlite" else request.getfixturevalue("postgres_url")
    bench.store.close()
    bench.store = open_store(url)
    fetcher = bench.fetcher(site.url)
    fetcher.look()
    seen: list[tuple[int, int]] = []
    done = threading.Event()

    def read() -> None:
        reader_store, desk = open_store(url), NewsDesk(refresh_seconds=0)
        while not done.is_set():
            with reader_store.reading() as reader:
                found = desk(reader)
            assert found is not None
            seen.append((found.fetched_at, len(found.events)))
        reader_store.close()

    thread = threading.Thread(target=read)
    thread.start()
    for turn in range(1, 11):
        site.behaviour = calendar(WEEK[turn % 2 :])
        bench.now += EVERY_HOURS * HOUR
        fetcher.look()
    done.set()
    thread.join()
    assert {(time - NOON) // (EVERY_HOURS * HOUR) % 2 == (2 - events) for time, events in seen} == {True}
