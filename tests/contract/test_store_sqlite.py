"""The store on SQLite does what every store must."""

from pathlib import Path

import pytest

from shared.store.engine import sqlite_url
from shared.store.schema import upgrade
from tests.contract.store_commands_contract import CommandStoreContract
from tests.contract.store_contract import StoreContract
from tests.contract.store_shared_contract import SharedStoreContract
from tests.contract.store_users_contract import UserStoreContract


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = sqlite_url(tmp_path / "paper.db")
    upgrade(url)
    return url


class TestStoreOnSqlite(StoreContract):
    """Runs the shared suite."""


class TestStoreSharedOnSqlite(SharedStoreContract):
    """Runs the suite for processes that share a store."""


class TestStoreCommandsOnSqlite(CommandStoreContract):
    """Runs the suite for commands and holds."""


class TestStoreUsersOnSqlite(UserStoreContract):
    """Runs the suite for users, sessions and lists."""
