"""A command is done once and wholly, or not at all, wherever its executor dies and however many there are."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.build import Executor, Outside
from shared.bus.in_process import InProcessBus
from shared.runtime.outgoing import DirectOutgoing
from shared.settings.settings import load_settings
from shared.store.engine import sqlite_url
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.fixtures.commanded import EAGER, PAIR, Commanded, commanded, free_course, require_sound
from tests.fixtures.paper import NOON

PLACES = ("executor.command_claimed", "executor.command_done", "executor.before_commit", "executor.after_commit")


class DiedError(BaseException):
    """The process is gone."""


@pytest.fixture(name="url", params=["SQLite", "PostgreSQL"])
def url_(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "SQLite":
        return sqlite_url(tmp_path / "paper.db")
    return str(request.getfixturevalue("postgres_url"))


def an_executor(store: Store, name: str, dies_at: str = "") -> Executor:
    def crash(place: str) -> None:
        if place == dies_at:
            raise DiedError

    outside = Outside(name, lambda: NOON, crash=crash)
    return Executor(store, DirectOutgoing(InProcessBus()), load_settings(None, EAGER), outside)


@pytest.fixture(name="entry", scope="module")
def entry_(tmp_path_factory: pytest.TempPathFactory) -> int:
    course = free_course(sqlite_url(tmp_path_factory.mktemp("free") / "paper.db"))
    return next(number for number, is_open in enumerate(course) if is_open)


@pytest.fixture(name="desk")
def desk_(url: str, entry: int) -> Iterator[Commanded]:
    """Return a platform with one open position."""
    with commanded(url) as desk:
        desk.trade(entry)
        yield desk


@pytest.mark.parametrize("place", PLACES)
def test_a_command_is_done_once_wherever_its_executor_dies(desk: Commanded, place: str) -> None:
    command_id = desk.send("KILL_SWITCH_ON")
    with pytest.raises(DiedError):
        an_executor(desk.store, "first", dies_at=place).obey()
    done_already = place == "executor.after_commit"
    assert desk.command(command_id).status == ("SUCCEEDED" if done_already else "PENDING")
    assert desk.open_pairs() == ([] if done_already else [PAIR])
    an_executor(desk.store, "second").obey()
    row = desk.command(command_id)
    assert (row.status, row.claimed_by) == ("SUCCEEDED", "first" if done_already else "second")
    steps = ["command.sent", "command.claimed", "command.started", "hold.set", "trade.closed", "command.completed"]
    assert desk.actions(command_id) == steps
    desk.trade(50)
    require_sound(desk.store)


def test_a_command_that_was_left_running_is_settled_by_what_was_done(desk: Commanded) -> None:
    assert desk.ordered("PAUSE_ALL")[0] == "SUCCEEDED"
    undone = desk.send("CLOSE_ALL")
    with desk.store.transaction() as transaction:
        transaction.claim_command("gone", NOON)
    assert desk.command(undone).status == "RUNNING"
    desk.obey()
    status, result = desk.result(undone)
    assert (status, result) == ("FAILED", {"reason": "interrupted", "done": []})
    assert desk.actions(undone) == ["command.sent", "command.settled"]
    assert desk.open_pairs() == [PAIR]
    require_sound(desk.store)


def test_executors_that_race_do_each_command_once(url: str, desk: Commanded) -> None:
    kinds = ("PAUSE_ALL", "RESUME_ALL", "KILL_SWITCH_ON", "KILL_SWITCH_OFF", "CLOSE_ALL")
    sent = [desk.send(kinds[number % 5], key=f"key-{number // 10}") for number in range(100)]
    stores = [open_store(url) for _ in range(2)]
    start = threading.Barrier(2)
    faults: list[BaseException] = []

    def race(number: int) -> None:
        try:
            executor = an_executor(stores[number], f"executor {number}")
            start.wait()
            while executor.obey():
                pass
        except BaseException as fault:
            faults.append(fault)

    racers = [threading.Thread(target=race, args=(number,)) for number in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    for store in stores:
        store.close()
    assert faults == []
    assert len(set(sent)) == 50
    for command_id in set(sent):
        assert desk.command(command_id).status in ("SUCCEEDED", "SKIPPED")
        for step in ("command.sent", "command.claimed", "command.started", "command.completed"):
            assert desk.actions(command_id).count(step) == 1
    require_sound(desk.store)


def test_clients_that_send_at_once_with_the_same_key_get_the_same_command(url: str, desk: Commanded) -> None:
    found: list[int] = []
    start = threading.Barrier(4)

    def send() -> None:
        start.wait()
        found.extend(desk.send("PAUSE_ALL", key=f"key-{number}") for number in range(10))

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(found) == 40
    assert len(set(found)) == 10
