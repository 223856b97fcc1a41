"""Give every service its own user of the database and of the broker, with the rights it needs and no others.

Run by the init container, before the schema is upgraded and once more after it. Users, passwords and addresses are
those of the secrets `database_url_<service>` and `rabbitmq_url_<service>`; running it again changes a password that was
changed there. Safe to run at any time.
"""

import base64
import hashlib
import http.client
import json
import sys
from pathlib import Path
from typing import Any, Final, LiteralString, NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

import psycopg
from psycopg import sql

SECRETS: Final = Path("/run/secrets")
ROLES: Final = Path("/usr/share/scalpbot/roles.sql")
SUPERUSER: Final = "postgres"
MANAGEMENT_PORT: Final = 15672
EXCHANGE: Final = "scalpbot"
ANSWER_SECONDS: Final = 15


class BrokerRights(NamedTuple):
    """Patterns of what a user of the broker may declare, send to, take from, and of the facts it tells and hears."""

    configure: str
    write: str
    read: str
    tells: str
    hears: str


NOTHING: Final = "^$"
BROKER_RIGHTS: Final = {
    "ingest": BrokerRights(
        configure=NOTHING, write=r"^scalpbot$", read=NOTHING, tells=r"^(candle\.closed|quote)\.", hears=NOTHING
    ),
    "strategy": BrokerRights(
        configure=NOTHING, write=r"^scalpbot$", read=r"^strategy\.", tells=r"^candle\.assessed\.", hears=NOTHING
    ),
    # Its queue of quotes is its own: named by the broker, gone when it disconnects.
    "executor": BrokerRights(
        configure=r"^amq\.gen-",
        write=r"^(scalpbot$|amq\.gen-)",
        read=r"^(executor\.|scalpbot$|amq\.gen-)",
        tells=r"^(account|order|trade)\.",
        hears=r"^quote\.",
    ),
}
# The API works with the database alone.
DATABASE_USERS: Final = ("owner", *BROKER_RIGHTS, "api", "upkeep")


def secret(name: str) -> str:
    """Return the text of a secret."""
    return (SECRETS / name).read_text(encoding="utf-8").strip()


def address(name: str) -> SplitResult:
    """Return the address that a secret holds."""
    return urlsplit(secret(name))


def prepare_database() -> None:
    """Make the roles, grant what the tables that exist so far allow, and set the passwords."""
    server = address("database_url_owner")
    with psycopg.connect(
        host=server.hostname,
        port=server.port,
        dbname=server.path.lstrip("/"),
        user=SUPERUSER,
        password=secret("postgres_password"),
        connect_timeout=ANSWER_SECONDS,
    ) as connection:
        _grant(connection)
        for name in DATABASE_USERS:
            user = address(f"database_url_{name}")
            # Only what is made of the password travels, so that it is in no log of the server.
            scrambled = connection.pgconn.encrypt_password(
                (user.password or "").encode(), (user.username or "").encode(), b"scram-sha-256"
            )
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
            connection.execute(statement.format(sql.Identifier(user.username or ""), scrambled.decode()))


def _grant(connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
    # Granting locks every table, which services that are at work would feel: only once for each schema. The note is
    # kept on the database: one that was made anew has none, and gets its rights.
    roles = ROLES.read_bytes()
    note = f"rights {hashlib.sha256(roles).hexdigest()[:16]} for schema {_schema(connection)}"
    noted = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    if _answer(connection, noted) == note:
        return
    connection.execute(roles)
    comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
    connection.execute(comment.format(sql.Identifier(connection.info.dbname), note))


def _schema(connection: "psycopg.Connection[tuple[Any, ...]]") -> str:
    if _answer(connection, "SELECT to_regclass('public.alembic_version')") is None:
        return "none"
    return str(_answer(connection, "SELECT version_num FROM public.alembic_version"))


def _answer(connection: "psycopg.Connection[tuple[Any, ...]]", question: LiteralString) -> object:
    row = connection.execute(question).fetchone()
    return None if row is None else row[0]


def prepare_broker() -> None:
    """Make the users of the broker and grant them their rights on the virtual host."""
    administrator = address("rabbitmq_url_admin")
    host = quote(administrator.path.lstrip("/"), safe="")
    for name, rights in BROKER_RIGHTS.items():
        user = address(f"rabbitmq_url_{name}")
        _put(administrator, f"/api/users/{user.username}", {"password": user.password, "tags": ""})
        granted = {"configure": rights.configure, "write": rights.write, "read": rights.read}
        _put(administrator, f"/api/permissions/{host}/{user.username}", granted)
        of_facts = {"exchange": EXCHANGE, "write": rights.tells, "read": rights.hears}
        _put(administrator, f"/api/topic-permissions/{host}/{user.username}", of_facts)


def _put(administrator: SplitResult, path: str, document: object) -> None:
    credentials = base64.b64encode(f"{administrator.username}:{administrator.password}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(administrator.hostname or "", MANAGEMENT_PORT, timeout=ANSWER_SECONDS)
    try:
        connection.request("PUT", path, json.dumps(document), headers)
        answer = connection.getresponse()
        if answer.status not in (201, 204):
            raise OSError(f"the broker refused {path}: {answer.status} {answer.reason}")
    finally:
        connection.close()


def main() -> int:
    """Prepare database and broker; return 1 and say why when one of them could not be."""
    try:
        prepare_database()
        prepare_broker()
    except (OSError, psycopg.Error) as error:
        sys.stderr.write(f"error: database and broker could not be prepared: {' '.join(str(error).split())}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
