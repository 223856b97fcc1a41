"""Those who send commands over HTTP while things die, and what they are to find in the end."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from secrets import token_urlsafe
from typing import Any, Final, NamedTuple

import httpx
import msgspec

from services.api.security.tokens import hash_of
from shared.contracts.commands import EVERY_PAIR, SWITCHES_OFF, UNFINISHED
from shared.runtime.commands import CLAIMED, COMPLETED, HOLD_ENDED, HOLD_SET, SENT, STARTED, command_fields
from shared.store.port import Reader
from shared.store.rows.audit import AuditRow
from shared.store.rows.commands import CommandFilter, CommandRow
from shared.store.rows.listing import Span
from shared.store.rows.users import NewSession, SessionTimes
from shared.store.sql_store import open_store
from tests.faults.stage import PAIR, PATIENCE_SECONDS
from tests.fixtures.api import cookie_of, quick_passwords

_HOUR_SECONDS: Final = 3_600.0
_MOST: Final = 1_000_000
_STEPS: Final = (SENT, CLAIMED, STARTED, COMPLETED)
_OF_PAIR: Final = {"pair": PAIR}
_BODIES: Final[Sequence[Mapping[str, Any]]] = (
    {"type": "PAUSE_PAIR", "payload": _OF_PAIR},
    {"type": "CLOSE_PAIR", "payload": _OF_PAIR},
    {"type": "KILL_SWITCH_ON"},
    {"type": "RESUME_PAIR", "payload": _OF_PAIR},
    {"type": "PAUSE_ALL"},
    {"type": "KILL_SWITCH_OFF"},
    {"type": "CLOSE_ALL", "payload": {"mode": "LIVE"}},
    {"type": "RESUME_ALL"},
    {"type": "CLOSE_ALL"},
)
# What an answer to the same key may not say anew, however far the command has come meanwhile.
_FIXED: Final = ("id", "created_ts_utc", "actor", "type", "payload_json", "idempotency_key", "expires_ts_utc")


class Answered(NamedTuple):
    """An answer to a command: the key it was sent with, the status, and what never changes of the command."""

    key: str
    status: int
    fixed: tuple[Any, ...]


def sessions(store_url: str, users: int) -> list[str]:
    """Add operators, each signed in, and return their tokens."""
    store = open_store(store_url)
    tokens = [token_urlsafe() for _ in range(users)]
    unused = quick_passwords().hashed(token_urlsafe())
    with store.transaction() as transaction:
        for number, token in enumerate(tokens):
            user = transaction.add_user(f"operator.{number}", "operator", unused)
            times = SessionTimes(_HOUR_SECONDS, _HOUR_SECONDS, _HOUR_SECONDS)
            transaction.open_session(NewSession(hash_of(token), f"of {user}", user, "127.0.0.1"), times)
    store.close()
    return tokens


def body_of(key: int) -> dict[str, Any]:
    """Return the command that belongs to a key."""
    return dict(_BODIES[key % len(_BODIES)])


def post(client: httpx.Client, key: str, body: Mapping[str, Any]) -> Answered:
    """Send a command, again and again with its key, until there is an answer."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            answer = client.post("/api/commands", json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if answer.status_code in (200, 202):
            command = answer.json()
            return Answered(key, answer.status_code, tuple(command[name] for name in _FIXED))
        assert answer.status_code in (429, 503), answer.text
        time.sleep(1.0)
    raise AssertionError(f"key {key} had no answer within {PATIENCE_SECONDS:g} s")


class Crowd:
    """Clients that send at the same time, many of them with the same keys."""

    def __init__(self, address: str, tokens: Sequence[str], posts: int, keys: int) -> None:
        """Begin to send."""
        self.answers: list[Answered] = []
        self.faults: list[BaseException] = []
        self._address = address
        self._threads = [
            threading.Thread(target=self._send, args=(token, number * posts, posts, keys))
            for number, token in enumerate(tokens)
        ]
        for thread in self._threads:
            thread.start()

    def is_done(self) -> bool:
        """Return whether everybody has an answer to everything."""
        return not any(thread.is_alive() for thread in self._threads)

    def _send(self, token: str, first: int, posts: int, keys: int) -> None:
        headers = {"Cookie": cookie_of(token, httpx.URL(self._address).port)}
        try:
            with httpx.Client(base_url=self._address, headers=headers, timeout=10) as client:
                for number in range(first, first + posts):
                    key = number % keys
                    self.answers.append(post(client, f"key-{key}", body_of(key)))
        except BaseException as fault:
            self.faults.append(fault)


def unfinished(reader: Reader) -> int:
    """Return how many commands wait or run."""
    return reader.backlog().waiting + len(reader.running_commands())


def lost_and_doubled(reader: Reader, expected: int) -> tuple[int, int]:
    """Return how many commands are missing or not done, and how many steps too many were taken."""
    rows = [each.row for each in reader.list_commands(Span(_MOST), CommandFilter())]
    trails = [reader.audit_of_command(row.id) for row in rows]
    steps = [Counter(record.action for record in trail) for trail in trails]
    done = [
        row
        for row, trail in zip(rows, trails, strict=True)
        if row.status not in UNFINISHED and not _was_sent_anew(row, trail)
    ]
    doubled = sum(max(0, found[step] - 1) for found in steps for step in _STEPS)
    return expected - len(done), doubled + max(0, len(done) - expected)


def _was_sent_anew(row: CommandRow, trail: Sequence[AuditRow]) -> bool:
    """Return whether its key stands for a later command: a switch that was pulled again after it was undone."""
    keys = [msgspec.json.decode(record.detail_json)["key"] for record in trail if record.action == SENT]
    return row.type in SWITCHES_OFF and row.idempotency_key is None and keys != [None]


def disagreements(reader: Reader, answers: Sequence[Answered]) -> list[str]:
    """Return whatever commands, their trails, the holds and what clients were told do not agree upon."""
    found = list(_told_differently(answers))
    rows = [each.row for each in reader.list_commands(Span(_MOST), CommandFilter())]
    for row in rows:
        found += _flaws_of_trail(row, reader.audit_of_command(row.id))
    expected = _holds_after(reader)
    holds = {(hold.kind, hold.scope) for hold in reader.holds()}
    if holds != expected:
        found.append(f"the holds are {sorted(holds)}, and the commands came to {sorted(expected)}")
    return found


def _told_differently(answers: Sequence[Answered]) -> Iterator[str]:
    of_key: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for answer in answers:
        of_key[answer.key].add(answer.fixed)
    for key, told in of_key.items():
        if len(told) != 1 and not {each[_FIXED.index("type")] for each in told} <= set(SWITCHES_OFF):
            yield f"{key} was answered with different commands: {sorted(each[0] for each in told)}"
    of_id = Counter(fixed[0] for told in of_key.values() for fixed in told)
    yield from (f"command {each} was told for {count} keys" for each, count in of_id.items() if count > 1)


def _flaws_of_trail(row: CommandRow, trail: Sequence[AuditRow]) -> Iterator[str]:
    actions = [record.action for record in trail]
    if tuple(action for action in actions if action in _STEPS) != _STEPS or actions[-1:] != [COMPLETED]:
        yield f"the trail of command {row.id} is {actions}"
        return
    result = command_fields(row)["result_json"]
    if msgspec.json.decode(trail[-1].detail_json)["result"] != result:
        yield f"the trail of command {row.id} ends with another result than its row"
    changed = sum(action in (HOLD_SET, HOLD_ENDED) for action in actions)
    if bool(changed) is not result.get("changed", False):
        yield f"command {row.id} changed holds {changed} times, and says {result.get('changed')}"
    closed = actions.count("trade.closed")
    if closed != len(result.get("closed", ())):
        yield f"command {row.id} closed {closed} trades, and says {result.get('closed')}"


def _holds_after(reader: Reader) -> set[tuple[str, str]]:
    """Return the holds that the commands come to, in the order in which they were carried out."""
    holds: set[tuple[str, str]] = set()
    for record in reader.audit_in_order():
        row = None if record.action != CLAIMED or record.command_id is None else reader.command(record.command_id)
        match row and row.type:
            case "PAUSE_PAIR":
                holds.add(("pause", PAIR))
            case "PAUSE_ALL":
                holds.add(("pause", EVERY_PAIR))
            case "KILL_SWITCH_ON":
                holds.add(("kill_switch", EVERY_PAIR))
            case "RESUME_PAIR":
                holds.discard(("pause", PAIR))
            case "RESUME_ALL":
                holds = {hold for hold in holds if hold[0] != "pause"}
            case "KILL_SWITCH_OFF":
                holds = {hold for hold in holds if hold[0] != "kill_switch"}
    return holds
