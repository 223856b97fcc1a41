"""Edges of the guard: what is just not let in, counted just once, or kept just as it was."""

import json
from typing import Any, cast

import pytest

from services.api.problems import ProblemError
from services.api.security.command_rate import COMMANDS_PER_MINUTE, refuse_too_many
from services.api.security.hash_turns import line_of_address
from services.api.security.known_sessions import KnownSessions
from services.api.security.proving import Proved, open_session
from services.api.security.subjects import of_address, of_name, of_name_at
from services.api.security.throttle import at_login, begin_attempt, forgive
from services.api.security.totp import new_recovery_codes
from shared.contracts.commands import CommandType
from shared.contracts.times import format_time
from shared.contracts.vocabulary import Role
from shared.store.port import Reader
from tests.contract.builders import MIDNIGHT
from tests.fixtures.api import HERE, PASSWORD, Api
from tests.fixtures.api_stores import quick_api
from tests.integration.api.identity.enrolling import Clock, enrolled

__all__ = ["quick_api"]


def test_a_token_opens_nothing_under_another_scheme(quick_api: Api) -> None:
    signed = quick_api.sign_in("admin")
    made = quick_api.client.post("/api/tokens", json={"name": "robot", "days": 1}, headers=signed.headers)
    assert made.status_code == 201
    token = made.json()["token"]
    answers = {
        scheme: quick_api.client.get("/api/status", headers={"Authorization": f"{scheme} {token}"}).status_code
        for scheme in ("Bearer", "bearer", "Basic", "Token")
    }
    assert answers == {"Bearer": 200, "bearer": 200, "Basic": 401, "Token": 401}


def test_who_sent_too_many_commands_waits_for_the_oldest_of_them_and_no_longer() -> None:
    class Sent:
        def lately_sent(self, user: str, after: int, until: int) -> list[tuple[str, str]]:
            assert (user, after, until) == ("ann", MIDNIGHT - 60, MIDNIGHT)
            first = (CommandType.PAUSE_ALL.value, format_time(MIDNIGHT - 59))
            return [first, *[(CommandType.PAUSE_ALL.value, format_time(MIDNIGHT))] * COMMANDS_PER_MINUTE]

    with pytest.raises(ProblemError) as refused:
        refuse_too_many(cast("Reader", Sent()), "ann", CommandType.PAUSE_ALL, MIDNIGHT)
    assert dict(refused.value.headers or {})["Retry-After"] == "1"


def test_a_cookie_is_taken_back_as_it_was_given(quick_api: Api) -> None:
    signed = quick_api.client.post("/auth/login", json={"username": "admin", "password": PASSWORD})
    given = signed.headers.get_list("set-cookie")
    assert signed.status_code == 200
    left = quick_api.client.post("/auth/logout", headers={"X-CSRF-Token": signed.json()["csrf_token"]})
    taken = left.headers.get_list("set-cookie")
    assert all("HttpOnly" in each and "SameSite=strict" in each for each in (*given, *taken))
    assert any('=""' in each for each in taken)


def test_a_user_is_known_while_a_session_was_seen_lately() -> None:
    now = [0.0]
    known = KnownSessions(lambda: now[0], 10)
    assert not known.are_of("ann")
    known.saw("hash", "ann", Role.VIEWER)
    assert (known.are_of("ann"), known.are_of("bob")) == (True, False)
    now[0] = 11
    assert not known.are_of("ann")


def test_a_session_is_of_the_user_as_kept_from_now_on(quick_api: Api) -> None:
    with quick_api.store.transaction() as transaction:
        user = transaction.user("admin")
        assert user is not None
        stale = user._replace(password_hash="of before")  # noqa: S106 - no password
        proved = Proved(user=stale, address=HERE, counted=(), line=line_of_address(HERE))
        assert open_session(quick_api.context, transaction, proved).user == user


def test_the_log_tells_whether_a_code_was_given(quick_api: Api) -> None:
    clock = Clock()
    clock.now = float(MIDNIGHT)
    enrolled(quick_api, clock)
    for body in ({}, {"code": "000000"}):
        quick_api.client.cookies.clear()
        given: dict[str, Any] = {"username": "operator", "password": PASSWORD, **body}
        assert quick_api.client.post("/auth/login", json=given).status_code == 401
    lines = [json.loads(line) for line in quick_api.log.getvalue().splitlines()]
    assert [line["given"] for line in lines if line["event"] == "code refused"] == [False, True]


def test_a_right_attempt_takes_back_itself_where_others_are_counted_and_all_of_its_own(quick_api: Api) -> None:
    counted = at_login("ann", HERE, None)
    for _ in range(3):
        assert begin_attempt(quick_api.context, counted) == 0
    with quick_api.store.transaction() as transaction:
        forgive(transaction, counted)
    with quick_api.store.transaction() as transaction:
        subjects = (of_address(HERE), of_name("ann"), of_name_at("ann", HERE))
        assert [transaction.count_login(each) for each in subjects] == [3, 3, 1]


def test_who_has_to_wait_for_less_than_a_second_is_told_one(quick_api: Api) -> None:
    counted = at_login("ann", HERE, None)[:1]
    with quick_api.store.transaction() as transaction:
        transaction.count_login(counted[0].subject)
        transaction.delay_login(counted[0].subject, 1.2)
    assert begin_attempt(quick_api.context, counted) == 1


def test_recovery_codes_have_all_their_bits() -> None:
    codes = new_recovery_codes(iter(map(str, range(100))).__next__)
    assert {len(code.replace("-", "")) for code in codes} == {24}
    assert {len(group) for code in codes for group in code.split("-")} == {4}
