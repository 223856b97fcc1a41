"""Turns at checking passwords: line by line, users before strangers, and none is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter

from services.api.problems import ProblemError
from services.api.security.hash_turns import WAITING, WAITING_IN_A_LINE, HashTurns, Line, line_of_address, line_of_user

HERE: Final = line_of_address("192.0.2.1")
THERE: Final = line_of_address("192.0.2.2")
ANN: Final = line_of_user("ann")
BEN: Final = line_of_user("ben")


class Desk:
    """Turns that are held until they are let go, in the order in which they were given."""

    def __init__(self) -> None:
        self._turns = HashTurns(Counter("refused", "Refused", registry=CollectorRegistry()))
        self._leave: list[asyncio.Event] = []
        self.given: list[str] = []
        self.refused: list[str] = []

    async def come(self, line: Line, *names: str) -> "list[asyncio.Task[None]]":
        tasks = [asyncio.create_task(self._visit(line, name)) for name in names]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return tasks

    async def let_go(self, number: int) -> None:
        for _ in range(number):
            self._leave.pop(0).set()
            for _step in range(5):
                await asyncio.sleep(0)

    async def _visit(self, line: Line, name: str) -> None:
        leave = asyncio.Event()
        try:
            async with self._turns.turn(line):
                self.given.append(name)
                self._leave.append(leave)
                await leave.wait()
        except ProblemError:
            self.refused.append(name)


def run(story: Callable[[Desk], Awaitable[None]]) -> None:
    async def told() -> None:
        await story(Desk())

    asyncio.run(told())


def test_lines_take_turns_and_those_of_users_come_first() -> None:
    async def story(desk: Desk) -> None:
        await desk.come(HERE, "a", "b", "c")
        await desk.come(THERE, "d", "e")
        await desk.come(line_of_user("ann"), "f", "g")
        assert desk.given == ["a", "d"]
        await desk.let_go(7)
        assert desk.given == ["a", "d", "f", "b", "g", "e", "c"]

    run(story)


def test_few_wait_in_a_line_and_the_rest_is_refused_at_once() -> None:
    async def story(desk: Desk) -> None:
        names = [str(number) for number in range(80)]
        await desk.come(HERE, *names)
        few = 1 + WAITING_IN_A_LINE
        assert desk.given == names[:1]
        assert desk.refused == names[few:]
        await desk.let_go(few)
        assert desk.given == names[:few]

    run(story)


def test_whoever_comes_from_elsewhere_takes_the_place_of_the_last_in_the_longest_line() -> None:
    async def story(desk: Desk) -> None:
        await desk.come(HERE, "first")
        await desk.come(BEN, "second")
        lines = WAITING // WAITING_IN_A_LINE
        for number in range(lines):
            names = (f"{number}.{place}" for place in range(WAITING_IN_A_LINE))
            await desk.come(line_of_address(f"198.51.100.{number}"), *names)
        await desk.come(THERE, "newcomer")
        assert desk.refused == ["0.3"]
        await desk.let_go(lines + 2)
        assert "newcomer" in desk.given

    run(story)


def test_with_one_of_each_address_waiting_one_more_is_refused_but_no_user() -> None:
    async def story(desk: Desk) -> None:
        await desk.come(HERE, "first")
        await desk.come(BEN, "second")
        for number in range(WAITING):
            await desk.come(line_of_address(f"198.51.100.{number}"), str(number))
        await desk.come(THERE, "newcomer")
        await desk.come(ANN, "ann")
        assert desk.refused == ["newcomer"]
        await desk.let_go(1)
        assert desk.given[-1] == "ann"

    run(story)


def test_whoever_leaves_while_waiting_takes_no_turn_away() -> None:
    async def story(desk: Desk) -> None:
        await desk.come(HERE, "a")
        await desk.come(ANN, "b")
        impatient = await desk.come(THERE, "c", "d")
        impatient[0].cancel()
        await asyncio.sleep(0)
        await desk.let_go(3)
        assert desk.given == ["a", "b", "d"]
        await desk.come(HERE, "e")
        await desk.come(ANN, "f")
        assert desk.given[-2:] == ["e", "f"]

    run(story)


def test_whoever_leaves_at_the_moment_of_being_called_hands_the_turn_on() -> None:
    async def story(desk: Desk) -> None:
        held = await desk.come(HERE, "a")
        await desk.come(ANN, "b")
        called = await desk.come(THERE, "c", "d")
        held[0].cancel()
        await asyncio.sleep(0)
        called[0].cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert desk.given == ["a", "b", "d"]

    run(story)
