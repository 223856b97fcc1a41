"""The pictures of what happens in time: the life of a candle, of an order, of a command."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.tools.pictures.svg import arrow, box, folded, line, picture, words

_COLUMN: Final = 160
_MARGIN: Final = 20
_STEP: Final = 16
_HEAD: Final = 46


class Step(NamedTuple):
    """Something that one does alone, or hands to another."""

    who: str
    to: str
    what: str


class Life(NamedTuple):
    """A title, who takes part, and what happens in order."""

    title: str
    summary: str
    taking_part: Sequence[str]
    steps: Sequence[Step]


CANDLE: Final = Life(
    "The life of a candle",
    "From a file or a feed through ingest, strategy and executor into the ledger",
    ("source", "ingest", "store", "strategy", "executor", "people"),
    (
        Step("source", "ingest", "a closed candle: file, feed or made-up market"),
        Step("ingest", "ingest", "checked; put in order by decision time, then pair"),
        Step("ingest", "store", "candles: seq 1, 2, 3 ... without gaps"),
        Step("ingest", "strategy", "candle.closed, after the commit"),
        Step("strategy", "strategy", "calendar facts; gates 1, 2, 3, 6; the signal of 7"),
        Step("strategy", "store", "assessment, snapshot and cursor in one commit"),
        Step("strategy", "executor", "candle.assessed, which carries the candle"),
        Step("executor", "executor", "exits, equity, halt; gates 4, 5; decision, order, fill"),
        Step("executor", "store", "verdicts, trades, events, audit, snapshot, cursor in one commit"),
        Step("executor", "people", "trade.opened, trade.closed, account.halted ..."),
        Step("store", "people", "why PAIR TIME: the seven gates of any candle"),
    ),
)
ORDER: Final = Life(
    "The life of an order",
    "From seven passed gates to a trade that can never be changed",
    ("gates", "risk", "books", "venue", "store"),
    (
        Step("gates", "risk", "all seven passed, no hold: the signal's side"),
        Step("risk", "risk", "entry at ask or bid, slippage against us; stop loss and take profit around it"),
        Step("risk", "gates", "refused: stop inside the spread, no rate, too small"),
        Step("risk", "books", "an order: units within risk and leverage, with both stops"),
        Step("books", "store", "trade OPEN; its id follows from its candle"),
        Step("books", "venue", "from the pair's next candle on: watched"),
        Step("venue", "venue", "gap at the open first, then stop loss, then take profit"),
        Step("venue", "books", "exit price and reason; profit rounded once to 0.0001"),
        Step("books", "store", "trade CLOSED: triggers refuse any change"),
    ),
)
COMMAND: Final = Life(
    "The life of a command",
    "From a person's wish through the store to one transaction of the executor",
    ("people", "api", "store", "executor", "broker"),
    (
        Step("people", "api", "POST /commands, or scalpbot commands send"),
        Step("api", "api", "who may; is it a repetition of its key"),
        Step("api", "store", "a row PENDING and its audit record; answered 202"),
        Step("executor", "store", "looks twice a second, between two candles"),
        Step("executor", "executor", "claims it: RUNNING; checked; carried out on the state of the cursor"),
        Step("executor", "store", "holds, closed trades, result, status and audit in one commit"),
        Step("executor", "broker", "mode LIVE only, where allowed: close, and ask what came of it"),
        Step("broker", "executor", "the answer: ended in a second commit"),
        Step("store", "people", "SUCCEEDED, FAILED or SKIPPED, with the reason"),
    ),
)


def drawn(life: Life) -> str:
    """Return the picture of a life."""
    middle = {name: _MARGIN + _COLUMN * (index + 0.5) for index, name in enumerate(life.taking_part)}
    width = 2 * _MARGIN + _COLUMN * len(life.taking_part)
    parts: list[str] = []
    top = float(_HEAD + 22)
    for step in life.steps:
        shown, height = _step(step, middle, top, width)
        parts += shown
        top += height
    heads = []
    for name, x in middle.items():
        heads += [line("life", x, _HEAD, x, top), box("service", x - 62, 14, 124, 32), words("name", x, 35, name)]
    return picture(life.title, life.summary, width, int(top + 16), heads + parts)


def _step(step: Step, middle: dict[str, float], top: float, width: float) -> tuple[list[str], float]:
    begin, end = middle[step.who], middle[step.to]
    if step.who == step.to:
        lines = folded(step.what, 138)
        height = 12 + _STEP * len(lines)
        shown = [box("plain", begin - 75, top - 14, 150, height)]
        shown += [words("text", begin, top + 1 + _STEP * number, text) for number, text in enumerate(lines)]
        return shown, height + 14
    lines = folded(step.what, max(abs(end - begin), 230) - 14)
    centre = min(max((begin + end) / 2, 130), width - 130)
    shown = [words("text over", centre, top + _STEP * number, text) for number, text in enumerate(lines)]
    level = top + _STEP * len(lines) - 8
    inward = 4 if end > begin else -4
    return [*shown, arrow(begin + inward, level, end - inward, level)], _STEP * len(lines) + 20
