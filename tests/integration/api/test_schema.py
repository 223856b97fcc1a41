"""The API against its own description: whatever is sent, what comes back is what the description says.

Every described route is asked what the description allows and what it does not, by nobody and by an admin. A handful
of requests of each kind are tried; SCALPBOT_API_EXAMPLES=500 tries as many.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, CheckFunction, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from services.api.security.access import ACCESS, EVERYBODY
from shared.store.schema import upgrade
from shared.store.sql_store import open_store
from tests.fixtures.api import Api, add_rows, running
from tests.servers.postgres import PostgresServer

Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
Sent: TypeAlias = Case[Any]

EXAMPLES: Final = int(os.environ.get("SCALPBOT_API_EXAMPLES", "3"))
CONFORMANCE: Final[list[CheckFunction]] = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# It answers for as long as it is listened to; tests/integration/api/test_events.py reads it.
ENDLESS: Final = "/api/events"
# Who asks is looked at before what is sent, but for what only a browser of a forger would send.
UNASKED: Final = {HTTPStatus.UNAUTHORIZED, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}


@pytest.fixture(scope="module")
def api(postgres_server: PostgresServer) -> Iterator[Api]:
    """Return an API on PostgreSQL, the more particular of the two, that has rows to answer with."""
    postgres_server.make_usable()
    name = postgres_server.new_database()
    upgrade(postgres_server.url(name))
    with closing(open_store(postgres_server.url(name))) as store, running(store) as api:
        add_rows(store, 1, 3)
        yield api
    postgres_server.delete_database(name)


@pytest.fixture(scope="module")
def operations(api: Api) -> list[Operation]:
    """Return every described operation that ends."""
    schema = schemathesis.openapi.from_dict(api.get("/api/openapi.json").json())
    schema.config.update(base_url=str(api.client.base_url))
    # Who asks is for the tests to say.
    schema.config.generation.update(with_security_parameters=False)
    found: list[Operation] = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        found.append(result.ok())
    return [operation for operation in found if operation.path != ENDLESS]


def tried(operation: Operation, mode: GenerationMode, attempt: Callable[[Sent], None]) -> None:
    """Have requests of a kind tried, always the same ones."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def each(case: Sent) -> None:
        attempt(case)

    each()


def can_be_wrong(operation: Operation) -> bool:
    return bool(operation.body or operation.query or operation.path_parameters)


def modes(operation: Operation) -> list[GenerationMode]:
    return [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if can_be_wrong(operation) else [])]


def tried_all(api: Api, operations: list[Operation], attempt: Callable[[Sent], None]) -> None:
    """Have every operation tried, and tell all that went wrong."""
    wrong = []
    for operation in operations:
        # What else would do so belongs to the process, which is not here.
        api.context.health.progress()
        for mode in modes(operation):
            try:
                tried(operation, mode, attempt)
            except Unsatisfiable:
                # The description allows every text there.
                assert mode is GenerationMode.NEGATIVE
            except (AssertionError, FailureGroup) as fault:
                wrong.append(f"{operation.label}: {fault}")
    assert not wrong, "\n".join(wrong)


def test_an_admin_is_answered_as_described(api: Api, operations: list[Operation]) -> None:
    def attempt(case: Sent) -> None:
        # Each with a session of its own, since some end it.
        with requests.Session() as session:
            response = case.call(session=session, headers=api.sign_in("admin").headers)
        case.validate_response(response, checks=[*CONFORMANCE, checks.negative_data_rejection])

    assert len(operations) > 20
    tried_all(api, operations, attempt)
    assert "request failed" not in api.log.getvalue()


def test_nobody_is_answered_anything_but_refusals(api: Api, operations: list[Operation]) -> None:
    def attempt(case: Sent) -> None:
        response = case.call(session=session)
        case.validate_response(response, checks=CONFORMANCE)
        if ACCESS[case.operation.method.upper(), case.operation.path] is not EVERYBODY:
            assert response.status_code in UNASKED

    with requests.Session() as session:
        tried_all(api, operations, attempt)
