"""The start and the end of an API, as the audit log tells them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from services.api.context import SERVICE, ApiContext
from shared.contracts.errors import InfrastructureError

STARTED: Final = "service.started"
STOPPED: Final = "service.stopped"


@contextmanager
def recorded(context: ApiContext) -> Iterator[None]:
    """Record that this API starts, with its version and the digest of its settings, and that it ends.

    Raises InfrastructureError where the start cannot be recorded; an end that cannot be is logged.
    """
    detail = {
        "instance": context.instance,
        "version": context.version,
        "trading_digest": context.settings.trading_digest(),
    }
    _record(context, STARTED, detail)
    try:
        yield
    finally:
        try:
            _record(context, STOPPED, {"instance": context.instance})
        except InfrastructureError as fault:
            context.log.warning("stop not recorded in the audit log", reason=str(fault))


def _record(context: ApiContext, action: str, detail: dict[str, str]) -> None:
    with context.store.transaction() as transaction:
        transaction.append_audit([context.audit_entry(SERVICE, action, detail)])
