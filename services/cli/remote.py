"""A Scalp Bot that is asked over HTTP: by a user who is signed in for as long as a verb takes, or by a token."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import typer

from services.cli.variables import PASSWORD_FILE_VARIABLE, TOKEN_FILE_VARIABLE, TOKEN_VARIABLE
from shared.contracts.concealed import conceal
from shared.contracts.errors import InfrastructureError, InputError
from shared.contracts.hosts import is_loopback

_TIMEOUT_SECONDS: Final = 10.0
_TRIES: Final = 3
# What kind of refusal asks for the code of a second factor.
_CODE: Final = "urn:scalpbot:problem:code"
_PAUSE_SECONDS: Final = 0.5
_NOBODY_TO_ASK: Final = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})


class ApiAnswer(NamedTuple):
    """An answer of the API: its status and its JSON document."""

    status: int
    body: Any


class Remote:
    """An API, asked on behalf of a user."""

    def __init__(self, client: httpx.Client, user: str) -> None:
        """Ask by a client that has the session's cookie, or a token."""
        self._client = client
        self.user = user

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON document at a path; raise InputError for what is refused."""
        return self.ask("GET", path, query=query).body

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, Any] | None = None,
        again: bool = False,
        missing: bool = False,
    ) -> ApiAnswer:
        """Return the answer to a request.

        `again` says that it may be sent a second time where the answer was lost, as reading always may; `missing`, that
        status 404 is an answer. Raises InputError for what is refused, InfrastructureError where the API or the way to
        it is away.
        """
        tries = _TRIES if again or method == "GET" else 1
        request = self._client.build_request(method, path, json=body, params=query)
        answer = _sent(self._client, request, tries)
        if missing and answer.status_code == HTTPStatus.NOT_FOUND:
            return ApiAnswer(answer.status_code, None)
        return _reply(answer, self.user)


@contextmanager
def signed_in(url: str, user: str | None) -> Iterator[Remote]:
    """Sign a user in at the API of an address, and out in the end; raise InputError for who may not.

    Without a user the token of the environment is shown, which needs neither.
    """
    token = token_given() if user is None else None
    if user is None and token is None:
        raise InputError(f"--url needs --user NAME, a user who may sign in there, or a token in {TOKEN_VARIABLE}")
    base = _checked(url)
    trusted = httpx.create_ssl_context(trust_env=True)
    # A proxy of the environment stands for the way out, not for this machine.
    through_proxies = not _is_here(base)
    with httpx.Client(base_url=base, verify=trusted, timeout=_TIMEOUT_SECONDS, trust_env=through_proxies) as client:
        _require_scalpbot(client)
        if user is None:
            yield Remote(client, _shown(client, str(token)))
            return
        _sign_in(client, user, password_of(user))
        try:
            yield Remote(client, user)
        finally:
            with suppress(httpx.TransportError):
                client.post("/auth/logout")


def token_given() -> str | None:
    """Return the token of the environment, itself or in the file that is named there; None for none."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip() or (_in_file_of(TOKEN_FILE_VARIABLE) or "").strip()
    if not token:
        return None
    conceal(token)
    if not (token.isascii() and token.isprintable()):
        raise InputError(f"{TOKEN_VARIABLE} does not hold a token; give what `scalpbot tokens add` printed")
    return token


def password_of(user: str) -> str:
    """Return a password: from the file that the environment names, else asked for, else the first line of stdin."""
    password = _in_file_of(PASSWORD_FILE_VARIABLE)
    if password is not None:
        conceal(password)
        return password
    if sys.stdin.isatty():
        asked: str = typer.prompt(f"Password of {user}", hide_input=True, err=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")


def _in_file_of(variable: str) -> str | None:
    """Return the first line of the file that a variable names, None where it names none."""
    name = os.environ.get(variable, "")
    if not name:
        return None
    try:
        return Path(name).read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"{variable}={name}: the file cannot be read; name a text file") from fault


def _checked(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as fault:
        raise InputError(f"--url {url} is not an address; write it like https://host:8443") from fault
    if parsed.userinfo:
        raise InputError(
            "--url holds a user or a password, which others can see; give --user, and the password separately"
        )
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
        raise InputError(f"--url {url} is not an address; write it like https://host:8443")
    base = url.rstrip("/")
    if parsed.scheme == "http" and not _is_here(base):
        raise InputError(f"--url {url}: the password would be sent unencrypted; write https://")
    return base


def _is_here(url: str) -> bool:
    return is_loopback(httpx.URL(url).host)


def _require_scalpbot(client: httpx.Client) -> None:
    """Raise InputError where something else answers: it must not see the password."""
    answer = _sent(client, client.build_request("GET", "/healthz"), _TRIES)
    known = _document(answer)
    if not isinstance(known, dict) or set(known) != {"alive"}:
        raise InputError(f"what answers at {_place(client)} is not a Scalp Bot; check --url")


def _shown(client: httpx.Client, token: str) -> str:
    """Have a client show a token with every request, and return whose it is; raise InputError for one not taken."""
    client.headers["Authorization"] = f"Bearer {token}"
    answer = _sent(client, client.build_request("GET", "/auth/me"), _TRIES)
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise InputError(f"the token is not accepted at {_place(client)}: it is unknown, expired or revoked")
    user: str = _reply(answer, "the token").body["name"]
    return user


def _sign_in(client: httpx.Client, user: str, password: str) -> None:
    if not password:
        raise InputError(f"there is no password for {user}: type it, pipe it in, or set {PASSWORD_FILE_VARIABLE}")
    given = {"username": user, "password": password}
    answer = _sent(client, client.build_request("POST", "/auth/login", json=given), 1)
    if _asks_for_a_code(answer):
        given |= {"code": _code_of(user)}
        answer = _sent(client, client.build_request("POST", "/auth/login", json=given), 1)
        if _asks_for_a_code(answer):
            raise InputError(f"{user} cannot sign in at {_place(client)}: {_document(answer)['detail']}")
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise InputError(f"{user} cannot sign in at {_place(client)}: the name or the password is wrong")
    _reply(answer, user)
    if client.base_url.scheme == "http" and any(cookie.secure for cookie in client.cookies.jar):
        raise InputError(f"the API at {_place(client)} expects TLS; give its https:// address")


def _asks_for_a_code(answer: httpx.Response) -> bool:
    document = _document(answer)
    return isinstance(document, dict) and document.get("type") == _CODE


def _code_of(user: str) -> str:
    """Return a code of the second factor: asked for, else the next line of stdin."""
    if sys.stdin.isatty():
        asked: str = typer.prompt(f"Code of {user}", err=True)
        return asked.strip()
    return sys.stdin.readline().strip()


def _sent(client: httpx.Client, request: httpx.Request, tries: int) -> httpx.Response:
    for left in reversed(range(tries)):
        try:
            return client.send(request)
        except httpx.TransportError as fault:
            if not left:
                raise InfrastructureError(f"{_place(client)} cannot be reached: {_why(fault)}") from fault
        time.sleep(_PAUSE_SECONDS)
    raise AssertionError("a request is tried at least once")


def _reply(answer: httpx.Response, user: str) -> ApiAnswer:
    """Return an answer that grants what was asked; raise for any other, in a sentence."""
    status, body = answer.status_code, _document(answer)
    if answer.is_success:
        return ApiAnswer(status, body)
    detail = body.get("detail") if isinstance(body, dict) else None
    place = f"{answer.url.scheme}://{answer.url.netloc.decode()}"
    if detail is None or status in _NOBODY_TO_ASK:
        raise InfrastructureError(f"{place} answered with status {status} and no reason")
    if status == HTTPStatus.FORBIDDEN:
        raise InputError(f"{user} is refused: {detail}")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise InfrastructureError(f"{detail} {answer.headers.get('retry-after', 'some')} s")
    if answer.is_server_error:
        raise InfrastructureError(f"{place}: {detail}")
    raise InputError(str(detail))


def _document(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        return None


def _place(client: httpx.Client) -> str:
    return str(client.base_url).rstrip("/")


def _why(fault: httpx.TransportError) -> str:
    if isinstance(fault, httpx.TimeoutException):
        return f"no answer within {_TIMEOUT_SECONDS:g} s"
    return str(fault) or type(fault).__name__
