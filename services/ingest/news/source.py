"""Ask a site for the week's economic events: one bounded request whose answer is good, unchanged, or refused."""

import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import httpx

from shared.calendar.economic import EconomicEvent, parse_calendar
from shared.contracts.concealed import concealed
from shared.contracts.errors import InputError
from shared.web.client import RoutedTransport
from shared.web.way_out import STRAIGHT, WayOut

LARGEST_BYTES: Final = 2 * 1024 * 1024
_LONGEST_TITLE: Final = 200
_LONGEST_REASON: Final = 300
_LONGEST_ASKED_PAUSE_SECONDS: Final = 86_400.0
_AGENT: Final = "scalpbot"


class Patience(NamedTuple):
    """How long a site may take, in seconds: to connect or to say anything more, and for the whole answer."""

    silence_seconds: float = 10.0
    answer_seconds: float = 30.0


USUAL_PATIENCE: Final = Patience()


class Validators(NamedTuple):
    """What the site said of the answer that is known; empty where none is."""

    etag: str | None = None
    last_modified: str | None = None


class Fetched(NamedTuple):
    """A good answer: the events in order of time, None where they are still those that are known."""

    events: tuple[EconomicEvent, ...] | None
    known: Validators


class Refusal(NamedTuple):
    """No good answer: why, in a sentence, and for how long the site asked to be left alone."""

    why: str
    pause_seconds: float = 0.0


def ask_for_calendar(
    url: str, known: Validators, now: int, patience: Patience = USUAL_PATIENCE, way: WayOut = STRAIGHT
) -> Fetched | Refusal:
    """Ask a site once; whatever it answers or fails to answer is a value, never an exception.

    `now` in seconds since the epoch is what a pause until a moment is reckoned from.
    """
    place = shown(url)
    headers = {"User-Agent": _AGENT, "Accept": "application/json"}
    headers |= {"If-None-Match": known.etag} if known.etag else {}
    headers |= {"If-Modified-Since": known.last_modified} if known.last_modified else {}
    end = time.monotonic() + patience.answer_seconds
    try:
        with (
            httpx.Client(
                transport=RoutedTransport(way),
                timeout=patience.silence_seconds,
                follow_redirects=True,
                max_redirects=5,
                trust_env=False,
            ) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code == httpx.codes.NOT_MODIFIED and known != Validators():
                return Fetched(None, known)
            if response.status_code != httpx.codes.OK:
                said = f"{response.status_code} {response.reason_phrase}".strip()
                return Refusal(f"{place} answered {said}", _asked_pause(response.headers.get("Retry-After"), now))
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST_BYTES:
                    return Refusal(f"{place} answered with more than {LARGEST_BYTES // 1024} KiB; that is no calendar")
                if time.monotonic() > end:
                    return Refusal(f"{place} did not finish its answer within {patience.answer_seconds:g} s")
            said_of_it = Validators(*(_repeatable(response.headers.get(name)) for name in ("ETag", "Last-Modified")))
    except InputError as fault:
        return Refusal(_short(str(fault)))
    except httpx.TimeoutException:
        return Refusal(f"{place} said nothing for {patience.silence_seconds:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as fault:
        return Refusal(f"{place} could not be asked ({_short(str(fault) or type(fault).__name__)})")
    return _understood(bytes(body), place, now, said_of_it)


def shown(url: str) -> str:
    """Return an address as it may be written into a log: without what may be a secret in it."""
    return concealed(re.sub(r"//.*@", "//", url.partition("?")[0].partition("#")[0])) or "an empty address"


def _understood(body: bytes, place: str, now: int, known: Validators) -> Fetched | Refusal:
    try:
        text = body.decode("utf-8-sig")
        if text.lstrip().startswith("<"):
            return Refusal(f"{place} answered with a web page where JSON was expected")
        events = parse_calendar(text, place, now).events
    except InputError as fault:
        return Refusal(_short(str(fault)))
    except ValueError as fault:
        return Refusal(f"{place} answered what cannot be read ({_short(str(fault))})")
    if not events:
        return Refusal(f"{place} answered with a calendar without any event")
    return Fetched(tuple(event._replace(title=_plain(event.title)) for event in events), known)


def _plain(title: str) -> str:
    """Return a title that can be stored and printed anywhere."""
    return "".join(letter if letter.isprintable() else " " for letter in title[:_LONGEST_TITLE])


def _repeatable(said: str | None) -> str | None:
    """Return what can be sent back to the site as it is, None for anything else."""
    fit = said is not None and len(said) <= _LONGEST_REASON and said.isascii() and said.isprintable()
    return said if fit else None


def _short(text: str) -> str:
    plain = concealed(text)
    return plain if len(plain) <= _LONGEST_REASON else f"{plain[:_LONGEST_REASON]}..."


def _asked_pause(text: str | None, now: int) -> float:
    """Return the seconds that a Retry-After asks for, given as seconds or as a moment; 0 where it says neither."""
    if text is None:
        return 0.0
    try:
        seconds = float(int(text)) if text.strip().isdecimal() else _moment(text) - now
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_ASKED_PAUSE_SECONDS)


def _moment(text: str) -> float:
    moment = parsedate_to_datetime(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
