"""Find the programs of the servers on this machine, or install them where that is allowed."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from tests.servers.errors import UnavailableError

_RABBIT_FOLDERS: Final = ("usr/lib/rabbitmq/bin", "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin", "opt/rabbitmq*/sbin")
_ERLANG_FOLDERS: Final = ("usr/bin", "usr/lib/erlang/erts-*/bin", "usr/lib/erlang/bin", "usr/local/lib/erlang/bin")
_POSTGRES_FOLDERS: Final = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/local/pgsql/bin", "usr/bin")
_FAKETIME_FOLDERS: Final = ("usr/lib/*/faketime", "usr/lib/faketime", "usr/lib64/faketime")
_POOLER_FOLDERS: Final = ("usr/sbin", "usr/bin", "usr/local/bin")
_INSTALL_SECONDS: Final = 900

Programs = TypeVar("Programs")


class RabbitPrograms(NamedTuple):
    """The script that becomes the broker, Erlang's name server, and the program that calls into a node."""

    server: Path
    names: Path
    caller: Path


class PostgresPrograms(NamedTuple):
    """The programs that make a cluster and serve it."""

    initdb: Path
    postgres: Path


def rabbit_programs() -> RabbitPrograms:
    """Return the programs of RabbitMQ, installed if need be; raises UnavailableError."""
    return _found_or_installed(_find_rabbit, "rabbitmq-server")


def postgres_programs() -> PostgresPrograms:
    """Return the programs of the newest PostgreSQL, installed if need be; raises UnavailableError."""
    return _found_or_installed(_find_postgres, "postgresql")


def faketime_library() -> Path:
    """Return the library that shows a process another time, installed if need be; raises UnavailableError."""
    return _found_or_installed(lambda: _newest(_FAKETIME_FOLDERS, "libfaketime.so.1"), "libfaketime")


def pooler_program() -> Path:
    """Return the program of PgBouncer, installed if need be; raises UnavailableError."""
    return _found_or_installed(lambda: _newest(_POOLER_FOLDERS, "pgbouncer"), "pgbouncer")


def _find_rabbit() -> RabbitPrograms | None:
    # Not from the search path: Debian's programs there change the user and write to the system's own folders.
    server = _newest(_RABBIT_FOLDERS, "rabbitmq-server")
    names, caller = (_newest(_ERLANG_FOLDERS, name) for name in ("epmd", "erl_call"))
    if server is None or names is None or caller is None:
        return None
    return RabbitPrograms(server, names, caller)


def _find_postgres() -> PostgresPrograms | None:
    postgres = _newest(_POSTGRES_FOLDERS, "postgres")
    if postgres is None or not postgres.with_name("initdb").exists():
        return None
    return PostgresPrograms(postgres.with_name("initdb"), postgres)


def _newest(folders: Sequence[str], name: str) -> Path | None:
    for folder in folders:
        found = sorted(Path("/").glob(f"{folder}/{name}"), key=_version)
        if found:
            return found[-1]
    return None


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", str(path.parent)))


def _found_or_installed(find: Callable[[], Programs | None], package: str) -> Programs:
    found = find()
    if found is None:
        _install(package)
        found = find()
    if found is None:
        raise UnavailableError(f"the package {package} holds other files than expected")
    return found


def _install(package: str) -> None:
    installer = shutil.which("apt-get")
    if installer is None or os.geteuid() != 0:
        raise UnavailableError(f"{package} is not installed here, and only root on Debian or Ubuntu may install it")
    # Outside a run level that serves, Debian's packages do not start what they install.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    install = [installer, "install", "--yes", "--no-install-recommends", package]
    for command in ([installer, "update"], install):
        try:
            subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_INSTALL_SECONDS,
                check=True,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            raise UnavailableError(f"{package} is not installed here, and apt-get could not install it") from None
