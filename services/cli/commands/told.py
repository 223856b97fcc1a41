"""Commands in sentences: what one will do, and what came of it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.contracts.commands import EVERY_PAIR, CommandStatus, CommandType

NOTHING_OPEN: Final = "nothing_open"
_EXITS: Final = "open positions keep their stop loss and take profit"
_WILL: Final = {
    CommandType.PAUSE_PAIR: f"No new entries in {{pair}} until it is resumed; {_EXITS}.",
    CommandType.PAUSE_ALL: f"No new entries in any pair until they are resumed; {_EXITS}.",
    CommandType.RESUME_PAIR: "Entries in {pair} go on, unless all pairs are paused or the kill switch is on.",
    CommandType.RESUME_ALL: "Every pause ends, those of single pairs too; the kill switch, if it is on, stays on.",
    CommandType.CLOSE_PAIR: "The open position in {pair} is closed at the current price; the next signal may enter "
    "again: pause first to stay out.",
    CommandType.CLOSE_ALL: "Every open position is closed at the current price; the next signal may enter again: pause "
    "first to stay out.",
    CommandType.KILL_SWITCH_ON: "Every open position is closed at the current price, and nothing is entered in any "
    "pair until the kill switch is released.",
    CommandType.KILL_SWITCH_OFF: "The kill switch is released; entries go on in every pair that is not paused.",
    CommandType.RELOAD_PARAMS: "Saved parameters are in force from the next candle on.",
}


def will_words(kind: CommandType, pair: str | None) -> str:
    """Tell what a command will do."""
    return _WILL[kind].format(pair=pair)


def nothing_left_to_do(row: Mapping[str, Any]) -> bool:
    """Tell whether a command was skipped because what it asks for is so already: nothing was open to be closed."""
    return row["status"] == CommandStatus.SKIPPED and _result(row).get("reason") == NOTHING_OPEN


def outcome_words(row: Mapping[str, Any]) -> str:
    """Tell what came of a command that has ended, in sentences."""
    result = _result(row)
    head = f"Command {row['id']} {row['type']}"
    if row["status"] != CommandStatus.SUCCEEDED:
        return f"{head} {row['status']}: {_why(result)}."
    told = [f"{head} {'done' if result.get('changed', True) else 'done; nothing had to change'}."]
    if "closed" in result:
        told.append(_closed_words(result["closed"], result.get("pnl")))
    if isinstance(result.get("live"), str):
        told.append(f"Nothing was closed at the broker: {result['live']}.")
    elif "live" in result:
        told.append(f"Closed at the broker: {len(result['live'].get('closed', ()))}.")
    if "version" in result:
        told.append(f"Parameters of version {result['version']} are in force.")
    if "holds" in result:
        told.append(_hold_words(result["holds"]))
    return " ".join(told)


def _result(row: Mapping[str, Any]) -> Mapping[str, Any]:
    result = row["result"]
    return result if isinstance(result, Mapping) else {}


def _why(result: Mapping[str, Any]) -> str:
    reason, detail = result.get("reason"), result.get("detail")
    return ": ".join(str(part).rstrip(".") for part in (reason, detail) if part) or "no reason was given"


def _closed_words(closed: Iterable[Any], pnl: object) -> str:
    count = len(list(closed))
    if not count:
        return "Nothing was open."
    return f"Closed {count} {'position' if count == 1 else 'positions'}, P/L {pnl}."


def _hold_words(holds: Iterable[Mapping[str, str]]) -> str:
    found = [
        f"{'all pairs' if hold['scope'] == EVERY_PAIR else hold['scope']} ({hold['kind']} by {hold['actor']})"
        for hold in holds
    ]
    return f"Entries are held in {', '.join(found)}." if found else "No entries are held."
