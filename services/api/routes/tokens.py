"""The routes to make tokens for programs, to see them, and to end them."""

from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Query

from services.api.context import ApiContext
from services.api.problems import ProblemError
from services.api.routes.told import told
from services.api.security.access import Principal
from services.api.security.guard import CurrentPrincipal
from services.api.security.tokens import Maker, Tokens, WantedToken
from services.api.shapes.tokens import MadeToken, NewProgramToken, ProgramTokens, TokenId, TokensQuery, shown_token
from shared.contracts.vocabulary import Role


def register_tokens(app: FastAPI, context: ApiContext) -> None:
    """Add the routes under /api/tokens."""

    def tokens(principal: Principal) -> Tokens:
        maker = Maker(principal.name, principal.name, principal.role)
        return Tokens(context.store, context.clock, context.token, maker)

    @app.get("/api/tokens", tags=["tokens"], summary="Tokens of programs: your own, for admins those of everybody")
    def listed(query: Annotated[TokensQuery, Query()], principal: CurrentPrincipal) -> ProgramTokens:
        is_admin = principal.role.includes(Role.ADMIN)
        if not is_admin and query.user not in (None, principal.name):
            raise ProblemError(HTTPStatus.FORBIDDEN, "only admins may see the tokens of other users")
        of = query.user if is_admin else principal.name
        return ProgramTokens(items=[shown_token(row) for row in tokens(principal).alive(of)])

    @app.post("/api/tokens", tags=["tokens"], summary="Make a token for a program", status_code=HTTPStatus.CREATED)
    def add(body: NewProgramToken, principal: CurrentPrincipal) -> MadeToken:
        """The program sends it in the header `Authorization: Bearer`; it is told once and kept as a hash."""
        wanted = WantedToken(
            user=body.user or principal.name, name=body.name, role=body.role, scope=body.scope, days=body.days
        )
        with told():
            token, row = tokens(principal).add(wanted)
        return MadeToken(**shown_token(row).model_dump(), token=token)

    @app.delete("/api/tokens/{id}", tags=["tokens"], summary="End a token", status_code=HTTPStatus.NO_CONTENT)
    def end(token_id: TokenId, principal: CurrentPrincipal) -> None:
        """End one of your own tokens, or as an admin any user's; the next request with it is refused."""
        with told():
            tokens(principal).revoke(token_id)
