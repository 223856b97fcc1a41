"""`scalpbot why`: what the database holds of one candle."""

from typing import cast

from services.cli.database import reading
from services.cli.documents.market import Event, ExplainedVerdict, TradeOfCandle, Verdict, Why
from services.cli.options import AtDatabase
from services.cli.telling import event_document
from services.cli.terminal.output import say, say_json
from services.cli.terminal.tables import BAD, GOOD, AnyCell, Column, say_table, word_cell
from services.cli.words import EXIT_WORDS, REASON_WORDS, event_words
from services.inspection.checkpoint import pruned_until
from shared.contracts.errors import InputError
from shared.contracts.granularity import granularity_name
from shared.contracts.pairs import parse_pair
from shared.contracts.shown import shown_entry, shown_exit
from shared.contracts.times import format_time, parse_moment
from shared.core.types import REASON_NAMES, SIDE_NAMES
from shared.store.port import Reader
from shared.store.rows.ledger import TradeRow
from shared.store.rows.market import GateSnapshotRow


def why(where: AtDatabase, pair: str, *, time: str, as_json: bool) -> None:
    """Print the verdicts on a candle and what became of it; raise InputError where no such candle was judged."""
    name, moment = parse_pair(pair), parse_moment(time)
    with reading(where) as reader:
        for row in _judged(reader, name, moment, time):
            answer = _answer(reader, row)
            if as_json:
                say_json(answer)
            else:
                _say_answer(answer)


def _judged(reader: Reader, pair: str, moment: int, text: str) -> list[GateSnapshotRow]:
    rows = reader.gate_snapshots_at(pair, moment)
    if rows:
        return rows
    _require_kept(reader, pair, moment, text)
    length = reader.granularities().get(pair)
    # A candle can be named by its opening or by its close, which is when it is decided upon.
    if length is not None and any(reader.candles_between(pair, length, at, at + 1) for at in (moment, moment - length)):
        raise InputError(
            f"the {pair} candle for {text} is stored and was not judged yet; ask again when it was, or see "
            "`scalpbot status`"
        )
    newest = reader.gate_snapshots(1, pair)
    known = f"its newest is from {format_time(newest[0].candle_time)}" if newest else "it holds none for this pair"
    raise InputError(f"this database holds no judged {pair} candle for {text}; {known}")


def _require_kept(reader: Reader, pair: str, moment: int, text: str) -> None:
    pruned = pruned_until(reader)
    if pruned is not None and moment <= pruned:
        raise InputError(
            f"this database holds no judged {pair} candle for {text} any more: what is older than "
            f"{format_time(pruned)} was pruned; see a backup of before"
        )


def _answer(reader: Reader, row: GateSnapshotRow) -> Why:
    reason = REASON_NAMES[row.reason]
    verdicts = cast("list[Verdict]", row.verdicts.in_words())
    gates: list[ExplainedVerdict] = [
        {"number": number, **verdict, "words": REASON_WORDS[verdict["reason"]]}
        for number, verdict in enumerate(verdicts, start=1)
    ]
    trade = reader.trade_of_signal(row.pair, row.candle_time)
    return {
        "ok": True,
        "pair": row.pair,
        "granularity": granularity_name(row.granularity_seconds),
        "candle_time": format_time(row.candle_time),
        "decision_time": format_time(row.time),
        "strategy": row.strategy,
        "gates": gates,
        "indicators": dict(row.indicators),
        "final_signal": SIDE_NAMES[row.final_signal],
        "reason": reason,
        "outcome": _outcome(reason, gates, trade),
        "events": _events(reader, row),
        "trade": None if trade is None else _trade(trade),
        "params_hash": row.params_hash,
        "params_version": row.params_version,
    }


def _outcome(reason: str, gates: list[ExplainedVerdict], trade: TradeRow | None) -> str:
    if trade is not None:
        shown = _trade(trade)
        return (
            f"Traded: {shown['side']} {shown['units']} at {shown['entry_price']}, stop loss {shown['sl']}, take profit "
            f"{shown['tp']}; {shown['ending']}."
        )
    first = next((gate for gate in gates if not gate["passed"]), None)
    if reason == "hold":
        return "No trade: an operator has put this pair on hold."
    if first is not None:
        more = sum(not gate["passed"] for gate in gates) - 1
        others = f"; {more} later gate{'s' if more > 1 else ''} would have stopped it too" if more else ""
        gate = f"gate {first['number']} ({first['gate'].replace('_', ' ')})"
        return f"No trade: {gate} stopped it first, {first['words']}{others}."
    return f"No trade: all gates passed, but the order was refused, {REASON_WORDS[reason]}."


def _trade(trade: TradeRow) -> TradeOfCandle:
    entry = shown_entry(trade.opening.entry)
    shown: TradeOfCandle = {
        "number": trade.number,
        "side": entry["side"],
        "units": entry["units"],
        "entry_price": entry["entry_price"],
        "sl": entry["sl"],
        "tp": entry["tp"],
        "ending": EXIT_WORDS["open"],
    }
    if trade.closing is not None:
        left = shown_exit(trade.opening.entry, trade.closing)
        shown["pnl"] = left["pnl"]
        shown["ending"] = (
            f"{EXIT_WORDS[left['exit_reason']]} at {left['exit_price']}, {left['exit_time']}, P/L {left['pnl']}"
        )
    return shown


def _events(reader: Reader, row: GateSnapshotRow) -> list[Event]:
    return [event_document(event) for event in reader.account_events_of(row.stream, row.seq)]


def _say_answer(answer: Why) -> None:
    say(
        f"{answer['pair']} {answer['granularity']}, candle that opened {answer['candle_time']}, decided "
        f"{answer['decision_time']} by {answer['strategy']}"
    )
    say()
    columns = [
        Column("#", True),
        Column("gate"),
        Column("verdict"),
        Column("value", flow=True),
        Column("limit", flow=True),
    ]
    rows: list[list[AnyCell]] = [
        [
            str(gate["number"]),
            gate["gate"].replace("_", " "),
            word_cell("pass" if gate["passed"] else "FAIL", {"pass": GOOD, "FAIL": BAD}),
            gate["value"],
            gate["limit"],
        ]
        for gate in answer["gates"]
    ]
    say_table("Gates", columns, rows)
    failed = [gate for gate in answer["gates"] if not gate["passed"]]
    for gate in failed:
        say(f"Gate {gate['number']} ({gate['gate'].replace('_', ' ')}): {gate['words']}")
    if failed:
        say()
    figures = [
        (name, "not valid yet" if value is None else f"{value:.6g}") for name, value in answer["indicators"].items()
    ]
    say("Indicators: " + ", ".join(f"{name} {value}" for name, value in figures))
    for event in answer["events"]:
        say(f"Account: {event_words(event)}")
    say(answer["outcome"])
