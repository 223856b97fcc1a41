"""How often a user may send commands: enough for any person, and a brake on a program that has gone wild."""

from http import HTTPStatus
from math import ceil
from typing import Final

from services.api.problems import ProblemError
from shared.contracts.commands import CommandType
from shared.runtime.commands import age_seconds
from shared.store.port import Reader

COMMANDS_PER_MINUTE: Final = 60
_SECONDS: Final = 60


def refuse_too_many(reader: Reader, user: str, kind: CommandType, now: int) -> None:
    """Raise ProblemError with the seconds to wait where a user, by all its ways, sent too many in the last minute.

    Asked once the newest is stored, in its transaction. Switching everything off has a count of its own. What is stored
    counts, whichever process took it and however often that was started anew.
    """
    switches_off = kind is CommandType.KILL_SWITCH_ON
    sent = [
        time
        for its_type, time in reader.lately_sent(user, now - _SECONDS, now)
        if (its_type == CommandType.KILL_SWITCH_ON) == switches_off
    ]
    if len(sent) > COMMANDS_PER_MINUTE:
        wait = max(1, ceil(_SECONDS - age_seconds(sent[-COMMANDS_PER_MINUTE - 1], now)))
        detail = f"more than {COMMANDS_PER_MINUTE} commands in a minute; wait"
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": str(wait)})
