"""Versions of the parameters as the rest of the program sees them."""

from typing import NamedTuple


class ParamsRow(NamedTuple):
    """One section of the parameters as somebody saved it, in force once it was activated; times in seconds.

    Versions are counted over all sections together; `hash` is a sha256 over section and body.
    """

    version: int
    section: str
    body_json: str
    hash: str
    actor: str
    created_time: int
    activated_time: int | None = None
    activated_command_id: int | None = None


class NewParams(NamedTuple):
    """A section of the parameters to be saved."""

    section: str
    body_json: str
    hash: str
    actor: str
    created_time: int
