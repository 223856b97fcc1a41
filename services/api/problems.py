"""Errors as problem details (RFC 9457): one document for every refusal, without anything of the inside."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from shared.contracts.errors import InfrastructureError, InputError

PROBLEM_TYPE: Final = "application/problem+json"
# What the API's description says of the body of a refusal.
PROBLEM_CONTENT: Final = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
# A problem of no kind of its own is told by its status.
PLAIN: Final = "about:blank"
CONFIRM: Final = "urn:scalpbot:problem:confirm"
CODE: Final = "urn:scalpbot:problem:code"
SECOND_FACTOR: Final = "urn:scalpbot:problem:second-factor"
_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {CONFIRM: "Password confirmation required", CODE: "Code required", SECOND_FACTOR: "Second factor required"}
)
_AGAIN_SECONDS: Final = 5
_LONGEST_PATH: Final = 200


class ProblemError(Exception):
    """A request that is refused, with what to answer."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None, kind: str = PLAIN) -> None:
        """Refuse with a status, a sentence for people, headers that belong to it, and the kind of the problem."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.kind = kind


class Flaw(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(examples=["query.limit"])
    what: str = Field(examples=["it must be less than or equal to 500"])


class Problem(BaseModel):
    """Why a request was refused."""

    type: str = Field(default=PLAIN, examples=[PLAIN, *_TITLES], description="What the refusal is about.")
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["query.limit: it must be less than or equal to 500"])
    instance: str = Field(examples=["/api/trades"])
    request_id: str = Field(examples=["8f0c2a6e4b1d7f35"])
    errors: list[Flaw] | None = None


class ProblemResponse(JSONResponse):
    """A problem as a response."""

    media_type = PROBLEM_TYPE


def shown_path(path: str) -> str:
    """Return a path as it is repeated to whoever sent it: as much of it as tells which one it was."""
    return path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}..."


def problem(path: str, request_id: str, refusal: ProblemError, flaws: Sequence[Flaw] = ()) -> ProblemResponse:
    """Return the response that refuses a request."""
    body = Problem(
        type=refusal.kind,
        title=_TITLES.get(refusal.kind, HTTPStatus(refusal.status).phrase),
        status=refusal.status,
        detail=refusal.detail,
        instance=shown_path(path),
        request_id=request_id,
        errors=list(flaws) or None,
    )
    return ProblemResponse(body.model_dump(exclude_none=True), refusal.status, dict(refusal.headers))


def answer_problems(app: FastAPI) -> None:
    """Have every error of the routes answered as a problem."""

    @app.exception_handler(ProblemError)
    async def refused(request: Request, error: ProblemError) -> ProblemResponse:
        return _of(request, error)

    @app.exception_handler(HTTPException)
    async def unroutable(request: Request, error: HTTPException) -> ProblemResponse:
        details = {404: f"{shown_path(request.url.path)} does not exist", 405: f"{request.method} is not allowed here"}
        detail = details.get(error.status_code, str(error.detail))
        return _of(request, ProblemError(error.status_code, detail, error.headers))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> ProblemResponse:
        flaws = [_flaw(each) for each in error.errors()]
        detail = "; ".join(f"{flaw.where}: {flaw.what}" for flaw in flaws)
        return _of(request, ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail), flaws)

    @app.exception_handler(InputError)
    async def wrong(request: Request, error: InputError) -> ProblemResponse:
        return _of(request, ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)))

    @app.exception_handler(InfrastructureError)
    async def away(request: Request, error: InfrastructureError) -> ProblemResponse:
        request.app.state.context.log.warning("store unavailable", reason=str(error))
        headers = {"Retry-After": str(_AGAIN_SECONDS)}
        detail = "the store is unavailable; try again"
        return _of(request, ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers))


def _of(request: Request, refusal: ProblemError, flaws: Sequence[Flaw] = ()) -> ProblemResponse:
    return problem(request.url.path, request.scope["request_id"], refusal, flaws)


def _flaw(error: Mapping[str, Any]) -> Flaw:
    where = ".".join(str(step) for step in error["loc"])
    # What was sent is not repeated: it may be a password.
    what = str(error["msg"]).removeprefix("Value error, ").replace("Input should", "it must")
    return Flaw(where=where, what=what)
