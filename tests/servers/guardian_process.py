"""The process that ends what a test run has started as soon as the run is over, however it came to its end.

It reads one JSON message a line from the run: {"watch": PID, "farewell": SIGNAL}, {"forget": PID},
{"folder": PATH}, {"mount": PATH}, {"container": ID}.
The end of the input is the end of the run, or of the server that it was started for.
"""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from typing import Final

from tests.servers.process_tree import descendants, freeze, is_alive, send

_GRACE_SECONDS: Final = 4.0
_KILL_SECONDS: Final = 4.0


def main() -> None:
    """Follow the messages until they end, then end processes, remove containers, unmount and delete folders."""
    # Whoever stops the test run with its whole process group must not stop this one.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    wards: dict[int, signal.Signals] = {}
    folders: list[str] = []
    mounts: list[str] = []
    containers: list[str] = []
    for line in sys.stdin:
        match json.loads(line):
            case {"watch": int(process), "farewell": int(farewell)}:
                wards[process] = signal.Signals(farewell)
            case {"forget": int(process)}:
                del wards[process]
            case {"folder": str(path)}:
                folders.append(path)
            case {"mount": str(path)}:
                mounts.append(path)
            case {"container": str(name)}:
                containers.append(name)
    # What was started last leans on what was started before it.
    for ward, last_signal in reversed(wards.items()):
        _end(ward, last_signal)
    for name in containers:
        _remove(name)
    for path in mounts:
        # Lazily: whoever still has a file open there must not keep the folder from being deleted.
        subprocess.run(["umount", "--lazy", path], check=False)
    for path in folders:
        shutil.rmtree(path, ignore_errors=True)


def _end(process: int, farewell: signal.Signals) -> None:
    family = (process, *descendants(process))
    if farewell is not signal.SIGKILL:
        send(process, farewell)
        for member in family:
            send(member, signal.SIGCONT)
        _await_end((process,), _GRACE_SECONDS)
    family = tuple({*family, *freeze(process)}) if is_alive(process) else family
    for member in family:
        if is_alive(member):
            send(member, signal.SIGKILL)
    _await_end(family, _KILL_SECONDS)


def _await_end(family: tuple[int, ...], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(map(is_alive, family)) and time.monotonic() < deadline:
        time.sleep(0.01)


def _remove(container: str) -> None:
    # Only runs that use containers have the client at hand.
    import docker  # type: ignore[import-untyped] # noqa: PLC0415

    with contextlib.suppress(docker.errors.DockerException), contextlib.closing(docker.from_env()) as client:
        client.containers.get(container).remove(force=True, v=True)


if __name__ == "__main__":
    main()
