"""What prepares a deployment's database gives one its rights once, and one that was made anew its own."""

import importlib.util
from types import ModuleType

import psycopg
import pytest
from sqlalchemy import make_url

from tests.repository import ROOT
from tests.servers.postgres import PostgresServer


@pytest.fixture(name="prepare")
def prepare_(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare", ROOT / "deploy" / "docker" / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROLES", ROOT / "deploy" / "postgres" / "roles.sql")
    return module


def rights_on(connection: "psycopg.Connection[tuple[object, ...]]") -> str:
    row = connection.execute(
        "SELECT coalesce(datacl::text, '') FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_database_that_was_made_anew_gets_its_rights_again(
    prepare: ModuleType, postgres_server: PostgresServer
) -> None:
    for _ in ("the first", "the one that a dump is restored into"):
        name = postgres_server.new_database()
        url = make_url(postgres_server.url(name))
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as connection:
            assert rights_on(connection) == ""
            prepare._grant(connection)
            granted = rights_on(connection)
            assert "scalpbot_api=c" in granted
            # Not again, while services are at work.
            connection.execute("REVOKE CONNECT ON DATABASE " + connection.info.dbname + " FROM scalpbot_api")
            prepare._grant(connection)
            assert "scalpbot_api=c" not in rights_on(connection)
        postgres_server.delete_database(name)
