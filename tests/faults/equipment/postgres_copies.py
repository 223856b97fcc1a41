"""Copies of a database as an operator takes them, with pg_dump and pg_restore of this machine."""

import subprocess
from pathlib import Path
from typing import Final

from tests.servers.errors import ServerError, UnavailableError
from tests.servers.postgres import PostgresServer
from tests.servers.programs import postgres_programs

_SECONDS: Final = 120


def dump(server: PostgresServer, database: str, file: Path) -> None:
    """Copy a database into a file, also while it is written; raises UnavailableError without a program that can."""
    done = _run("pg_dump", "--format", "custom", "--file", str(file), server.connection_url(database))
    if "server version mismatch" in done.stderr:
        raise UnavailableError("the pg_dump of this machine is older than the server")
    if done.returncode != 0:
        raise ServerError(f"pg_dump failed: {done.stderr}")


def restored(server: PostgresServer, file: Path) -> str:
    """Make a database of a file and return its name."""
    name = server.new_database()
    done = _run("pg_restore", "--exit-on-error", "--dbname", server.connection_url(name), str(file))
    if done.returncode != 0:
        raise ServerError(f"pg_restore failed: {done.stderr}")
    return name


def _run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    path = postgres_programs().initdb.with_name(program)
    if not path.exists():
        raise UnavailableError(f"there is no {program} here")
    return subprocess.run([str(path), *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False)
