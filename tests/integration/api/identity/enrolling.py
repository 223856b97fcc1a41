"""Second factors of users, and the clock that their codes go by."""

from typing import Final

from services.api.security.totp import STEP_SECONDS, code_at
from tests.fixtures.api import Api

FACTOR: Final = "/api/auth/second-factor"
NOON: Final = 1_767_614_400.0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now

    @property
    def step(self) -> int:
        return int(self.now) // STEP_SECONDS


def enrolled(api: Api, clock: Clock, name: str = "operator") -> tuple[str, list[str]]:
    """Give a user a second factor, and return its secret and the recovery codes."""
    headers = api.sign_in(name).headers
    begun = api.client.post(FACTOR, headers=headers)
    assert begun.status_code == 201, begun.text
    secret = begun.json()["secret"]
    confirmed = api.client.put(FACTOR, json={"code": code_at(secret, clock.step)}, headers=headers)
    assert confirmed.status_code == 200, confirmed.text
    clock.now += STEP_SECONDS
    return secret, confirmed.json()["recovery_codes"]
