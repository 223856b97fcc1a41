"""Tasks of which one at a time works, on a clock that only moves when the scheduler says so.

A task is a thread that runs until it sleeps; then the scheduler chooses whose turn is next. So the services' own
blocking loops can be used as they are, and a seed decides the order of everything.
"""

import threading
from collections.abc import Callable
from random import Random
from typing import Final

from tests.faults.simulator.trace import Trace

_STUCK_SECONDS: Final = 60.0
_LONGEST_STEP_SECONDS: Final = 0.04
_FROM_NOW_ON: Final = 0.0


class Killed(BaseException):
    """The process of this task is gone; nothing of it may go on."""


class Task:
    """One thread of a process."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        """Be ready to work."""
        self.name = name
        self.wake_at = _FROM_NOW_ON
        self.paused_until = _FROM_NOW_ON
        self.done = False
        self.ended_by: BaseException | None = None
        self.killed = False
        self.turn = threading.Semaphore(0)
        self._work = work

    def run(self) -> None:
        """Work to the end and remember what ended it."""
        try:
            if not self.killed:
                self._work()
        except Killed:
            pass
        except BaseException as end:
            self.ended_by = end
        self.done = True

    @property
    def next_at(self) -> float:
        """Return when the task may go on."""
        return max(self.wake_at, self.paused_until)


class Scheduler:
    """Gives turns to tasks; time passes between turns."""

    def __init__(self, random: Random, trace: Trace) -> None:
        """Begin at time 0 without tasks."""
        self.now = 0.0
        self._random = random
        self._trace = trace
        self._tasks: list[Task] = []
        self._current: Task | None = None
        self._back = threading.Semaphore(0)

    def clock(self) -> float:
        """Return the time in seconds since the simulation began."""
        return self.now

    def spawn(self, name: str, work: Callable[[], None]) -> Task:
        """Add a task that gets its first turn some time from now on."""
        task = Task(name, work)
        task.wake_at = self.now
        self._tasks.append(task)

        def run() -> None:
            task.turn.acquire()
            task.run()
            self._back.release()

        threading.Thread(target=run, name=name, daemon=True).start()
        return task

    def sleep(self, seconds: float) -> None:
        """Let others work for so many seconds at least, or until woken; the task that works calls this."""
        task = self._current
        if task is None:
            raise AssertionError("only a task can sleep")
        if task.killed:
            raise Killed
        task.wake_at = self.now + seconds
        self._back.release()
        task.turn.acquire()
        if task.killed:
            raise Killed

    def current(self) -> Task:
        """Return the task that works."""
        if self._current is None:
            raise AssertionError("no task works")
        return self._current

    def wake(self, task: Task) -> None:
        """End a task's sleep."""
        task.wake_at = min(task.wake_at, self.now)

    def kill(self, task: Task) -> None:
        """End a task where it sleeps; it does nothing more."""
        if not task.done:
            task.killed = True
            self._give_turn(task)

    def step(self) -> Task:
        """Give a turn to one of the tasks that can work, the clock moving on to when one can, and return it."""
        ready = [task for task in self._tasks if task.next_at <= self.now]
        if not ready:
            self.now = min(task.next_at for task in self._tasks)
            ready = [task for task in self._tasks if task.next_at <= self.now]
        task = self._random.choice(ready)
        self._trace.note(self.now, "turn", task.name)
        self._give_turn(task)
        self.now += self._random.random() * _LONGEST_STEP_SECONDS
        return task

    def _give_turn(self, task: Task) -> None:
        self._current = task
        task.turn.release()
        if not self._back.acquire(timeout=_STUCK_SECONDS):
            raise AssertionError(f"{task.name} did not give its turn back in {_STUCK_SECONDS:g} s")
        self._current = None
        if task.done:
            self._tasks.remove(task)
