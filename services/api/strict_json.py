"""The body of a request as JSON that has one meaning: no member twice, no number that JSON does not know."""

import json
from http import HTTPStatus
from math import isfinite
from typing import Any, Final, NoReturn

from starlette.requests import Request

from services.api.problems import ProblemError

_SHOWN: Final = 64


class StrictRequest(Request):
    """A request whose JSON is read by us."""

    async def json(self) -> Any:
        """Return the document in the body; raise ProblemError for a body that is none, or that has two meanings."""
        if not hasattr(self, "_document"):
            self._document = read_json(await self.body())
        return self._document


def read_json(body: bytes) -> Any:
    """Return a JSON document in UTF-8; raise ProblemError for anything else, and for what readers take differently."""
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_members, parse_constant=_no_number, parse_float=_number
        )
    except json.JSONDecodeError as fault:
        raise _refused(f"it is not JSON: {fault.msg.lower()} at character {fault.pos}") from fault
    except UnicodeDecodeError as fault:
        raise _refused("it is not UTF-8") from fault
    except RecursionError as fault:
        raise _refused("it is nested too deeply") from fault
    except ValueError as fault:
        # Python reads no integer of more than some thousands of digits.
        raise _refused("a number has too many digits") from fault


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that has a member twice: who checks it and who acts on it may each mean another one."""
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _refused(f"the member {twice[:_SHOWN]!a} is given more than once")
    return members


def _number(text: str) -> float:
    """Refuse a number that is too large or too small to be kept."""
    number = float(text)
    significant = text.lower().partition("e")[0].strip("-0.")
    if not isfinite(number) or (number == 0 and significant):
        raise _refused("a number is too large or too close to zero")
    return number


def _no_number(text: str) -> NoReturn:
    raise _refused(f"{text} is not a number")


def _refused(why: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"body: {why}")
