"""The processes below a process, as Linux tells them."""

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

_PROCESSES: Final = Path("/proc")
_ENDED: Final = "ZX"


def descendants(ancestor: int) -> tuple[int, ...]:
    """Return the ids of all living processes below one, parents before children."""
    children: dict[int, list[int]] = {}
    for entry in _PROCESSES.iterdir():
        if entry.name.isdigit() and (state := _state_and_parent(int(entry.name))) and state[0] not in _ENDED:
            children.setdefault(state[1], []).append(int(entry.name))
    found: list[int] = []
    waiting = [ancestor]
    while waiting:
        below = children.get(waiting.pop(0), [])
        found += below
        waiting += below
    return tuple(found)


def is_alive(process: int) -> bool:
    """Return whether a process exists and is more than an exit code that nobody has fetched."""
    state = _state_and_parent(process)
    return state is not None and state[0] not in _ENDED


def freeze(ancestor: int) -> tuple[int, ...]:
    """Stop a process and all below it, and return their ids; none can start another unseen."""
    frozen: list[int] = []
    while fresh := [process for process in (ancestor, *descendants(ancestor)) if process not in frozen]:
        for process in fresh:
            send(process, signal.SIGSTOP)
        frozen += fresh
    return tuple(frozen)


def send(process: int, number: signal.Signals) -> None:
    """Send a signal to a process; one that has ended already is no fault."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _state_and_parent(process: int) -> tuple[str, int] | None:
    try:
        line = (_PROCESSES / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name before it, in brackets, may hold blanks and brackets.
    state, parent = line.rpartition(")")[2].split()[:2]
    return state, int(parent)
