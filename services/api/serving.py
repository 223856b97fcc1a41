"""The API as a process: who it lets in first, where it listens, and how it ends."""

import json
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import anyio
from fastapi import FastAPI
from starlette.types import ASGIApp

from services.api.app import create_app
from services.api.context import SERVICE, ApiContext
from services.api.envelope import headers_of
from services.api.security.accounts import Accounts
from services.api.threads import Threads, bounded_reading, run_in
from shared.contracts.concealed import conceal
from shared.contracts.errors import InfrastructureError, InputError
from shared.contracts.hosts import is_loopback
from shared.contracts.vocabulary import Role
from shared.runtime.heartbeat import leave_sign_of_life
from shared.store.rows.users import UserRow
from shared.web.inbound.addresses import among
from shared.web.inbound.connection import BoundedConfig, Deadlines, Door
from shared.web.inbound.crowd import Crowd, Room
from shared.web.inbound.refusals import InboundMetrics
from shared.web.inbound.serving import BoundedServer, bounded_config, listener_at

_FIRST_USER: Final = "admin"
_FIRST_PASSWORD_SETTING: Final = "first_password"  # noqa: S105
_BEAT_SECONDS: Final = 5.0
# With those that are answered, and what is open besides, fewer than a process may usually have.
_WAITING: Final = Room(places=250, of_an_address=200)
_LARGEST_HEAD_BYTES: Final = 16 * 1_024
_LONGEST_END_SECONDS: Final = 8.0
_LOOK_SECONDS: Final = 0.2


def require_safe_address(host: str, behind_tls: bool, published_on_loopback: bool = False) -> None:
    """Raise InputError for a host that others reach, unless it was said how passwords are kept from going there in
    the clear: TLS ends before us, or we are in a container whose port is published on its machine only.
    """
    if behind_tls and published_on_loopback:
        raise InputError("--behind-tls and --published-on-loopback exclude each other; give the one that is true")
    if not (behind_tls or published_on_loopback or is_loopback(host)):
        raise InputError(
            f"--host {host} can be reached from other machines, and passwords would travel unencrypted; "
            "put TLS in front and give --behind-tls, or listen on 127.0.0.1"
        )


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Listen for as long as the block lasts; requests wait until they are served. Port 0 takes any that is free.

    Raises InputError where that cannot be done.
    """
    try:
        listener = listener_at(host, port)
    except OSError as fault:
        why = os.strerror(fault.errno or 0) if (fault.errno or 0) > 0 else str(fault.strerror)
        raise InputError(f"cannot listen on {host}:{port} ({why}); choose another --host or --port") from fault
    with listener:
        yield listener


def require_users(context: ApiContext, bootstrap: Path | None) -> None:
    """See to it that somebody may sign in: where there is no user, the password in a file makes the first, an admin.

    Raises InputError where there is neither, or the password is weak.
    """
    if any(not user.disabled for user in _users(context)):
        return
    if bootstrap is None:
        raise InputError(
            "there is no user who may sign in: add one with `scalpbot users add NAME --role admin`, "
            "or give a file that holds the first password with --bootstrap-file"
        )
    _add_first_user(context, _password_in(bootstrap))


def first_password(context: ApiContext, bootstrap: Path | None) -> str | None:
    """Make the first user, an admin, where there is none: with the password in a file, else with a new one.

    Returns the new one, which is kept nowhere and is to be shown to whoever started the process. It lasts until the
    next start, which replaces it, unless the user got another one meanwhile.
    """
    users = {user.name: user for user in _users(context)}
    if bootstrap is not None:
        if not users:
            _add_first_user(context, _password_in(bootstrap))
        return None
    first = users.get(_FIRST_USER)
    if users and (first is None or _mark(first) != _marked(context)):
        return None
    password = context.token()
    if first is None:
        _add_first_user(context, password)
    else:
        Accounts(context.store, context.passwords, context.clock, actor=SERVICE).set_password(_FIRST_USER, password)
    with context.store.transaction() as transaction:
        made = transaction.user(_FIRST_USER)
        if made is not None:
            transaction.save_setting(_FIRST_PASSWORD_SETTING, json.dumps(_mark(made)), int(context.clock()))
    return password


def _mark(user: UserRow) -> str:
    """Return what tells one password of a user from the next, and nothing about either."""
    return sha256(user.password_hash.encode()).hexdigest()


def _marked(context: ApiContext) -> str | None:
    with context.store.reading() as reader:
        known = reader.setting(_FIRST_PASSWORD_SETTING)
    return None if known is None else str(json.loads(known.body_json))


def serve(context: ApiContext, listener: socket.socket, trusted_proxies: Sequence[str] = ()) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those that are at hand."""
    _server(context, listener, trusted_proxies).run(sockets=[listener])
    context.log.info("stopped")


@contextmanager
def served(
    context: ApiContext, listener: socket.socket, trusted_proxies: Sequence[str] = ()
) -> Iterator[Callable[[], bool]]:
    """Answer requests in a thread for as long as the block lasts, or until the process is to stop.

    Yields a function that tells whether the thread has ended. Raises InfrastructureError after the block where it ended
    without being asked to.
    """
    server = _server(context, listener, trusted_proxies)
    faults: list[BaseException] = []

    def answer() -> None:
        try:
            server.run(sockets=[listener])
        except (Exception, SystemExit) as fault:  # uvicorn leaves the process where it cannot start
            faults.append(fault)

    # What still waits for a disk when everything else has ended is not waited for: it could only be read.
    thread = threading.Thread(target=answer, name=SERVICE, daemon=True)
    thread.start()
    try:
        yield lambda: not thread.is_alive()
    finally:
        server.should_exit = True
        thread.join(_LONGEST_END_SECONDS)
        context.log.info("stopped" if not thread.is_alive() else "stopped before every request was answered")
    if faults:
        fault = faults[0]
        raise InfrastructureError(f"the API stopped unexpectedly: {type(fault).__name__}: {fault}") from fault


def _server(context: ApiContext, listener: socket.socket, trusted_proxies: Sequence[str]) -> BoundedServer:
    running: list[BoundedServer] = []
    ours = replace(context, stopped=lambda: any(server.should_exit for server in running))
    app = create_app(ours)
    host, port, *_ = listener.getsockname()
    server = BoundedServer(configured(ours, app, host, port, trusted_proxies))
    running.append(server)
    app.router.lifespan_context = _lifespan(ours, partial(_end_with, context, server))
    return server


async def _end_with(context: ApiContext, server: BoundedServer) -> None:
    """Have the server end when the process is to stop."""
    while not context.stopped():
        await anyio.sleep(_LOOK_SECONDS)
    server.should_exit = True


def configured(
    context: ApiContext, app: ASGIApp, host: str, port: int, trusted_proxies: Sequence[str] = ()
) -> BoundedConfig:
    """Return how the application is served."""
    door = Door(
        server=SERVICE,
        crowd=Crowd(_WAITING, among(trusted_proxies)),
        deadlines=Deadlines(),
        largest_head_bytes=_LARGEST_HEAD_BYTES,
        headers=headers_of(context),
        metrics=context.health.metrics.of(InboundMetrics),
        log=context.log,
    )
    return bounded_config(app, door, host, port, trusted_proxies=trusted_proxies)


def _lifespan(context: ApiContext, watch: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with bounded_reading(app), anyio.create_task_group() as group:
            group.start_soon(watch)
            group.start_soon(_live(context, app.state.threads))
            context.health.has("start")
            context.log.info("answering")
            yield
            group.cancel_scope.cancel()

    return lifespan


def _live(context: ApiContext, threads: Threads) -> Callable[[], Coroutine[Any, Any, None]]:
    def beat() -> None:
        with context.store.transaction() as transaction:
            leave_sign_of_life(transaction, SERVICE, context.instance)

    async def live() -> None:
        while True:
            context.health.progress(SERVICE)
            try:
                await run_in(threads.watching, beat)
                context.health.has("store")
            except InfrastructureError as fault:
                context.health.waits_for("store", str(fault))
            await anyio.sleep(_BEAT_SECONDS)

    return live


def _users(context: ApiContext) -> Sequence[UserRow]:
    with context.store.reading() as reader:
        return reader.users()


def _add_first_user(context: ApiContext, password: str) -> None:
    accounts = Accounts(context.store, context.passwords, context.clock, actor=SERVICE)
    accounts.add(_FIRST_USER, Role.ADMIN, password)
    context.log.info("first user added", user=_FIRST_USER)


def _password_in(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"--bootstrap-file {path} cannot be read; name a readable text file") from fault
    if len(lines) != 1:
        raise InputError(f"--bootstrap-file {path} must hold the first password on a single line")
    conceal(lines[0])
    return lines[0]
