"""A container that tests start, freeze and kill, through testcontainers."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Final

from docker import DockerClient  # type: ignore[import-untyped]
from docker.errors import APIError, DockerException, ImageNotFound  # type: ignore[import-untyped]
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from tests.servers.errors import ServerError, UnavailableError
from tests.servers.guardian import Guardian
from tests.servers.ports import ATTEMPTS, free_ports

_STOP_SECONDS: Final = 60
_LINES_SHOWN: Final = 30


class Container:
    """One container whose ports on the host stay the same over all its starts."""

    def __init__(
        self, image: str, ports: Sequence[int], variables: Mapping[str, str], command: Sequence[str] | None = None
    ) -> None:
        """Make sure that the engine answers and has the image; raises UnavailableError."""
        _require_image(image)
        # The guardian removes the containers, without an image of its own as testcontainers' reaper needs it.
        testcontainers_config.ryuk_disabled = True
        self._guardian = Guardian()
        self._image = image
        self._ports = tuple(ports)
        self._variables = dict(variables)
        self._command = None if command is None else list(command)
        self._container: DockerContainer | None = None

    @property
    def host(self) -> str:
        """Return where the ports of the container can be reached."""
        return self._started.get_container_host_ip()

    def port(self, inner: int) -> int:
        """Return the port on the host that leads to a port of the container."""
        return self._started.get_exposed_port(inner)

    def is_running(self) -> bool:
        """Return whether it runs, paused or not."""
        if self._container is None:
            return False
        self._container.reload()
        return self._container.status in {"running", "paused"}

    def start(self) -> None:
        """Make it, or start the one that was stopped, its data kept; raises ServerError."""
        if self._container is not None:
            self._container.get_wrapped_container().start()
            return
        # Another process can take a port between the search and the start.
        fault: APIError | None = None
        for _attempt in range(ATTEMPTS):
            made = self._configured()
            try:
                made.start()
            except APIError as found:
                fault = found
                made.stop()
                continue
            self._container = made
            self._guardian.add_container(made.get_container_id())
            return
        raise ServerError(f"no container of {self._image} could be started: {fault}")

    def stop(self, signal: str) -> None:
        """Ask its main process to end and wait until it has; raises ServerError."""
        container = self._started.get_wrapped_container()
        container.kill(signal)
        try:
            container.wait(timeout=_STOP_SECONDS)
        except OSError:
            raise ServerError(
                f"the container of {self._image} did not stop; its log ends with:\n{self.end()}"
            ) from None

    def kill(self) -> None:
        """End all its processes with SIGKILL."""
        if self.is_running():
            self.stop("SIGKILL")

    def pause(self) -> None:
        """Freeze all its processes."""
        self._started.get_wrapped_container().pause()

    def resume(self) -> None:
        """Let its processes go on."""
        self._started.get_wrapped_container().unpause()

    def run(self, command: Sequence[str]) -> str:
        """Return what a command prints inside; raises ServerError when it fails."""
        answer = self._started.exec(list(command))
        printed = answer.output.decode(errors="replace")
        if answer.exit_code != 0:
            raise ServerError(f"{' '.join(command)} failed: {printed.strip()}")
        return printed

    def log(self) -> str:
        """Return all that its main process has written, over all its starts."""
        if self._container is None:
            return ""
        return b"".join(self._container.get_logs()).decode(errors="replace")

    def end(self) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log().splitlines()[-_LINES_SHOWN:])

    def close(self) -> None:
        """Remove it with all its data."""
        if self._container is not None:
            self._container.stop()
            self._container = None
        self._guardian.close()

    @property
    def _started(self) -> DockerContainer:
        assert self._container is not None, f"the container of {self._image} has not been started yet"
        return self._container

    def _configured(self) -> DockerContainer:
        container = DockerContainer(self._image).with_envs(**self._variables)
        if self._command is not None:
            container.with_command(self._command)
        for inner, outer in zip(self._ports, free_ports(len(self._ports)), strict=True):
            container.with_bind_ports(inner, outer)
        return container


def _require_image(image: str) -> None:
    try:
        with closing(DockerClient.from_env()) as client:
            _pull_if_missing(client, image)
    except DockerException as fault:
        raise UnavailableError(f"the Docker engine does not answer as it should: {fault}") from None


def _pull_if_missing(client: DockerClient, image: str) -> None:
    try:
        client.images.get(image)
    except ImageNotFound:
        try:
            client.images.pull(image)
        except DockerException:
            raise UnavailableError(f"the Docker engine has no image {image} and cannot pull it") from None
