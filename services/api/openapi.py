"""The description of the API: what FastAPI knows of the routes, and who may ask them, and every refusal."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.context import ApiContext
from services.api.problems import PROBLEM_CONTENT, Flaw, Problem
from services.api.security.access import ACCESS, BY_PEOPLE, CONFIRMED, EVERYBODY, Route
from services.api.security.guard import CSRF_HEADER, cookie_name

_ABOUT: Final = (
    "Every route but those to sign in and to monitor the process needs a session: POST /auth/login sets its cookie. "
    "Programs may send a token in the header Authorization instead, where no person is needed. "
    "A request that changes something also needs the session's CSRF token in the header " + CSRF_HEADER + ". "
    "Times are UTC, prices and money exact decimals as text. Lists come newest first and in pages: `next_cursor` of "
    "one page is `cursor` of the next."
)
_EVERYWHERE: Final = {"429": "Too many requests", "500": "Internal error", "503": "The store is unavailable"}
_CONFIRMED: Final = ", and a session that was opened or confirmed within the last 5 minutes"
# What the parts of a route's path and its method do not tell.
_FURTHER: Final[Mapping[Route, Mapping[str, str]]] = MappingProxyType(
    {
        ("GET", "/api/sessions"): {"404": "There is no such user"},
        ("PUT", "/api/settings"): {"409": "A newer version was saved meanwhile"},
        ("PUT", "/api/strategy-params/{strategy}"): {"409": "A newer version was saved meanwhile"},
        ("POST", "/api/auth/second-factor"): {"409": "There is one already"},
        ("PUT", "/api/auth/second-factor"): {"409": "None is waiting to be confirmed"},
        ("DELETE", "/api/auth/second-factor"): {"404": "There is none"},
        ("POST", "/api/tokens"): {"404": "There is no such user", "409": "The name is taken, or there are too many"},
        ("POST", "/api/users"): {"409": "The name is taken"},
        ("PUT", "/api/users/{name}/role"): {"409": "No admin would be left"},
        ("POST", "/api/users/{name}/disable"): {"409": "No admin would be left"},
    }
)
_OF_FASTAPI: Final = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI, context: ApiContext) -> dict[str, Any]:
    """Return the OpenAPI document."""
    document: dict[str, Any] = get_openapi(
        title="Scalp Bot",
        version=context.version,
        description=_ABOUT,
        routes=app.routes,
        servers=[{"url": context.root_path}] if context.root_path else None,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _OF_FASTAPI:
        schemas.pop(name, None)
    template = "#/components/schemas/{model}"
    schemas["Flaw"] = Flaw.model_json_schema(ref_template=template)
    schemas["Problem"] = Problem.model_json_schema(ref_template=template)
    schemas["Problem"].pop("$defs", None)
    components["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": cookie_name(context)},
        "token": {"type": "http", "scheme": "bearer"},
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, (method.upper(), path))
    return document


def _complete(operation: dict[str, Any], route: tuple[str, str]) -> None:
    """Add to an operation who may ask it, and its refusals."""
    method, path = route
    least = ACCESS[route]
    responses: dict[str, Any] = operation["responses"]
    refusals = dict(_EVERYWHERE)
    if "422" in responses or "{" in path:
        refusals["422"] = "Invalid request"
    if "{" in path:
        refusals["404"] = "Not found"
    if method != "GET":
        refusals |= {
            "403": "Not allowed",
            "408": "The body did not arrive in time",
            "413": "The body is too large",
            "415": "Not JSON",
        }
        refusals["400"] = "The body cannot be read"
    refusals |= _FURTHER.get(route, {})
    if path.endswith("/login"):
        refusals["401"] = "The name or the password is wrong"
    if least is not EVERYBODY:
        operation["security"] = [{"session": []}, *([] if route in BY_PEOPLE else [{"token": []}])]
        needs = f"the role {least}" + (_CONFIRMED if route in CONFIRMED else "")
        operation["description"] = f"{operation.get('description', '')}\n\nNeeds {needs}.".strip()
        refusals |= {"401": "Not signed in", "403": "Not allowed for this role"}
    for status, description in refusals.items():
        known = responses.get(status, {})
        if status == "503" and "application/json" in known.get("content", {}):
            continue
        responses[status] = {"description": description, "content": PROBLEM_CONTENT}
