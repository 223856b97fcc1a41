"""The start and the end of an API, as the audit log tells them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from services.api.context import SERVICE, Platform
from shared.contracts.errors import InfrastructureError
from shared.store.rows.runtime import AuditEntry

STARTED: Final = "service.started"
STOPPED: Final = "service.stopped"


@contextmanager
def recorded(platform: Platform) -> Iterator[None]:
    """Record that this API starts, with its version and the digest of its settings, and that it ends.

    Raises InfrastructureError where the start cannot be recorded; an end that cannot be is logged.
    """
    detail = {
        "instance": platform.instance,
        "version": platform.version,
        "trading_digest": platform.settings.trading_digest(),
    }
    _record(platform, STARTED, detail)
    try:
        yield
    finally:
        try:
            _record(platform, STOPPED, {"instance": platform.instance})
        except InfrastructureError as fault:
            platform.log.warning("end not recorded in the audit log", reason=str(fault))


def _record(platform: Platform, action: str, detail: dict[str, str]) -> None:
    with platform.store.transaction() as transaction:
        transaction.append_audit([AuditEntry(int(platform.clock()), SERVICE, action, None, detail)])
