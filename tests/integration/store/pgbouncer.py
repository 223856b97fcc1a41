"""A private PgBouncer before a private PostgreSQL server."""

import os
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import make_url

from tests.servers.errors import ServerError
from tests.servers.guardian import Guardian, plain_environment
from tests.servers.logs import LogFile
from tests.servers.ports import free_ports
from tests.servers.postgres import USER
from tests.servers.waiting import wait_until

_START_SECONDS: Final = 20.0
_HOST: Final = "127.0.0.1"


class PgBouncer:
    """PgBouncer in transaction mode: each transaction may get another of a few connections to the server."""

    def __init__(self, program: Path, server_url: str, connections: int) -> None:
        """Pool so many connections for each database of a server; raises ServerError if it does not start."""
        self._guardian = Guardian()
        folder = self._guardian.make_folder("pgbouncer")
        folder.chmod(0o755)
        self._log = LogFile(folder / "pgbouncer.log")
        server = make_url(server_url)
        self._port = free_ports(1)[0]
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host={server.host} port={server.port} user={USER}"
            + (f" password={server.password}" if server.password else "")
            + f"\n[pgbouncer]\nlisten_addr = {_HOST}\nlisten_port = {self._port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 100\n",
            encoding="utf-8",
        )
        user = "nobody" if os.geteuid() == 0 else None
        environment = plain_environment()
        self._process = self._guardian.start([str(program), str(settings)], environment, folder, self._log.path, user)
        try:
            wait_until(self._answers, _START_SECONDS, "PgBouncer to start")
        except TimeoutError:
            self._guardian.close()
            raise ServerError(f"PgBouncer did not start; its log ends with:\n{self._log.end()}") from None

    def __enter__(self) -> "PgBouncer":
        return self

    def __exit__(self, *_fault: object) -> None:
        self._guardian.close()

    def url(self, behind: str) -> str:
        """Return the address of a database of the server through the pooler."""
        pooled = make_url(behind).set(host=_HOST, port=self._port, password=None)
        return pooled.render_as_string(hide_password=False)

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise ServerError(f"PgBouncer ended; its log ends with:\n{self._log.end()}")
        try:
            psycopg.connect(host=_HOST, port=self._port, user=USER, dbname="postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
