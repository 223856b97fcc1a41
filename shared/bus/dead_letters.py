"""Dead letters: to look at, to send again where they came from, or to throw away."""

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from pika import spec

from shared.bus.rabbitmq_connection import BrokerConnection, connected
from shared.bus.rabbitmq_faults import NOT_FOUND, refusal
from shared.bus.rabbitmq_publisher import ConfirmedChannel
from shared.bus.rabbitmq_requests import Delivery, acknowledge, consume, look_for_queue, make_sure_acknowledged
from shared.bus.wire import CANARY
from shared.contracts.errors import InfrastructureError, InputError

MOST_SHOWN: Final = 1_000
_PREFETCH: Final = 100
_ARRIVAL_SECONDS: Final = 5.0
_CONFIRM_SECONDS: Final = 10.0


class Origin(NamedTuple):
    """Where a message was published first."""

    exchange: str
    routing_key: str


class DeadLetter(NamedTuple):
    """A message in a dead-letter queue.

    `reason` is the broker's word, such as `rejected` or `delivery_limit`; `died_at` is in seconds; what the broker did
    not say is None.
    """

    message_id: str | None
    type: str | None
    pair: str | None
    seq: int | None
    reason: str | None
    died_at: int | None
    origin: Origin | None
    body: bytes


class DeadLetterQueue:
    """The dead-letter queue of a queue, on the broker at an address."""

    def __init__(self, url: str, queue: str, name: str) -> None:
        """Take the dead letters of `queue`, whose name may end in `.dead` or not; connect as `name`."""
        self._url = url
        self.queue = f"{queue.removesuffix('.dead')}.dead"
        self._name = name

    def count(self) -> int:
        """Return how many letters there are."""
        with connected(self._url, self._name) as connection:
            return self._count(connection)

    def letters(self, limit: int) -> list[DeadLetter]:
        """Return the oldest letters, at most `limit` and at most 1000; they stay where they are."""
        most = min(limit, MOST_SHOWN)
        with connected(self._url, self._name) as connection:
            return [
                _dead_letter(letter)
                for letter in self._taken(connection, most, most)
                if letter.properties.type != CANARY
            ]

    def replay(self, limit: int | None = None) -> int:
        """Send letters to where they were published first and return how many; only then they leave the queue.

        Of the letters that were there at the start, the oldest `limit` are sent. Raises InfrastructureError when one
        leads to no queue any more, and InputError when the broker did not note where one came from; it stays then, and
        so do those behind it.
        """
        with connected(self._url, self._name) as connection:
            confirmed = ConfirmedChannel(connection)
            replayed = 0
            for letter in self._taken(connection, limit, _PREFETCH):
                if letter.properties.type != CANARY:
                    origin = _origin(_death(letter))
                    if origin is None:
                        raise InputError(
                            f"the first message in {self.queue} does not say where it came from; "
                            f"drop it with `scalpbot dlq drop {self.queue} --limit 1`"
                        )
                    confirmed.send(*origin, letter.body, _first_properties(letter.properties), mandatory=True)
                    confirmed.settle(_CONFIRM_SECONDS)
                    replayed += 1
                acknowledge(connection, letter.tag)
            make_sure_acknowledged(connection)
            return replayed

    def drop(self, limit: int | None = None) -> int:
        """Throw away the oldest `limit` letters, or all that are there, and return how many."""
        with connected(self._url, self._name) as connection:
            dropped = 0
            for letter in self._taken(connection, limit, _PREFETCH):
                acknowledge(connection, letter.tag)
                dropped += letter.properties.type != CANARY
            make_sure_acknowledged(connection)
            return dropped

    def _taken(self, connection: BrokerConnection, limit: int | None, prefetch: int) -> Iterator[Delivery]:
        """Yield letters in order, at most as many as there are now; what is not acknowledged stays in the queue."""
        count = self._count(connection)
        remaining = count if limit is None else min(count, limit)
        if not remaining:
            return
        arrived: deque[Delivery] = deque()
        consume(connection, self.queue, prefetch, arrived)
        while remaining:
            if not connection.wait(lambda: bool(arrived), _ARRIVAL_SECONDS):
                raise InfrastructureError(f"{self.queue} holds {remaining} more messages but does not deliver them")
            yield arrived.popleft()
            remaining -= 1

    def _count(self, connection: BrokerConnection) -> int:
        try:
            return look_for_queue(connection, self.queue).messages
        except InfrastructureError as fault:
            refused = refusal(fault)
            if refused is not None and refused.code == NOT_FOUND:
                raise InputError(
                    f"there is no queue {self.queue} on the broker; `scalpbot dlq list` shows those there are"
                ) from fault
            raise


def _dead_letter(letter: Delivery) -> DeadLetter:
    properties = letter.properties
    headers = properties.headers or {}
    death = _death(letter)
    time = death.get("time")
    reason = death.get("reason")
    pair, seq = headers.get("pair"), headers.get("seq")
    return DeadLetter(
        message_id=properties.message_id,
        type=properties.type,
        pair=pair if isinstance(pair, str) else None,
        seq=seq if isinstance(seq, int) else None,
        reason=None if reason is None else str(reason),
        died_at=int(time.timestamp()) if isinstance(time, datetime) else None,
        origin=_origin(death),
        body=letter.body,
    )


def _death(letter: Delivery) -> Mapping[str, Any]:
    deaths = (letter.properties.headers or {}).get("x-death")
    return deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}


def _origin(death: Mapping[str, Any]) -> Origin | None:
    keys = death.get("routing-keys")
    if not isinstance(keys, list) or not keys or "exchange" not in death:
        return None
    return Origin(str(death["exchange"]), str(keys[0]))


def _first_properties(properties: spec.BasicProperties) -> spec.BasicProperties:
    """Return properties as they were before the broker added what happened to the message."""
    headers = {name: value for name, value in (properties.headers or {}).items() if not name.startswith("x-")}
    return spec.BasicProperties(
        content_type=properties.content_type,
        delivery_mode=2,
        message_id=properties.message_id,
        type=properties.type,
        timestamp=properties.timestamp,
        correlation_id=properties.correlation_id,
        headers=headers,
    )
