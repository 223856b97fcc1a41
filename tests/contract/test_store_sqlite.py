"""The store on SQLite does what every store must."""

from pathlib import Path

import pytest

from shared.store.engine import sqlite_url
from shared.store.schema import upgrade
from tests.contract.store_contract import StoreContract


class TestStoreOnSqlite(StoreContract):
    """Runs the shared suite."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        url = sqlite_url(tmp_path / "paper.db")
        upgrade(url)
        return url
