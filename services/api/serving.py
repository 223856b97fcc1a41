"""The API as a process: who it lets in first, where it listens, and how it ends."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import anyio
import uvicorn
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from services.api.accounts import Accounts
from services.api.app import create_app
from services.api.platform import SERVICE, Platform
from shared.contracts.errors import InfrastructureError, InputError

_FIRST_USER: Final = "admin"
_BEAT_SECONDS: Final = 5.0
_MOST_CONNECTIONS: Final = 500
_LARGEST_HEADERS_BYTES: Final = 16 * 1_024
_KEEP_ALIVE_SECONDS: Final = 15
_LAST_ANSWERS_SECONDS: Final = 5


def require_safe_address(host: str, behind_tls: bool) -> None:
    """Raise InputError for a host that others reach, unless it was said that TLS ends before us."""
    if not behind_tls and not _is_loopback(host):
        raise InputError(
            f"--host {host} is reached from elsewhere, and passwords would go there in the clear; "
            "put TLS before it and say --behind-tls, or listen on 127.0.0.1"
        )


def require_users(platform: Platform, bootstrap: Path | None) -> None:
    """See to it that somebody may sign in: where there is no user, the password in a file makes the first, an admin.

    Raises InputError where there is neither, or the password is weak.
    """
    with platform.store.reading() as reader:
        if any(not user.disabled for user in reader.users()):
            return
    if bootstrap is None:
        raise InputError(
            "nobody may sign in yet: add a user with `scalpbot users add NAME --role admin`, "
            "or name a file that holds the first password with --bootstrap-file"
        )
    accounts = Accounts(platform.store, platform.passwords, platform.clock, actor=SERVICE)
    accounts.add(_FIRST_USER, "admin", _password_in(bootstrap))
    platform.log.info("first user made", user=_FIRST_USER)


def serve(platform: Platform, host: str, port: int, trusted_proxies: Sequence[str] = ()) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those that are at hand."""
    running: list[uvicorn.Server] = []
    ours = replace(platform, stopped=lambda: any(server.should_exit for server in running))
    app = create_app(ours)
    app.router.lifespan_context = _lifespan(ours)
    config = configured(app, host, port, trusted_proxies)
    running.append(uvicorn.Server(config))
    try:
        running[0].run()
    except SystemExit as leaving:
        # uvicorn leaves so where it cannot listen.
        raise InputError(f"{host}:{port} cannot be listened on; name another --host or --port") from leaving
    platform.log.info("stopped")


def configured(app: FastAPI, host: str, port: int, trusted_proxies: Sequence[str] = ()) -> uvicorn.Config:
    """Return how the application is served: nothing is told of the server, and nothing waits or grows without end."""
    return uvicorn.Config(
        app,
        host,
        port,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies) or None,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_LAST_ANSWERS_SECONDS,
        h11_max_incomplete_event_size=_LARGEST_HEADERS_BYTES,
    )


def _lifespan(platform: Platform) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(_live(platform))
            platform.health.has("start")
            platform.log.info("answering")
            yield
            group.cancel_scope.cancel()

    return lifespan


def _live(platform: Platform) -> Callable[[], Coroutine[Any, Any, None]]:
    def beat() -> None:
        with platform.store.transaction() as transaction:
            transaction.beat(SERVICE, platform.instance, "{}")

    async def live() -> None:
        while True:
            platform.health.progress()
            try:
                await run_in_threadpool(beat)
                platform.health.has("store")
            except InfrastructureError as fault:
                platform.health.waits_for("store", str(fault))
            await anyio.sleep(_BEAT_SECONDS)

    return live


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _password_in(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"--bootstrap-file {path} cannot be read; name a readable text file") from fault
    if len(lines) != 1:
        raise InputError(f"--bootstrap-file {path} must hold the first password on a single line")
    return lines[0]
