"""Turns at writing: in the order of asking, also beside a thread that wants the next turn at once."""

import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from shared.contracts.errors import InfrastructureError
from shared.store.engine import sqlite_url
from shared.store.sql_store import open_store
from shared.store.turns import Turns
from tests.fixtures.new_store import new_sqlite

LONG_SECONDS = 30.0


def test_whoever_asks_first_writes_first() -> None:
    turns, order = Turns(LONG_SECONDS), list[str]()

    def write(name: str) -> None:
        with turns.turn():
            order.append(name)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("second", "third")]
    with turns.turn():
        for number, thread in enumerate(threads, 1):
            thread.start()
            while len(turns._waiting) < number:
                time.sleep(0.001)
    write("fourth")
    for thread in threads:
        thread.join(LONG_SECONDS)
    assert order == ["second", "third", "fourth"]


def test_a_turn_that_does_not_come_is_given_up_and_holds_up_nobody() -> None:
    turns = Turns(0.01)
    with turns.turn(), pytest.raises(InfrastructureError, match="another part of this process"), turns.turn():
        pass
    with turns.turn():
        pass


def test_a_thread_that_writes_all_the_time_lets_others_write(tmp_path: Path) -> None:
    new_sqlite(tmp_path / "paper.db")
    over = threading.Event()
    with closing(open_store(sqlite_url(tmp_path / "paper.db"))) as store:

        def write_on() -> None:
            while not over.is_set():
                with store.transaction() as transaction:
                    transaction.beat("executor", "busy", "{}")
                    time.sleep(0.02)

        busy = threading.Thread(target=write_on)
        busy.start()
        for number in range(10):
            with store.transaction() as transaction:
                transaction.beat("api", f"{number}", "{}")
        over.set()
        busy.join(LONG_SECONDS)
        with store.reading() as reader:
            assert len(reader.heartbeats()) == 11
