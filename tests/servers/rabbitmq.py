"""A private RabbitMQ broker with what tests ask of it, whatever it runs on."""

import time
from contextlib import closing
from enum import Enum
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import quote
from uuid import uuid4

import pika

from tests.servers.management import Management
from tests.servers.waiting import wait_until

USER: Final = "tests"
PASSWORD: Final = "tests"  # noqa: S105 - a broker that only this machine reaches, for as long as the tests run
# How often messages are counted for the management API: every second instead of every 5 s, which tests would wait for.
COUNTING: Final = (
    "-rabbit collect_statistics_interval 250 -rabbit quorum_tick_interval 250"
    " -rabbitmq_management_agent sample_retention_policies"
    " [{global,[{60,1}]},{basic,[{60,1}]},{detailed,[{10,1}]}]"
)
_ALARM_SECONDS: Final = 15.0
# How long after it may have got a leader a queue is deleted at the earliest. RabbitMQ 3.10 starts a process that
# dead-letters for each new leader; where the queue is gone before it is ready, it crashes until the supervisor of all
# such processes gives up, and no queue that dead-letters can be declared any more, in any vhost.
_CALM_SECONDS: Final = 5.0


class RabbitAddress(NamedTuple):
    """Where a broker listens: its host and the ports for AMQP and for management."""

    host: str
    amqp_port: int
    management_port: int


class RabbitNode(Protocol):
    """What a broker runs on: processes of this machine or a container."""

    @property
    def address(self) -> RabbitAddress:
        """Return where it listens; the same after every start."""

    def is_running(self) -> bool:
        """Return whether it runs, paused or not."""

    def start(self) -> None:
        """Start it and return when it serves; raises ServerError."""

    def stop(self) -> None:
        """Stop it as an operator would, and return when it has stopped."""

    def kill(self) -> None:
        """End it without warning."""

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""

    def resume(self) -> None:
        """Let it go on."""

    def evaluate(self, expression: str) -> str:
        """Return what an Erlang expression comes to inside the broker; raises ServerError."""

    def log_end(self) -> str:
        """Return the last lines of its log."""

    def close(self) -> None:
        """End it and delete all it has stored."""


class Alarm(Enum):
    """What a broker can run short of; either blocks every connection that publishes."""

    DISK = "disk"
    MEMORY = "memory"


class Depth(NamedTuple):
    """How many messages a queue holds: ready for a consumer, and delivered without an acknowledgement."""

    ready: int
    unacknowledged: int


class RabbitServer:
    """One broker for tests; data and ports outlive everything but `close`."""

    def __init__(self, node: RabbitNode) -> None:
        """Take a node that may or may not run already."""
        self._node = node
        self._paused = False
        self._alarmed = False
        self._serves = True
        self._started = time.monotonic()
        self._retired: list[tuple[str, float]] = []

    def __enter__(self) -> "RabbitServer":
        """Start the broker unless it runs already."""
        self.make_usable()
        return self

    def __exit__(self, *_fault: object) -> None:
        """Throw the broker away."""
        self.close()

    @property
    def management(self) -> Management:
        """Return the management API with base_url, user and password."""
        address = self._node.address
        return Management(address.host, address.management_port, USER, PASSWORD)

    def url(self, vhost: str) -> str:
        """Return the AMQP URL of a vhost for the user that may do everything."""
        address = self._node.address
        return f"amqp://{USER}:{PASSWORD}@{address.host}:{address.amqp_port}/{quote(vhost, safe='')}"

    def start(self) -> None:
        """Start the broker unless it runs already, and return when it serves; raises ServerError."""
        if not self._node.is_running():
            self._node.start()
        elif not self._serves:
            self._node.evaluate("rabbit:start()")
        else:
            return
        self._serves = True
        self._started = time.monotonic()

    def stop(self) -> None:
        """Stop the broker as an operator would; what is durable is kept."""
        self.resume()
        self._node.stop()

    def stop_serving(self) -> None:
        """Stop the broker and leave its node running: to clients it is the same, and starting takes far less work."""
        self._node.evaluate("rabbit:stop()")
        self._serves = False

    def kill(self) -> None:
        """Kill the broker with SIGKILL, also while it is paused."""
        self._node.kill()
        self._paused = False

    def restart_gracefully(self) -> None:
        """Stop serving and start again, the node left running."""
        self.stop_serving()
        self.start()

    def pause(self) -> None:
        """Freeze the broker with SIGSTOP: connections stay open and nothing answers."""
        self._node.pause()
        self._paused = True

    def resume(self) -> None:
        """Let a frozen broker go on."""
        if self._paused:
            self._node.resume()
            self._started = time.monotonic()
            self._paused = False

    def make_usable(self) -> None:
        """Mend what an earlier test may have left behind: a broker that is paused, stopped or short of something."""
        self.resume()
        self.start()
        if self._alarmed:
            self.clear_alarms()

    def close(self) -> None:
        """End the broker, whatever its state, and delete all it has stored."""
        self._node.close()

    def log_end(self) -> str:
        """Return the last lines of the broker's log."""
        return self._node.log_end()

    def new_vhost(self) -> str:
        """Make a vhost that is nobody else's, and return its name."""
        self._delete_retired()
        name = f"test-{uuid4().hex[:12]}"
        self.management.call("PUT", f"/vhosts/{name}")
        return name

    def retire_vhost(self, name: str) -> None:
        """Take a vhost that nobody needs any more; it is deleted with its queues when that is safe."""
        self._retired.append((name, time.monotonic()))

    def ready(self, vhost: str, queue: str) -> int:
        """Return at once how many messages wait in a queue for a consumer; raises ChannelClosedByBroker."""
        with closing(pika.BlockingConnection(pika.URLParameters(self.url(vhost)))) as connection:
            method = connection.channel().queue_declare(queue, passive=True).method
            return int(method.message_count)

    def depth(self, vhost: str, queue: str) -> Depth:
        """Return how many messages a queue held a moment ago: the broker counts them every second."""
        found = self._queue(vhost, queue)
        return Depth(found.get("messages_ready", 0), found.get("messages_unacknowledged", 0))

    def wait_for_depth(self, vhost: str, queue: str, expected: Depth, seconds: float = 15.0) -> None:
        """Return when a queue holds just so many messages; raises TimeoutError."""
        what = f"queue {queue} to hold {expected.ready} ready and {expected.unacknowledged} unacknowledged messages"
        wait_until(lambda: self.depth(vhost, queue) == expected, seconds, what)

    def raise_alarm(self, alarm: Alarm = Alarm.DISK) -> None:
        """Let the broker believe that disk or memory run short, and return when it blocks those who publish."""
        self._alarmed = True
        match alarm:
            case Alarm.DISK:
                self._node.evaluate('rabbit_disk_monitor:set_disk_free_limit("1000000GB")')
            case Alarm.MEMORY:
                self._node.evaluate('vm_memory_monitor:set_vm_memory_high_watermark({absolute, "1MB"})')
        wait_until(self.has_alarm, _ALARM_SECONDS, f"the {alarm.value} alarm to be raised")

    def clear_alarms(self) -> None:
        """Take the shortages back, and return when the broker accepts messages again."""
        self._node.evaluate('rabbit_disk_monitor:set_disk_free_limit("50MB")')
        self._node.evaluate('vm_memory_monitor:set_vm_memory_high_watermark({absolute, "1GB"})')
        wait_until(lambda: not self.has_alarm(), _ALARM_SECONDS, "the alarms to be cleared")
        self._alarmed = False

    def has_alarm(self) -> bool:
        """Return whether the broker blocks those who publish."""
        return self.management.status("GET", "/health/checks/alarms") != 200

    def _delete_retired(self) -> None:
        now = time.monotonic()
        due = [name for name, since in self._retired if now - max(since, self._started) >= _CALM_SECONDS]
        for name in due:
            self.management.call("DELETE", f"/vhosts/{quote(name, safe='')}")
        self._retired = [(name, since) for name, since in self._retired if name not in due]

    def _queue(self, vhost: str, queue: str) -> dict[str, Any]:
        found: dict[str, Any] = self.management.call("GET", f"/queues/{quote(vhost, safe='')}/{quote(queue, safe='')}")
        return found
