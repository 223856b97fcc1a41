"""A store for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.fixtures.new_store import new_sqlite


@pytest.fixture(name="store")
def store_(tmp_path: Path) -> Iterator[Store]:
    store = open_store(new_sqlite(tmp_path / "executor.db"))
    yield store
    store.close()
