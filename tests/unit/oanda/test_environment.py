"""A token or an account of the wrong environment is noticed before OANDA is asked, and the token is never shown."""

import pytest

from shared.contracts.errors import InputError
from shared.oanda.environment import (
    LIVE_ADDRESS,
    PRACTICE_ADDRESS,
    AccessToken,
    Environment,
    address_of,
    check_account_id,
)


def test_live_account_in_the_practice_environment_is_refused_and_says_how_to_mend() -> None:
    with pytest.raises(InputError, match=r"begins with 001-.*a live account.*environment is practice.*choose live"):
        check_account_id("001-004-1234567-001", Environment.PRACTICE)


def test_practice_account_in_the_live_environment_is_refused() -> None:
    with pytest.raises(InputError, match=r"a practice account.*environment is live"):
        check_account_id("101-004-1234567-001", Environment.LIVE)


def test_fitting_accounts_pass() -> None:
    check_account_id("101-004-1234567-001", Environment.PRACTICE)
    check_account_id("001-004-1234567-001", Environment.LIVE)


@pytest.mark.parametrize(
    ("account", "words"), [("1234567", "MT4"), ("", "no OANDA account id"), ("101-004", "does not look like")]
)
def test_what_is_no_v20_account_is_named(account: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_account_id(account, Environment.PRACTICE)


def test_message_about_a_wrong_account_does_not_show_it() -> None:
    with pytest.raises(InputError) as caught:
        check_account_id("001-009-7654321-003", Environment.PRACTICE)
    assert "7654321" not in str(caught.value)


def test_address_may_be_replaced_in_part_and_with_or_without_the_version() -> None:
    assert address_of(Environment.PRACTICE) == PRACTICE_ADDRESS
    assert address_of(Environment.LIVE) == LIVE_ADDRESS
    assert address_of(Environment.PRACTICE, "http://127.0.0.1:8080/v3/").rest_url == "http://127.0.0.1:8080"
    assert address_of(Environment.LIVE, None, "http://sim:1").stream_url == "http://sim:1"


@pytest.mark.parametrize(
    "url",
    [
        "api-fxpractice.oanda.com",
        "ftp://host",
        "https://user:secret@host",
        "https://host/?q=1",
        "http://api-fxtrade.oanda.com",
        "https://host:notaport",
        "https://[broken",
    ],
)
def test_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(InputError) as caught:
        address_of(Environment.PRACTICE, url)
    assert "secret" not in str(caught.value)


def test_token_shows_itself_to_nobody() -> None:
    token = AccessToken("abc-def")
    assert "abc" not in f"{token!r} {token} {[token]}"
    assert token.hidden_in(b"the token abc-def was refused") == b"the token [token] was refused"


@pytest.mark.parametrize("text", ["", "abc def", "abc\n", "ab\u00e9c"])
def test_token_that_cannot_stand_in_a_header_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(InputError) as caught:
        AccessToken(text)
    assert not text or text not in str(caught.value)
