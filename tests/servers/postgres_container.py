"""A PostgreSQL server that runs in a container."""

from typing import Final

from tests.servers.container import Container
from tests.servers.errors import ServerError
from tests.servers.postgres import USER, PostgresAddress, Stop, answers
from tests.servers.waiting import wait_until

_IMAGE: Final = "postgres:17"
_PORT: Final = 5432
# The image trusts nobody who comes over the network.
_PASSWORD: Final = "tests"  # noqa: S105 - a server that only this machine reaches, for as long as the tests run
_START_SECONDS: Final = 120.0
_SIGNALS: Final = {Stop.FAST: "SIGINT", Stop.IMMEDIATE: "SIGQUIT"}


class PostgresContainer:
    """One server in a container of the official image."""

    def __init__(self, *, survives_power_cut: bool = False) -> None:
        """Make sure that a container can run; raises UnavailableError.

        The server writes to the disk at each commit only if it is to survive a power cut.
        """
        variables = {
            "POSTGRES_USER": USER,
            "POSTGRES_PASSWORD": _PASSWORD,
            "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C.UTF-8 --no-sync",
        }
        fsync = "on" if survives_power_cut else "off"
        command = ["postgres", "-c", f"fsync={fsync}", "-c", "shared_buffers=32MB", "-c", "timezone=UTC"]
        self._container = Container(_IMAGE, (_PORT,), variables, command)

    @property
    def address(self) -> PostgresAddress:
        """Return where it listens; the same after every start."""
        return PostgresAddress(self._container.host, self._container.port(_PORT), _PASSWORD)

    def is_running(self) -> bool:
        """Return whether the container runs, paused or not."""
        return self._container.is_running()

    def start(self) -> None:
        """Start the container and return when the server answers; raises ServerError with the end of its log."""
        self._container.start()
        wait_until(lambda: not self.is_running() or answers(self.address), _START_SECONDS, "PostgreSQL to start")
        if not self.is_running():
            raise ServerError(f"PostgreSQL did not start; its log ends with:\n{self._container.end()}")

    def stop(self, how: Stop) -> None:
        """Stop the server and return when it has stopped."""
        if self.is_running():
            self._container.stop(_SIGNALS[how])

    def kill(self) -> None:
        """End all processes with SIGKILL."""
        self._container.kill()

    def pause(self) -> None:
        """Freeze the container."""
        self._container.pause()

    def resume(self) -> None:
        """Let the container go on."""
        self._container.resume()

    def close(self) -> None:
        """Remove the container with its cluster."""
        self._container.close()
