"""Start processes that cannot outlive the test run, even when it is killed."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.repository import ROOT
from tests.servers.process_tree import freeze, is_alive, send
from tests.servers.waiting import wait_until


class Guardian:
    """A process of its own that ends processes, containers and folders when it is closed or the test run is gone."""

    def __init__(self) -> None:
        """Start the process; it sees the end of the run because its input ends."""
        self._wards: dict[int, subprocess.Popen[bytes]] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.guardian_process"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def make_folder(self, name: str) -> Path:
        """Return a new temporary folder, deleted at the end, that other users may pass through but not list."""
        folder = Path(tempfile.mkdtemp(prefix=f"scalpbot-{name}-"))
        self._tell(folder=str(folder))
        folder.chmod(0o711)
        return folder

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        user: str | None = None,
        farewell: signal.Signals = signal.SIGKILL,
    ) -> "subprocess.Popen[bytes]":
        """Start a program in a session of its own, its output added to a log, as another user if one is named.

        The farewell is what the guardian sends first; whatever lives on for 4 s is killed with all below it.
        """
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=_group_of(user),
                extra_groups=None if user is None else (),
            )
        self._wards[process.pid] = process
        self._tell(watch=process.pid, farewell=farewell)
        return process

    def add_container(self, identity: str) -> None:
        """Take care of a container: it is removed with its volumes at the end."""
        self._tell(container=identity)

    def add_mount(self, folder: Path) -> None:
        """Take care of a file system: it is unmounted at the end."""
        self._tell(mount=str(folder))

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        """Kill a program and everything below it at once, as a power cut would."""
        family = freeze(process.pid)
        for member in reversed(family):
            send(member, signal.SIGKILL)
        self.fetch(process)
        wait_until(lambda: not any(map(is_alive, family)), 10, "killed processes to be gone")

    def fetch(self, process: "subprocess.Popen[bytes]", seconds: float = 10.0) -> None:
        """Wait for a program that is ending and forget it; raises subprocess.TimeoutExpired if it goes on."""
        process.wait(seconds)
        if self._wards.pop(process.pid, None) is not None:
            self._tell(forget=process.pid)

    def close(self) -> None:
        """End everything that is left, delete the folders, and return when all is done."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        # The guardian waits until its wards are dead, and only their parent, this process, can bury them.
        self._process.wait()
        for process in self._wards.values():
            process.wait()
        self._wards.clear()

    def _tell(self, **message: str | int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()


def _group_of(user: str | None) -> int | None:
    if user is None:
        return None
    import pwd  # noqa: PLC0415 - there is none outside Unix, where the servers run in containers

    return pwd.getpwnam(user).pw_gid


def plain_environment(**variables: str) -> dict[str, str]:
    """Return an environment with the search path and a few variables, nothing of the test run's own."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", **variables}
