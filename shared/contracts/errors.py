"""Errors split by whose fault they are, which says what becomes of them.

* InputError: the user's; exit code 2, and 4xx from the API
  + OandaRefusedError: OANDA understood the request and refuses it
  + OandaUnauthorizedError: OANDA refuses the token
  + UnknownUserError, UserConflictError: nobody has the name; the users do not allow the change
  + KeyTakenError: an idempotency key belongs to another command
  + StaleParamsError: somebody else saved a version meanwhile
* InfrastructureError: a server's or a disk's; tried again, exit code 1 where it ends
  + OandaUnavailableError: nothing was carried out
  + FeedRefusedError: the feed refuses what it granted before, which may pass
  + OandaAmbiguousError: nobody knows whether it was
  + UnroutableError: no queue takes a message
  + NoLeaderError: a queue does not work although its broker does
* MessageError: a peer's; the message goes to the dead letters
* InvariantError: ours; the process ends and recovers at its start
* LeaseLostError: nobody's; another process leads

Within one part and never seen outside of it: ProblemError (what the API answers), BadRowError (a row of a file),
Utf16Error (a damaged file), NoReplyError (one exchange with OANDA), AnchorError (why an anchor is not added).

The message of each is without the secrets that this process has read, whoever wrote the words that it quotes.
"""

import errno
from typing import Final

from shared.contracts.concealed import concealed

# What the system says where a disk, or the share of it that a user may take, is used up.
FULL_DISK_ERRNOS: Final = (errno.ENOSPC, errno.EDQUOT)


class ToldError(Exception):
    """An error whose message is written into logs, answers and rows; secrets are masked in it from the beginning."""

    def __init__(self, *parts: object) -> None:
        """Keep the parts, texts with their secrets masked."""
        super().__init__(*(concealed(part) if isinstance(part, str) else part for part in parts))


class InputError(ToldError):
    """The user's input or configuration is wrong; the message is one sentence saying what, where and how to mend it."""


class InfrastructureError(ToldError):
    """A server or disk did not do its part; trying again later may succeed."""


class MessageError(ToldError):
    """A message from a peer cannot be understood; it belongs in the dead-letter queue."""


class InvariantError(ToldError):
    """Our own promise is broken; stop, so that the start-up path can recover from what is stored."""


class LeaseLostError(ToldError):
    """Another process leads now; step back, write nothing, and wait for the lease to come free."""


def shortened(text: str, longest: int = 60) -> str:
    """Return a text of somebody else's as a message quotes it: its beginning, where it is long."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def unwritable(fault: OSError, place: object, sentence: str) -> InputError | InfrastructureError:
    """Return the error for a file that could not be written: of a full disk, else the sentence that tells what to do.

    Whoever frees space can do the same again; a file that may not be written is named otherwise.
    """
    if fault.errno in FULL_DISK_ERRNOS:
        return full_disk(place)
    return InputError(sentence)


def full_disk(place: object) -> InfrastructureError:
    """Return the error for a file whose disk is full."""
    return InfrastructureError(f"{place} cannot be written: its disk is full; free some space there, then continue")
