"""What every route of the API works with, given from outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from structlog.typing import FilteringBoundLogger

from services.api.security.passwords import Passwords
from shared.anchors.places import NO_ANCHORS, KnownAnchors
from shared.runtime.crash import CrashPoint, no_crash
from shared.runtime.health import Health
from shared.settings.settings import Settings
from shared.store.port import Store
from shared.store.rows.audit import AuditEntry

SERVICE: Final = "api"


def on_a_server() -> None:
    """Say that the database is no file that anybody could hold."""


@dataclass(frozen=True)
class ApiContext:
    """The store, the settings, the outside of the process, whether TLS ends before us, and below which path we are.

    `port` is where we listen; `second_factor_required` keeps users who may change something to reading until they have
    one.

    `token` returns a new unguessable text of at least 128 bits, `clock` the time of day in seconds, `file_is_held`
    whether a process holds the right to trade in an SQLite file, None for a server's database.
    """

    store: Store
    settings: Settings
    passwords: Passwords
    health: Health
    log: FilteringBoundLogger
    instance: str
    version: str
    clock: Callable[[], float]
    token: Callable[[], str]
    stopped: Callable[[], bool]
    port: int
    behind_tls: bool = False
    root_path: str = ""
    second_factor_required: bool = False
    crash: CrashPoint = no_crash
    anchors: KnownAnchors = NO_ANCHORS
    file_is_held: Callable[[], bool | None] = on_a_server

    def audit_entry(self, actor: str, action: str, detail: Mapping[str, object]) -> AuditEntry:
        """Return the audit record of what somebody does now."""
        return AuditEntry(time=int(self.clock()), actor=actor, action=action, command_id=None, detail=detail)
