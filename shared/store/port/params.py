"""The store's port for versions of the parameters."""

from collections.abc import Sequence
from typing import Protocol

from shared.store.rows.listing import Listed, Span
from shared.store.rows.params import NewParams, ParamsRow


class ParamsReads(Protocol):
    """Read versions of the parameters."""

    def active_params_version(self) -> int:
        """Return the newest version in force, 0 while the run goes by what it was begun with."""
        ...

    def newest_params(self, not_above: int | None = None) -> list[ParamsRow]:
        """Return the newest row of every section in order, in force or not; none above a version where one is given."""
        ...

    def list_params(self, sections: Sequence[str], span: Span) -> list[Listed[ParamsRow]]:
        """Return versions of some sections, newest first."""
        ...


class ParamsWrites(Protocol):
    """Save and activate versions of the parameters."""

    def add_params(self, new: NewParams) -> ParamsRow:
        """Save a section as the next version and return it; it is not in force yet."""
        ...

    def activate_params(self, version: int, time: int, command_id: int) -> None:
        """Put every version up to one into force that is not yet; that there is none is an InvariantError."""
        ...
