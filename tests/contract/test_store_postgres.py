"""The store on PostgreSQL does what every store must."""

import pytest

from tests.contract.store_commands_contract import CommandStoreContract
from tests.contract.store_contract import StoreContract
from tests.contract.store_pruning_contract import PruningStoreContract, filled_
from tests.contract.store_shared_contract import SharedStoreContract
from tests.contract.store_tokens_contract import TokenStoreContract
from tests.contract.store_users_contract import UserStoreContract

__all__ = ["filled_"]


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


class TestStoreOnPostgresql(StoreContract):
    """Runs the shared suite."""


class TestStoreSharedOnPostgresql(SharedStoreContract):
    """Runs the suite for processes that share a store."""


class TestStoreCommandsOnPostgresql(CommandStoreContract):
    """Runs the suite for commands and holds."""


class TestStoreTokensOnPostgresql(TokenStoreContract):
    """Runs the suite for tokens of programs."""


class TestStoreUsersOnPostgresql(UserStoreContract):
    """Runs the suite for users, sessions and lists."""


class TestStorePruningOnPostgresql(PruningStoreContract):
    """Runs the suite for old rows."""
