"""The routes to a second factor: begun, confirmed and given up by oneself, and forgotten by an admin."""

from http import HTTPStatus

from fastapi import FastAPI

from services.api.context import ApiContext
from services.api.routes.told import told
from services.api.security.access import Principal
from services.api.security.guard import CurrentPrincipal
from services.api.security.second_factors import SecondFactors, is_asked_for
from services.api.shapes.users import FactorCode, FactorSecret, FactorState, RecoveryCodes, UserName

_PATH = "/api/auth/second-factor"


def register_second_factors(app: FastAPI, context: ApiContext) -> None:
    """Add the routes."""

    def factors(principal: Principal) -> SecondFactors:
        return SecondFactors(context.store, context.clock, context.token, principal.name)

    @app.get(_PATH, tags=["session"], summary="Is a code asked for beside your password")
    def state(principal: CurrentPrincipal) -> FactorState:
        with context.store.reading() as reader:
            return FactorState(asked_for=is_asked_for(reader, principal.user_id))

    @app.post(_PATH, tags=["session"], summary="Begin a second factor", status_code=HTTPStatus.CREATED)
    def begin(principal: CurrentPrincipal) -> FactorSecret:
        """The secret is for a device that shows codes (RFC 6238); PUT a code of it, and codes are asked for."""
        with told():
            begun = factors(principal).begin(principal.name)
        return FactorSecret(secret=begun.secret, link=begun.link)

    @app.put(_PATH, tags=["session"], summary="Confirm a second factor that was begun, and get recovery codes")
    def confirm(body: FactorCode, principal: CurrentPrincipal) -> RecoveryCodes:
        """Your other sessions end."""
        with told():
            codes = factors(principal).confirm(principal.name, body.code, principal.session_id)
        return RecoveryCodes(recovery_codes=codes)

    @app.delete(_PATH, tags=["session"], summary="Give up your second factor", status_code=HTTPStatus.NO_CONTENT)
    def give_up(principal: CurrentPrincipal) -> None:
        """All your sessions end."""
        with told():
            factors(principal).forget(principal.name)

    @app.delete(
        "/api/users/{name}/second-factor",
        tags=["users"],
        summary="Forget the second factor of a user who lost it",
        status_code=HTTPStatus.NO_CONTENT,
    )
    def forget(name: UserName, principal: CurrentPrincipal) -> None:
        """All their sessions end."""
        with told():
            factors(principal).forget(name)
