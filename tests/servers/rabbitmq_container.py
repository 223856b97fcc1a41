"""A RabbitMQ broker that runs in a container."""

from typing import Final

from tests.servers.container import Container
from tests.servers.errors import ServerError
from tests.servers.rabbitmq import COUNTING, PASSWORD, USER, RabbitAddress
from tests.servers.waiting import wait_until

_IMAGE: Final = "rabbitmq:4-management"
_AMQP: Final = 5672
_MANAGEMENT: Final = 15672
_START_SECONDS: Final = 120.0
_READY: Final = "Server startup complete"


class RabbitContainer:
    """One broker in a container of the official image."""

    def __init__(self) -> None:
        """Make sure that a container can run; raises UnavailableError."""
        variables = {
            "RABBITMQ_DEFAULT_USER": USER,
            "RABBITMQ_DEFAULT_PASS": PASSWORD,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": COUNTING,
        }
        self._container = Container(_IMAGE, (_AMQP, _MANAGEMENT), variables)

    @property
    def address(self) -> RabbitAddress:
        """Return where it listens; the same after every start."""
        container = self._container
        return RabbitAddress(container.host, container.port(_AMQP), container.port(_MANAGEMENT))

    def is_running(self) -> bool:
        """Return whether the container runs, paused or not."""
        return self._container.is_running()

    def start(self) -> None:
        """Start the container and return when the broker serves; raises ServerError with the end of its log."""
        before = self._container.log().count(_READY)
        self._container.start()
        ended_or_ready = lambda: self._container.log().count(_READY) > before or not self.is_running()  # noqa: E731
        wait_until(ended_or_ready, _START_SECONDS, "RabbitMQ to start")
        if not self.is_running():
            raise ServerError(f"RabbitMQ did not start; its log ends with:\n{self._container.end()}")

    def stop(self) -> None:
        """Stop the broker as an operator would."""
        if self.is_running():
            self._container.stop("SIGTERM")

    def kill(self) -> None:
        """End the broker with SIGKILL."""
        self._container.kill()

    def pause(self) -> None:
        """Freeze the container."""
        self._container.pause()

    def resume(self) -> None:
        """Let the container go on."""
        self._container.resume()

    def evaluate(self, expression: str) -> str:
        """Return what an Erlang expression comes to inside the broker; raises ServerError."""
        return self._container.run(["rabbitmqctl", "--quiet", "eval", f"{expression}."])

    def log_end(self) -> str:
        """Return the last lines of its log."""
        return self._container.end()

    def close(self) -> None:
        """Remove the container with all it has stored."""
        self._container.close()
