"""Telling what happens to the account while it happens: a sentence or a JSON object to a line."""

import sys
from collections.abc import Sequence
from typing import cast

import msgspec

from services.cli.documents.market import Event
from services.cli.terminal.output import say
from services.cli.words import event_words
from shared.contracts.envelope import Message
from shared.contracts.facts import AccountEvent
from shared.contracts.times import format_time


def event_document(event: AccountEvent) -> Event:
    """Return an event with everything that is known of it by name."""
    return cast("Event", {"time": format_time(event.time), "type": event.type, "pair": event.pair, **event.detail})


def tell_events(messages: Sequence[Message], as_json: bool) -> None:
    """Write the events of the account that messages carry to stdout."""
    for message in messages:
        event = message.body
        if not isinstance(event, AccountEvent):
            continue
        told = event_document(event)
        say(msgspec.json.encode(told).decode() if as_json else f"{told['time']}  {event_words(told)}")
    sys.stdout.flush()
