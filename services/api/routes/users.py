"""The routes to say who may sign in, and as what; for admins who gave their password within the last minutes."""

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import TypeAlias

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from services.api.context import ApiContext
from services.api.problems import ProblemError
from services.api.routes.told import told
from services.api.security.access import Principal
from services.api.security.accounts import Accounts
from services.api.security.guard import CurrentPrincipal
from services.api.security.hash_turns import line_of_user
from services.api.security.proving import Proving
from services.api.shapes.users import AddedUser, SetPassword, SetRole, User, UserName, Users, shown_user

Run: TypeAlias = Callable[[Callable[[], None]], Awaitable[None]]


def register_users(app: FastAPI, context: ApiContext, proving: Proving) -> None:
    """Add the routes under /api/users."""

    def accounts(principal: Principal) -> Accounts:
        return Accounts(context.store, context.passwords, context.clock, principal.name)

    def shown(name: str) -> User:
        with context.store.reading() as reader:
            user = reader.user(name)
        if user is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"there is no user {name}")
        return shown_user(user)

    async def changed(name: str, change: Callable[[], None], run: Run = run_in_threadpool) -> User:
        with told():
            await run(change)
        return await run_in_threadpool(shown, name)

    @app.get("/api/users", tags=["users"], summary="Who may sign in")
    def users() -> Users:
        with context.store.reading() as reader:
            return Users(items=[shown_user(row) for row in reader.users()])

    @app.post("/api/users", tags=["users"], summary="Add a user", status_code=HTTPStatus.CREATED)
    async def add(body: AddedUser, principal: CurrentPrincipal) -> User:
        by = accounts(principal)
        return await changed(
            body.name, lambda: by.add(body.name, body.role, body.password), _hashing(proving, principal)
        )

    @app.put("/api/users/{name}/password", tags=["users"], summary="Set a user's password; their sessions end")
    async def set_password(name: UserName, body: SetPassword, principal: CurrentPrincipal) -> User:
        return await changed(
            name, lambda: accounts(principal).set_password(name, body.password), _hashing(proving, principal)
        )

    @app.put("/api/users/{name}/role", tags=["users"], summary="Set a user's role; their sessions end")
    async def set_role(name: UserName, body: SetRole, principal: CurrentPrincipal) -> User:
        return await changed(name, lambda: accounts(principal).set_role(name, body.role))

    @app.post("/api/users/{name}/disable", tags=["users"], summary="Disable a user; their sessions end")
    async def disable(name: UserName, principal: CurrentPrincipal) -> User:
        return await changed(name, lambda: accounts(principal).disable(name))

    @app.post("/api/users/{name}/enable", tags=["users"], summary="Enable a disabled user")
    async def enable(name: UserName, principal: CurrentPrincipal) -> User:
        return await changed(name, lambda: accounts(principal).disable(name, disabled=False))

    @app.post("/api/users/{name}/unlock", tags=["users"], summary="Have a user wait no more to sign in")
    async def unlock(name: UserName, principal: CurrentPrincipal) -> User:
        """Take back all wrong passwords that were counted for the user, and those of all addresses."""
        return await changed(name, lambda: accounts(principal).unlock(name))


def _hashing(proving: Proving, principal: Principal) -> Run:
    return partial(proving.hashing, line_of_user(principal.name))
