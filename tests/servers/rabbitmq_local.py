"""A RabbitMQ broker that runs as processes of this machine, apart from any other that runs there."""

import secrets
import signal
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from tests.servers.errors import ServerError
from tests.servers.guardian import Guardian, plain_environment
from tests.servers.logs import LogFile
from tests.servers.ports import ATTEMPTS, free_ports
from tests.servers.process_tree import freeze, send
from tests.servers.programs import RabbitPrograms
from tests.servers.rabbitmq import COUNTING, PASSWORD, USER, RabbitAddress
from tests.servers.waiting import wait_until

_HOST: Final = "127.0.0.1"
_NODE: Final = "tests@localhost"
_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 30.0
_CALL_SECONDS: Final = 60.0
_READY: Final = "Server startup complete"


class _Ports(NamedTuple):
    amqp: int
    management: int
    distribution: int
    names: int


class LocalRabbitNode:
    """One Erlang node and its own name server (epmd), with all their files in a temporary folder."""

    def __init__(self, programs: RabbitPrograms) -> None:
        """Make the folder; nothing runs yet but the guardian."""
        self._programs = programs
        self._guardian = Guardian()
        self._folder = self._guardian.make_folder("rabbitmq")
        self._log = LogFile(self._folder / "rabbitmq.log")
        self._ports = _Ports(*free_ports(4))
        self._names: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self._serves_these_ports = False
        self._cookie = secrets.token_hex(16)
        cookie = self._folder / ".erlang.cookie"
        cookie.write_text(self._cookie, encoding="ascii")
        cookie.chmod(0o400)

    @property
    def address(self) -> RabbitAddress:
        """Return where it listens; the same after every start."""
        return RabbitAddress(_HOST, self._ports.amqp, self._ports.management)

    def is_running(self) -> bool:
        """Return whether the node runs, paused or not."""
        return self._node is not None and self._node.poll() is None

    def start(self) -> None:
        """Start the node and return when it serves; raises ServerError with the end of its log."""
        if self._node is not None:
            self._guardian.fetch(self._node)
            self._node = None
        # Another process can take a port between the search and the start; one that has served once stays.
        for _attempt in range(1 if self._serves_these_ports else ATTEMPTS):
            if self._boot():
                self._serves_these_ports = True
                return
            self._end_names()
            if not self._serves_these_ports:
                self._ports = _Ports(*free_ports(4))
        raise ServerError(f"RabbitMQ did not start; its log ends with:\n{self._log.end()}")

    def stop(self) -> None:
        """Stop the node as an operator would; raises ServerError if it does not stop."""
        if self._node is None:
            return
        send(self._node.pid, signal.SIGTERM)
        try:
            self._guardian.fetch(self._node, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise ServerError(f"RabbitMQ did not stop; its log ends with:\n{self._log.end()}") from None
        self._node = None

    def kill(self) -> None:
        """End the node with SIGKILL."""
        if self._node is not None:
            self._guardian.kill(self._node)
            self._node = None

    def pause(self) -> None:
        """Freeze the node."""
        assert self._node is not None, "only a broker that runs can be paused"
        freeze(self._node.pid)

    def resume(self) -> None:
        """Let the node go on."""
        if self._node is not None:
            for member in freeze(self._node.pid):
                send(member, signal.SIGCONT)

    def evaluate(self, expression: str) -> str:
        """Return what an Erlang expression comes to inside the broker; raises ServerError."""
        command = [str(self._programs.caller), "-c", self._cookie, "-n", _NODE, "-e"]
        answer = subprocess.run(
            command,
            env=self._environment(),
            cwd=self._folder,
            input=f"{expression}.\n",
            capture_output=True,
            text=True,
            timeout=_CALL_SECONDS,
            check=False,
        )
        if answer.returncode != 0 or not answer.stdout.startswith("{ok"):
            raise ServerError(f"RabbitMQ could not evaluate {expression}: {answer.stdout}{answer.stderr}")
        return answer.stdout

    def log_end(self) -> str:
        """Return the last lines of its log."""
        return self._log.end()

    def close(self) -> None:
        """End the node and its name server and delete all they have stored."""
        self._guardian.close()
        self._node = self._names = None

    def _boot(self) -> bool:
        self._write_settings()
        environment = self._environment()
        if self._names is None:
            # Erlang would start a name server that stays for ever, and share it with every other node.
            command = [str(self._programs.names), "-port", str(self._ports.names), "-address", _HOST]
            self._names = self._guardian.start(command, environment, self._folder, self._log.path)
        self._log.mark()
        node = self._guardian.start([str(self._programs.server)], environment, self._folder, self._log.path)
        ended_or_ready = lambda: node.poll() is not None or _READY in self._log.since_mark()  # noqa: E731
        try:
            wait_until(ended_or_ready, _START_SECONDS, "RabbitMQ to start")
        except TimeoutError:
            self._guardian.kill(node)
            return False
        if node.poll() is not None:
            self._guardian.fetch(node)
            return False
        self._node = node
        return True

    def _end_names(self) -> None:
        if self._names is not None:
            self._guardian.kill(self._names)
            self._names = None

    def _write_settings(self) -> None:
        settings = f"""
            listeners.tcp.1 = {_HOST}:{self._ports.amqp}
            management.tcp.ip = {_HOST}
            management.tcp.port = {self._ports.management}
            default_user = {USER}
            default_pass = {PASSWORD}
            loopback_users = none
            log.console = true
            log.console.level = info
            log.file = false
            vm_memory_high_watermark.absolute = 1GB
            disk_free_limit.absolute = 50MB
        """
        lines = [line.strip() for line in settings.strip().splitlines()]
        self._settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._plugins.write_text("[rabbitmq_management].\n", encoding="utf-8")
        (self._folder / "conf.d").mkdir(exist_ok=True)

    @property
    def _settings(self) -> Path:
        return self._folder / "rabbitmq.conf"

    @property
    def _plugins(self) -> Path:
        return self._folder / "enabled_plugins"

    def _environment(self) -> dict[str, str]:
        folder = self._folder
        return plain_environment(
            HOME=str(folder),
            ERL_EPMD_PORT=str(self._ports.names),
            ERL_EPMD_ADDRESS=_HOST,
            RABBITMQ_NODENAME=_NODE,
            RABBITMQ_NODE_IP_ADDRESS=_HOST,
            RABBITMQ_NODE_PORT=str(self._ports.amqp),
            RABBITMQ_DIST_PORT=str(self._ports.distribution),
            RABBITMQ_MNESIA_BASE=str(folder / "mnesia"),
            RABBITMQ_LOG_BASE=str(folder / "log"),
            RABBITMQ_PID_FILE=str(folder / "rabbitmq.pid"),
            RABBITMQ_CONFIG_FILE=str(self._settings),
            RABBITMQ_CONFIG_FILES=str(folder / "conf.d"),
            RABBITMQ_ADVANCED_CONFIG_FILE=str(folder / "advanced.config"),
            RABBITMQ_GENERATED_CONFIG_DIR=str(folder / "generated"),
            RABBITMQ_SCHEMA_DIR=str(folder / "schema"),
            RABBITMQ_CONF_ENV_FILE="/dev/null",
            RABBITMQ_ENABLED_PLUGINS_FILE=str(self._plugins),
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=f"-kernel inet_dist_use_interface {{127,0,0,1}} {COUNTING}",
            # The script becomes the Erlang machine instead of waiting for it, so that signals reach the broker.
            detached="1",
        )
