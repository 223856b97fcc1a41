"""What every store must do for tokens of programs and for second factors of users."""

from collections.abc import Iterator

import pytest

from shared.contracts.errors import InvariantError
from shared.store.port import Store
from shared.store.rows.tokens import NewToken
from shared.store.sql_store import open_store
from tests.contract.store_users_contract import HASH, OTHER_TOKEN, TOKEN


def with_token(store: Store, token_hash: str = TOKEN, seconds: float = 60, **changes: str) -> tuple[int, int]:
    """Add a token of ann, who is an operator, and return the ids of both."""
    given = {"name": "robot", "role": "viewer", "scope": "read", **changes}
    with store.transaction() as transaction:
        known = transaction.user("ann")
        user = transaction.add_user("ann", "operator", HASH) if known is None else known.id
        new = NewToken(token_hash=token_hash, user_id=user, **given)
        return user, transaction.add_token(new, seconds)


def alive(store: Store, token_hash: str = TOKEN) -> bool:
    with store.reading() as reader:
        found = reader.token(token_hash)
        assert ("robot" in [row.name for row in reader.tokens()]) == (found is not None)
    return found is not None


class TokenStoreContract:
    """Tests for a store; a subclass gives the fixture `url`."""

    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        store = open_store(url)
        yield store
        store.close()

    def test_a_token_is_found_by_its_hash_with_what_its_user_is_now(self, store: Store) -> None:
        user, identity = with_token(store)
        with store.transaction() as transaction:
            assert transaction.token(OTHER_TOKEN) is None
            found = transaction.token(TOKEN)
            assert found == (identity, user, "ann", "operator", "robot", "viewer", "read", None)
            transaction.set_role(user, "admin")
            transaction.touch_token(identity)
            used = transaction.token(TOKEN)
            [row] = transaction.tokens()
        assert used is not None
        assert used.user_role == "admin"
        assert used.used_seconds_ago is not None
        assert 0 <= used.used_seconds_ago < 60
        assert row[:5] == (identity, "ann", "robot", "viewer", "read")
        assert row.expires_at - row.created_at == pytest.approx(60, abs=1)
        assert row.used_at is not None

    def test_a_token_ends_by_the_clock_when_it_is_revoked_and_with_its_user(self, store: Store) -> None:
        user, identity = with_token(store)
        assert alive(store)
        with store.transaction() as transaction:
            transaction.disable_user(user)
        assert not alive(store)
        with store.transaction() as transaction:
            transaction.disable_user(user, disabled=False)
            assert transaction.token(TOKEN) is not None
            transaction.revoke_token(identity)
        assert not alive(store)
        with_token(store, OTHER_TOKEN, seconds=-1)
        assert not alive(store, OTHER_TOKEN)

    def test_all_tokens_of_a_user_are_ended_at_once(self, store: Store) -> None:
        user, _identity = with_token(store)
        with_token(store, OTHER_TOKEN)
        with store.transaction() as transaction:
            assert transaction.revoke_tokens(user) == 2
            assert transaction.revoke_tokens(user) == 0
            assert transaction.tokens() == []

    @pytest.mark.parametrize("wrong", [{"role": "king"}, {"scope": "all"}, {"token_hash": "secret"}], ids=str)
    def test_a_token_that_makes_no_sense_is_refused(self, store: Store, wrong: dict[str, str]) -> None:
        # Each database is given the same parameters, so that a copy is emptied.
        named = dict(wrong)
        token_hash = named.pop("token_hash", TOKEN)
        with pytest.raises(InvariantError):
            with_token(store, token_hash, 60, **named)

    def test_a_second_factor_is_begun_confirmed_used_and_forgotten(self, store: Store) -> None:
        with store.transaction() as transaction:
            user = transaction.add_user("ann", "operator", HASH)
            other = transaction.add_user("bob", "operator", HASH)
            assert transaction.second_factor(user) is None
            transaction.begin_second_factor(user, "OLD")
            transaction.begin_second_factor(user, "SECRET")
            assert transaction.second_factor(user) == ("SECRET", 0, False)
            transaction.confirm_second_factor(user, [TOKEN, OTHER_TOKEN])
            transaction.use_step(user, 7)
            assert transaction.second_factor(user) == ("SECRET", 7, True)
        with store.transaction() as transaction:
            assert not transaction.use_recovery_code(other, TOKEN)
            assert [transaction.use_recovery_code(user, TOKEN) for _ in range(2)] == [True, False]
            assert [transaction.forget_second_factor(user) for _ in range(2)] == [True, False]
            assert not transaction.use_recovery_code(user, OTHER_TOKEN)

    def test_two_tokens_never_have_one_hash(self, store: Store) -> None:
        with_token(store)
        with pytest.raises(InvariantError):
            with_token(store)
