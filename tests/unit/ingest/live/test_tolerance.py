"""Refusals are borne for an hour once the feed has answered, and end a run at once before that."""

from collections.abc import Callable
from typing import Final

import pytest

from services.ingest.live.source import FeedRefusedError
from services.ingest.live.tolerance import LONGEST_REFUSAL_SECONDS, Tolerance
from shared.contracts.errors import InputError
from shared.oanda.connection import unauthorized
from shared.oanda.errors import OandaUnauthorizedError, OandaUnavailableError, refusal
from tests.unit.oanda.stand_in import FakeTime

OWN: Final = (
    refusal(403, "GET", "/accounts", {"errorMessage": "The provided request was forbidden."}, ""),
    refusal(404, "GET", "/accounts", {"errorMessage": "not found"}, ""),
    refusal(400, "GET", "/accounts", {"errorMessage": "Invalid value"}, ""),
    unauthorized("the host", "4 times"),
)
OTHERS: Final = tuple(OandaUnavailableError("a web page", status) for status in (302, 401, 403, 404))


def failing(fault: Exception) -> Callable[[], None]:
    def question() -> None:
        raise fault

    return question


@pytest.mark.parametrize("fault", [*OWN, *OTHERS])
def test_a_refusal_after_an_answer_is_away_for_an_hour_and_then_the_end(fault: Exception) -> None:
    time = FakeTime()
    tolerance = Tolerance(time.read, answered_before=False)
    assert tolerance.ask(lambda: 7) == 7
    for seconds in (0.0, 600.0, LONGEST_REFUSAL_SECONDS - 1):
        time.now = 1_000.0 + seconds
        with pytest.raises(FeedRefusedError) as away:
            tolerance.ask(failing(fault))
        assert away.value.seconds == seconds
        assert str(away.value) == str(fault)
    time.now += 1
    with pytest.raises(InputError, match="for 60 minutes without one answer"):
        tolerance.ask(failing(fault))


@pytest.mark.parametrize("fault", OWN)
def test_oandas_own_refusal_at_the_first_contact_is_final(fault: Exception) -> None:
    with pytest.raises(type(fault)) as refused:
        Tolerance(FakeTime().read, answered_before=False).ask(failing(fault))
    assert refused.value is fault


@pytest.mark.parametrize("fault", OTHERS)
def test_a_proxys_page_at_the_first_contact_is_borne(fault: Exception) -> None:
    with pytest.raises(FeedRefusedError):
        Tolerance(FakeTime().read, answered_before=False).ask(failing(fault))


@pytest.mark.parametrize("status", [None, 200, 408, 429, 500, 502, 503, 504, 520])
def test_an_outage_that_is_no_refusal_never_ends_a_run_and_begins_the_hour_anew(status: int | None) -> None:
    time = FakeTime()
    tolerance = Tolerance(time.read, answered_before=True)
    with pytest.raises(FeedRefusedError):
        tolerance.ask(failing(OWN[0]))
    for _ in range(3):
        time.now += LONGEST_REFUSAL_SECONDS
        with pytest.raises(OandaUnavailableError):
            tolerance.ask(failing(OandaUnavailableError("away", status)))
    with pytest.raises(FeedRefusedError) as away:
        tolerance.ask(failing(OWN[0]))
    assert away.value.seconds == 0.0


def test_one_answer_begins_the_hour_anew() -> None:
    time = FakeTime()
    tolerance = Tolerance(time.read, answered_before=True)
    for _ in range(5):
        with pytest.raises(FeedRefusedError):
            tolerance.ask(failing(OandaUnauthorizedError("the token is refused")))
        time.now += LONGEST_REFUSAL_SECONDS - 60
        assert tolerance.ask(lambda: True)
