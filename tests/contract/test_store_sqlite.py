"""The store on SQLite does what every store must."""

from pathlib import Path

import pytest

from tests.contract.store_commands_contract import CommandStoreContract
from tests.contract.store_contract import StoreContract
from tests.contract.store_pruning_contract import PruningStoreContract, filled_
from tests.contract.store_shared_contract import SharedStoreContract
from tests.contract.store_tokens_contract import TokenStoreContract
from tests.contract.store_users_contract import UserStoreContract
from tests.fixtures.new_store import new_sqlite

__all__ = ["filled_"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return new_sqlite(tmp_path / "paper.db")


class TestStoreOnSqlite(StoreContract):
    """Runs the shared suite."""


class TestStoreSharedOnSqlite(SharedStoreContract):
    """Runs the suite for processes that share a store."""


class TestStoreCommandsOnSqlite(CommandStoreContract):
    """Runs the suite for commands and holds."""


class TestStoreTokensOnSqlite(TokenStoreContract):
    """Runs the suite for tokens of programs."""


class TestStoreUsersOnSqlite(UserStoreContract):
    """Runs the suite for users, sessions and lists."""


class TestStorePruningOnSqlite(PruningStoreContract):
    """Runs the suite for old rows."""
