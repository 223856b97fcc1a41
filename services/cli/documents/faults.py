"""What `--json` writes to stderr where a verb could not do what it should."""

from typing import TypedDict


class Fault(TypedDict):
    """The last line on stderr of a verb that failed: what is wrong in a sentence, and the exit code."""

    ok: bool
    error: str
    exit_code: int
