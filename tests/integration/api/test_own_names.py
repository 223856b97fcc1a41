"""Without TLS the application answers under this machine's own names only."""

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from services.api.security.hosts import OwnNames


def ask(host: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app=OwnNames(PlainTextResponse("answered")))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get("/api/status", headers={"Host": host})

    return asyncio.run(asked())


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_own_name_is_answered(host: str) -> None:
    assert ask(host).text == "answered"


@pytest.mark.parametrize("host", ["scalpbot.example", "192.0.2.7:8080", "localhost.scalpbot.example", "[::1", ""])
def test_another_name_is_refused_with_the_way_to_mend_it(host: str) -> None:
    refused = ask(host)
    assert refused.status_code == 421
    assert "use http://localhost, or put TLS in front" in refused.json()["detail"]
    assert len(refused.json()["request_id"]) == 16


def test_what_is_no_request_goes_through() -> None:
    seen: list[str] = []

    async def application(scope: object, receive: object, send: object) -> None:
        seen.append("lifespan")

    async def nothing() -> Message:
        return {"type": "lifespan.startup"}

    async def drop(message: Message) -> None:
        del message

    asyncio.run(OwnNames(application)({"type": "lifespan"}, nothing, drop))
    assert seen == ["lifespan"]
