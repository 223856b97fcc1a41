"""What every store must do for those who look on: users, sessions, attempts to sign in, and lists by pages."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from shared.contracts.errors import InvariantError
from shared.store.port import Store
from shared.store.rows.audit import AuditEntry
from shared.store.rows.listing import Listed, NewestCandle, Span
from shared.store.rows.users import NewSession, SessionTimes
from shared.store.sql_store import open_store
from tests.contract.builders import FREE, M5, MIDNIGHT, a_candle, an_event, an_opening
from tests.fixtures.api import add_rows

HASH = "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA"
TOKEN = "a" * 64
OTHER_TOKEN = "b" * 64


def with_ann(store: Store, token: str = TOKEN, idle: float = 60, longest: float = 3_600, confirmed: float = 300) -> int:
    """Add a user with a session and return the user's id."""
    with store.transaction() as transaction:
        known = transaction.user("ann")
        identity = transaction.add_user("ann", "operator", HASH) if known is None else known.id
        session = NewSession(token, token[:22], identity, "192.0.2.7")
        transaction.open_session(session, SessionTimes(idle, longest, confirmed))
    return identity


def alive(store: Store, token: str = TOKEN) -> bool:
    with store.reading() as reader:
        return reader.session(token) is not None


class UserStoreContract:
    """Tests for a store; a subclass gives the fixture `url`."""

    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        store = open_store(url)
        yield store
        store.close()

    def test_a_user_is_known_by_name(self, store: Store) -> None:
        with store.transaction() as transaction:
            assert transaction.user("ann") is None
            identity = transaction.add_user("ann", "viewer", HASH)
            transaction.add_user("amy", "admin", HASH)
        with store.reading() as reader:
            assert [user.name for user in reader.users()] == ["amy", "ann"]
            user = reader.user("ann")
        assert user is not None
        assert user._replace(created_at=0) == (identity, "ann", "viewer", HASH, False, 0)
        assert user.created_at > MIDNIGHT

    @pytest.mark.parametrize(
        ("name", "role", "kept"), [("ann", "viewer", HASH), ("bob", "king", HASH), ("bob", "viewer", "secret")]
    )
    def test_a_second_user_of_a_name_an_unknown_role_and_a_plain_password_are_refused(
        self, store: Store, name: str, role: str, kept: str
    ) -> None:
        with_ann(store)
        with pytest.raises(InvariantError, match="refused a row"), store.transaction() as transaction:
            transaction.add_user(name, role, kept)

    def test_a_session_is_that_of_its_user_as_the_user_is_now(self, store: Store) -> None:
        identity = with_ann(store)
        with store.reading() as reader:
            session = reader.session(TOKEN)
            assert reader.session(OTHER_TOKEN) is None
        assert session is not None
        assert session[:4] == (TOKEN[:22], identity, "ann", "operator")
        assert 0 < session.idle_seconds_left <= 60
        assert 0 < session.confirmed_seconds_left <= 300

    @pytest.mark.parametrize(("idle", "longest"), [(-1.0, 3_600.0), (60.0, -1.0)])
    def test_a_session_ends_when_it_is_idle_or_old(self, store: Store, idle: float, longest: float) -> None:
        with_ann(store, TOKEN, idle, longest)
        assert not alive(store)

    def test_a_session_that_is_used_lives_on_but_not_beyond_its_time(self, store: Store) -> None:
        with_ann(store, TOKEN, 1)
        with_ann(store, OTHER_TOKEN, 60, -1)
        with store.transaction() as transaction:
            transaction.touch_session(TOKEN, 1_000)
            transaction.touch_session(OTHER_TOKEN, 1_000)
            session = transaction.session(TOKEN)
        assert session is not None
        assert session.idle_seconds_left > 900
        assert not alive(store, OTHER_TOKEN)

    def test_a_revoked_session_is_over_and_others_go_on(self, store: Store) -> None:
        identity = with_ann(store)
        with_ann(store, OTHER_TOKEN)
        with store.transaction() as transaction:
            transaction.revoke_session(TOKEN)
        assert (alive(store), alive(store, OTHER_TOKEN)) == (False, True)
        with store.transaction() as transaction:
            assert transaction.revoke_sessions(identity) == 1
        assert not alive(store, OTHER_TOKEN)

    def test_a_session_stops_to_count_as_confirmed(self, store: Store) -> None:
        with_ann(store, confirmed=-1)
        with store.reading() as reader:
            session = reader.session(TOKEN)
        assert session is not None
        assert session.confirmed_seconds_left < 0

    def test_sessions_are_looked_at_and_ended_by_their_ids(self, store: Store) -> None:
        identity = with_ann(store)
        with_ann(store, OTHER_TOKEN)
        with_ann(store, "c" * 64, idle=-1)
        with store.transaction() as transaction:
            sessions = transaction.sessions_of(identity)
            assert {session.id for session in sessions} == {TOKEN[:22], OTHER_TOKEN[:22]}
            assert sessions == sorted(sessions, key=lambda session: -session.created_at)
            assert sessions[0].address == "192.0.2.7"
            assert round(sessions[0].expires_at - sessions[0].created_at) == 3_600
            assert transaction.sessions_of(identity + 1) == []
            assert transaction.session_owner(TOKEN[:22]) == "ann"
            transaction.end_session(TOKEN[:22])
            assert transaction.session_owner(TOKEN[:22]) is None
        assert (alive(store), alive(store, OTHER_TOKEN)) == (False, True)

    def test_a_session_has_the_role_that_its_user_has_now(self, store: Store) -> None:
        identity = with_ann(store)
        with store.transaction() as transaction:
            transaction.lock_users()
            transaction.set_role(identity, "viewer")
        with store.reading() as reader:
            session = reader.session(TOKEN)
        assert session is not None
        assert session.role == "viewer"

    def test_a_disabled_user_has_no_session(self, store: Store) -> None:
        identity = with_ann(store)
        with store.transaction() as transaction:
            transaction.disable_user(identity)
        assert not alive(store)

    def test_sessions_that_are_long_over_are_forgotten(self, store: Store) -> None:
        with_ann(store, TOKEN, 60, -100)
        with_ann(store, OTHER_TOKEN)
        with store.transaction() as transaction:
            assert transaction.forget_sessions(1_000) == 0
            assert transaction.forget_sessions(10) == 1
        assert alive(store, OTHER_TOKEN)

    def test_attempts_are_counted_until_one_has_to_wait(self, store: Store) -> None:
        with store.transaction() as transaction:
            assert [transaction.count_login("name:ann") for _ in range(3)] == [1, 2, 3]
            assert transaction.count_login("name:bob") == 1
            transaction.delay_login("name:ann", 30)
            assert transaction.count_login("name:ann") is None
            assert 0 < transaction.login_wait_seconds("name:ann") <= 30
            transaction.uncount_login("name:ann")
            assert transaction.count_login("name:ann") == 3
            transaction.forgive_logins("name:ann")
            assert transaction.count_login("name:ann") == 1
            assert transaction.forget_logins(60) == 0
            assert transaction.forget_logins(-60) == 2

    def test_lists_are_read_page_by_page_newest_first(self, store: Store) -> None:
        add_rows(store, 1, 7)
        with store.reading() as reader:
            lists: dict[str, Callable[[Span], Sequence[Listed[Any]]]] = {
                "candles": lambda span: reader.list_candles("EUR_USD", 300, span),
                "gates": reader.list_gates,
                "gates of a pair": lambda span: reader.list_gates(span, "EUR_USD"),
                "trades": reader.list_trades,
                "trades of a pair": lambda span: reader.list_trades(span, "EUR_USD"),
                "equity": reader.list_equity,
                "days": reader.list_days,
                "audit": reader.list_audit,
            }
            for name, listed in lists.items():
                whole = listed(Span(100))
                assert len(whole) == 7, name
                places = [(row.time, row.key) for row in whole]
                assert places == sorted(places, reverse=True), name
                pages = [listed(Span(3, before)) for before in (None, places[2], places[5])]
                assert [row for page in pages for row in page] == whole, name
                inside = listed(Span(100, None, places[4][0], places[1][0]))
                assert inside == whole[2:5], name
            assert reader.list_gates(Span(10), "GBP_USD") == []
            assert reader.list_trades(Span(10), "GBP_USD") == []
            assert reader.list_candles("EUR_USD", 3_600, Span(10)) == []

    def test_rows_of_one_time_are_told_apart_by_their_keys(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.append_audit([AuditEntry(MIDNIGHT, "executor", str(n), None, {}) for n in range(5)])
        with store.reading() as reader:
            first = reader.list_audit(Span(2))
            rest = reader.list_audit(Span(9, (first[-1].time, first[-1].key)))
        assert [row.row.action for row in (*first, *rest)] == ["4", "3", "2", "1", "0"]

    def test_the_newest_candle_of_each_pair_is_found(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.add_candles(
                [
                    a_candle(1),
                    a_candle(2),
                    a_candle(3, pair="GBP_USD"),
                    a_candle(4, pair="GBP_USD", granularity_seconds=3_600),
                ]
            )
        with store.reading() as reader:
            assert reader.newest_candles() == [
                NewestCandle("EUR_USD", 300, MIDNIGHT + M5),
                NewestCandle("GBP_USD", 3_600, MIDNIGHT + 3 * M5),
                NewestCandle("GBP_USD", 300, MIDNIGHT + 2 * M5),
            ]

    def test_events_are_followed_from_the_newest_on(self, store: Store) -> None:
        with store.transaction() as transaction:
            assert transaction.newest_event_id() == 0
            transaction.add_account_events([an_event(1), an_event(2)])
            seen = transaction.newest_event_id()
            transaction.add_account_events([an_event(3), an_event(4)])
            fresh = transaction.events_after(seen, 10)
            assert [event.row for event in fresh] == [an_event(3), an_event(4)]
            assert transaction.events_after(seen, 1) == fresh[:1]
            assert transaction.events_after(fresh[-1].key, 10) == []

    def test_an_open_trade_is_listed_too(self, store: Store) -> None:
        add_rows(store, 1, 1)
        opening = an_opening("open", entry_time=MIDNIGHT + 9 * M5)
        with store.transaction() as transaction:
            transaction.open_trade(opening, FREE)
            newest = transaction.list_trades(Span(1))[0].row
        assert newest.opening == opening
        assert newest.closing is None
