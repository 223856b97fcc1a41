"""Let failing assertions of the shared suites explain themselves."""

import pytest

pytest.register_assert_rewrite(
    "tests.contract.store_contract",
    "tests.contract.store_shared_contract",
    "tests.contract.store_commands_contract",
    "tests.contract.store_users_contract",
)
