"""A PostgreSQL server that runs as processes of this machine, apart from any other that runs there."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.servers.errors import ServerError, UnavailableError
from tests.servers.guardian import Guardian, plain_environment
from tests.servers.logs import LogFile
from tests.servers.ports import ATTEMPTS, free_ports
from tests.servers.postgres import USER, PostgresAddress, Stop
from tests.servers.process_tree import freeze, send
from tests.servers.programs import PostgresPrograms
from tests.servers.waiting import wait_until

_HOST: Final = "127.0.0.1"
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 30.0
_READY: Final = "database system is ready to accept connections"
_ACCOUNTS: Final = ("postgres", "nobody")
_SIGNALS: Final = {Stop.FAST: signal.SIGINT, Stop.IMMEDIATE: signal.SIGQUIT}


class LocalPostgresNode:
    """One cluster with all its files in a temporary folder; its processes never run as root."""

    def __init__(
        self,
        programs: PostgresPrograms,
        *,
        survives_power_cut: bool = False,
        disk: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Make the folder; it writes to the disk at each commit only if it is to survive a power cut.

        With `disk` the cluster lies there, and is not deleted. `environ` is what the server is started with besides.
        """
        self._environ = plain_environment(**(environ or {}))
        self._programs = programs
        self._account = _account()
        self._guardian = Guardian()
        self._folder = self._guardian.make_folder("postgres")
        if self._account is not None:
            shutil.chown(self._folder, self._account)
        self._log = LogFile(self._folder / "postgres.log")
        self._data = (disk or self._folder) / "data"
        if disk is not None and self._account is not None:
            shutil.chown(disk, self._account)
        self._fsync = "on" if survives_power_cut else "off"
        self._port = free_ports(1)[0]
        self._server: subprocess.Popen[bytes] | None = None
        self._serves_this_port = False

    @property
    def address(self) -> PostgresAddress:
        """Return where it listens; the same after every start."""
        return PostgresAddress(_HOST, self._port, None)

    def is_running(self) -> bool:
        """Return whether the server runs, paused or not."""
        return self._server is not None and self._server.poll() is None

    def start(self) -> None:
        """Start the server, its cluster made at the first time; raises ServerError with the end of its log."""
        if not self._data.exists():
            self._make_cluster()
        if self._server is not None:
            self._guardian.fetch(self._server)
            self._server = None
        # Another process can take a port between the search and the start; one that has served once stays.
        for _attempt in range(1 if self._serves_this_port else ATTEMPTS):
            if self._boot():
                self._serves_this_port = True
                return
            if not self._serves_this_port:
                self._port = free_ports(1)[0]
        raise ServerError(f"PostgreSQL did not start; its log ends with:\n{self._log.end()}")

    def stop(self, how: Stop) -> None:
        """Stop the server; raises ServerError if it does not stop."""
        if self._server is None:
            return
        send(self._server.pid, _SIGNALS[how])
        try:
            self._guardian.fetch(self._server, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise ServerError(f"PostgreSQL did not stop; its log ends with:\n{self._log.end()}") from None
        self._server = None

    def kill(self) -> None:
        """End all processes with SIGKILL."""
        if self._server is not None:
            self._guardian.kill(self._server)
            self._server = None

    def pause(self) -> None:
        """Freeze all processes."""
        assert self._server is not None, "only a server that runs can be paused"
        freeze(self._server.pid)

    def resume(self) -> None:
        """Let all processes go on."""
        if self._server is not None:
            for member in freeze(self._server.pid):
                send(member, signal.SIGCONT)

    def close(self) -> None:
        """End the server and delete its cluster."""
        self._guardian.close()
        self._server = None

    def _make_cluster(self) -> None:
        choices = ["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        command = [str(self._programs.initdb), "-D", str(self._data), *choices]
        maker = self._guardian.start(command, plain_environment(), self._folder, self._log.path, self._account)
        self._guardian.fetch(maker, _START_SECONDS)
        if maker.returncode != 0:
            raise ServerError(f"initdb failed; its output ends with:\n{self._log.end()}")

    def _boot(self) -> bool:
        settings = {
            "listen_addresses": _HOST,
            "port": str(self._port),
            "unix_socket_directories": str(self._folder),
            "fsync": self._fsync,
            "shared_buffers": "32MB",
            # What a test runs must not depend on the zone of the machine.
            "timezone": "UTC",
        }
        command = [str(self._programs.postgres), "-D", str(self._data)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._log.mark()
        # Killed outright it would leave its shared memory behind, which no process owns.
        farewell = _SIGNALS[Stop.IMMEDIATE]
        server = self._guardian.start(command, self._environ, self._folder, self._log.path, self._account, farewell)
        # Told by its log: whatever answers on the port could be another server that was quicker to take it.
        ended_or_ready = lambda: server.poll() is not None or _READY in self._log.since_mark()  # noqa: E731
        try:
            wait_until(ended_or_ready, _START_SECONDS, "PostgreSQL to start")
        except TimeoutError:
            self._guardian.kill(server)
            return False
        if server.poll() is not None:
            self._guardian.fetch(server)
            return False
        self._server = server
        return True


def _account() -> str | None:
    """Return the user to run as, None for the one who runs the tests; raises UnavailableError."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    for name in _ACCOUNTS:
        if name in names:
            return name
    raise UnavailableError("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
