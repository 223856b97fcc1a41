"""What operators may ask for, and how a request is read: the same for whoever sends one and for who executes it."""

import re
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from shared.contracts.errors import InputError, shortened
from shared.contracts.pairs import parse_pair

# The scope of a hold that is on every pair.
EVERY_PAIR: Final = "ALL"
LONGEST_PAYLOAD_CHARACTERS: Final = 10_000
LONGEST_TYPE_CHARACTERS: Final = 40
LONGEST_ACTOR_CHARACTERS: Final = 200
LONGEST_KEY_CHARACTERS: Final = 200
LONGEST_REASON_CHARACTERS: Final = 200
# What a spreadsheet or a shell would make something else of stays out of the audit log and what is exported of it.
KEY: Final = re.compile(r"[A-Za-z0-9._:-]+")
# What an executor writes of itself and of what a command did, far above what there is to write.
LONGEST_HOLDER_CHARACTERS: Final = 500
LONGEST_RESULT_CHARACTERS: Final = 1_000_000
LONGEST_EXPIRY_SECONDS: Final = 86_400
DEFAULT_EXPIRY_SECONDS: Final = 900
_MODE: Final = "mode"
_PAIR: Final = "pair"
_REASON: Final = "reason"


class CommandType(StrEnum):
    """What can be asked for."""

    PAUSE_PAIR = "PAUSE_PAIR"
    RESUME_PAIR = "RESUME_PAIR"
    PAUSE_ALL = "PAUSE_ALL"
    RESUME_ALL = "RESUME_ALL"
    CLOSE_PAIR = "CLOSE_PAIR"
    CLOSE_ALL = "CLOSE_ALL"
    KILL_SWITCH_ON = "KILL_SWITCH_ON"
    KILL_SWITCH_OFF = "KILL_SWITCH_OFF"
    RELOAD_PARAMS = "RELOAD_PARAMS"


class CommandStatus(StrEnum):
    """How far a command has come; the last three are final."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class TradeMode(StrEnum):
    """Whose positions a command is about: those on paper, or those at the broker."""

    PAPER = "PAPER"
    LIVE = "LIVE"


UNFINISHED: Final = (CommandStatus.PENDING, CommandStatus.RUNNING)
# What only keeps from trading is never too late, nor are parameters that were saved: a smaller risk must not be lost in
# an outage. All else is about the moment in which it was asked for.
_LASTING: Final = (CommandType.PAUSE_PAIR, CommandType.PAUSE_ALL, CommandType.KILL_SWITCH_ON, CommandType.RELOAD_PARAMS)
# What switches off; whoever sends one again wants it to be off now, whatever became of the first.
SWITCHES_OFF: Final = (CommandType.PAUSE_PAIR, CommandType.PAUSE_ALL, CommandType.KILL_SWITCH_ON)
# For so long the same key means the same command.
KEY_SECONDS: Final = 86_400
_OF_ONE_PAIR: Final = (CommandType.PAUSE_PAIR, CommandType.RESUME_PAIR, CommandType.CLOSE_PAIR)


class Command(NamedTuple):
    """A command that makes sense; `pair` is None where it is about all of them, `reason` where none was given."""

    type: CommandType
    mode: TradeMode
    pair: str | None
    reason: str | None = None


def default_expiry_seconds(type_name: str) -> int | None:
    """Return for how long a command waits that was sent without an expiry; None for as long as it takes."""
    return None if type_name in _LASTING else DEFAULT_EXPIRY_SECONDS


def parse_command(type_name: str, payload_json: str) -> Command:
    """Return the command that a type and a JSON object ask for; raise InputError where they make no sense."""
    if type_name not in CommandType.__members__:
        raise InputError(f"unknown command '{shortened(type_name)}': use one of {', '.join(CommandType)}")
    kind = CommandType(type_name)
    payload = _object_in(payload_json)
    if unknown := sorted(payload.keys() - {_MODE, _PAIR, _REASON}):
        raise InputError(f"unknown field '{shortened(unknown[0])}' in the payload: {kind} takes mode, pair and reason")
    pair, reason = payload.get(_PAIR), payload.get(_REASON)
    if not (pair is None or isinstance(pair, str)):
        raise InputError(f"the payload's pair is {_shown(pair)}: write it like EUR_USD")
    if not (reason is None or isinstance(reason, str)):
        raise InputError(f"the payload's reason is {_shown(reason)}: write it as text")
    return command_of(kind, _mode_in(payload), pair, reason)


def command_of(kind: CommandType, mode: TradeMode | None, pair: str | None, reason: str | None = None) -> Command:
    """Return a command, on paper unless told otherwise.

    Raises InputError for a pair that its type does not take, and for a reason that is no line of text.
    """
    _require_reason(reason)
    if kind in _OF_ONE_PAIR and pair is None:
        raise InputError(f'{kind} needs a pair in the payload, such as {{"pair": "EUR_USD"}}')
    if kind not in _OF_ONE_PAIR and pair is not None:
        raise InputError(f"the payload names a pair, but {kind} applies to all pairs: leave the pair out")
    named = None if pair is None else parse_pair(shortened(pair))
    return Command(type=kind, mode=mode or TradeMode.PAPER, pair=named, reason=reason)


def canonical_payload(payload_json: str) -> bytes:
    """Return the one text of what a payload asks for, by which two of them are compared: why it is asked is no part."""
    asked = {name: value for name, value in _object_in(payload_json).items() if name != _REASON}
    return msgspec.json.encode(asked, order="deterministic")


def _object_in(payload_json: str) -> dict[str, object]:
    if len(payload_json) > LONGEST_PAYLOAD_CHARACTERS:
        raise InputError(f"the payload is longer than {LONGEST_PAYLOAD_CHARACTERS} characters")
    try:
        payload = msgspec.json.decode(payload_json)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as fault:
        raise InputError(f"the payload is not JSON ({shortened(str(fault))})") from fault
    if not isinstance(payload, dict):
        raise InputError('the payload is not a JSON object such as {"mode": "PAPER", "pair": "EUR_USD"}')
    return payload


def _require_reason(reason: str | None) -> None:
    """Raise InputError unless a reason is left out or a line that the audit log can keep and show."""
    if reason is None:
        return
    if not reason.strip() or not reason.isprintable():
        raise InputError(f"the reason is {_shown(reason)}: write it as a line of text, or leave it out")
    if len(reason) > LONGEST_REASON_CHARACTERS:
        raise InputError(f"the reason is longer than {LONGEST_REASON_CHARACTERS} characters")


def _mode_in(payload: dict[str, object]) -> TradeMode | None:
    given = payload.get(_MODE)
    if given is None:
        return None
    if not isinstance(given, str) or given not in TradeMode.__members__:
        raise InputError(f"the payload's mode is {_shown(given)}: use {' or '.join(TradeMode)}")
    return TradeMode(given)


def _shown(value: object) -> str:
    return shortened(msgspec.json.encode(value).decode())
