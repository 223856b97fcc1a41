"""The API as a process: what it works with, and its start and end as the audit log tells them."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from secrets import token_urlsafe
from typing import Final, NamedTuple

from services.api.context import SERVICE, ApiContext
from services.api.security.passwords import Passwords
from services.api.serving import require_users, serve
from shared.anchors.places import known_anchors
from shared.contracts.errors import InfrastructureError
from shared.runtime.process import Process
from shared.settings.settings import Settings
from shared.store.file_lock import file_is_held
from shared.store.port import Store
from shared.store.sql_store import open_store

STARTED: Final = "service.started"
STOPPED: Final = "service.stopped"


class Terms(NamedTuple):
    """On which terms an API answers: its port, whether TLS ends before it, its path, and what it asks of users."""

    port: int
    behind_tls: bool
    root_path: str
    second_factor_required: bool


def run_api(
    process: Process,
    settings: Settings,
    store_url: str,
    listener: socket.socket,
    *,
    terms: Terms,
    trusted_proxies: Sequence[str],
    bootstrap: Path | None,
) -> None:
    """Answer requests until the process is to stop; raise InputError where nobody may sign in."""
    store = process.retry_until_available("store", partial(open_store, store_url))
    if store is None:
        return
    try:
        context = context_of(process, store, settings, store_url, terms)
        require_users(context, bootstrap)
        with recorded(context):
            serve(context, listener, trusted_proxies)
    finally:
        store.close()


def context_of(process: Process, store: Store, settings: Settings, store_url: str, terms: Terms) -> ApiContext:
    """Return what the API works with."""
    return ApiContext(
        store=store,
        settings=settings,
        passwords=Passwords(),
        health=process.health,
        log=process.log,
        instance=process.instance,
        version=version("scalpbot"),
        clock=process.clock,
        token=token_urlsafe,
        stopped=process.stopped,
        **terms._asdict(),
        crash=process.crash,
        anchors=known_anchors(settings.runtime, store_url),
        file_is_held=partial(file_is_held, store_url),
    )


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
