"""Append signals and closed trades to CSV logs: each row once, whatever was interrupted and run again.

A row is known by its pair and time, so the files stay right also when a database is made anew from the same candles.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from shared.contracts.errors import InputError, unwritable
from shared.contracts.shown import TRADE_COLUMNS, trade_texts
from shared.contracts.times import format_time
from shared.contracts.trades import ClosedTrade
from shared.core.types import GATE_SIGNAL, REASON_NAMES, SIDE_NAMES
from shared.store.port import Reader
from shared.store.rows.ledger import TradeRow
from shared.store.rows.market import GateSnapshotRow

SIGNALS_LOG: Final = "signals_log.csv"
TRADES_LOG: Final = "trades_log.csv"
_SIGNAL_COLUMNS: Final = ("ts_utc", "pair", "strategy", "signal", "final_signal", "reason", "candle_time")
_CHUNK: Final = 2_000


class ExportedRows(NamedTuple):
    """How many rows were appended to each log."""

    signals: int
    trades: int


def export_logs(reader: Reader, folder: Path) -> ExportedRows:
    """Append what the logs do not hold yet; raises InputError where a log cannot be read or written."""
    signals = _append(folder / SIGNALS_LOG, _SIGNAL_COLUMNS, ("pair", "ts_utc"), _signals(reader))
    closed = (trade_texts(trade) for trade in closed_trades(reader))
    trades = _append(folder / TRADES_LOG, TRADE_COLUMNS, ("pair", "entry_time"), closed)
    return ExportedRows(signals, trades)


def closed_trades(reader: Reader) -> list[ClosedTrade]:
    """Return the closed trades of the ledger in order of opening."""
    return [trade for row in reader.trades_in_order() if (trade := _closed(row)) is not None]


def _closed(row: TradeRow) -> ClosedTrade | None:
    return None if row.closing is None else ClosedTrade(row.opening.entry, row.closing, row.costs)


def _signals(reader: Reader) -> Iterator[Mapping[str, str]]:
    seq = 0
    while rows := reader.gate_snapshots_after(seq, _CHUNK):
        for row in rows:
            if not row.failed_gates & (1 << (GATE_SIGNAL - 1)):
                yield _signal_texts(row)
        seq = rows[-1].seq


def _signal_texts(row: GateSnapshotRow) -> Mapping[str, str]:
    values = (
        format_time(row.time),
        row.pair,
        row.strategy,
        row.verdicts.values[GATE_SIGNAL - 1],
        SIDE_NAMES[row.final_signal],
        REASON_NAMES[row.reason],
        format_time(row.candle_time),
    )
    return dict(zip(_SIGNAL_COLUMNS, values, strict=True))


def _append(path: Path, columns: Sequence[str], key: Sequence[str], rows: Iterable[Mapping[str, str]]) -> int:
    known = _known_keys(path, columns, key)
    fresh = [row for row in rows if tuple(row[name] for name in key) not in known]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if not path.exists() or path.stat().st_size == 0:
        writer.writeheader()
    writer.writerows(fresh)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="") as log:
            log.write(text.getvalue())
    except OSError as fault:
        sentence = f"{path} cannot be written ({fault.strerror}); name another folder with --export-dir"
        raise unwritable(fault, path, sentence) from fault
    return len(fresh)


def _known_keys(path: Path, columns: Sequence[str], key: Sequence[str]) -> set[tuple[str, ...]]:
    """Return the keys of a log's rows, having cut off a last line that an interrupted run left unfinished."""
    if not path.exists():
        return set()
    try:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with path.open("r+b") as log:
                log.truncate(len(whole))
        lines = csv.DictReader(whole.decode("utf-8").splitlines())
        if whole and tuple(lines.fieldnames or ()) != tuple(columns):
            raise InputError(
                f"{path}:1: the header is not {','.join(columns)}; move the file away or name another folder with "
                "--export-dir"
            )
        return {tuple(line[name] for name in key) for line in lines}
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"{path} cannot be read ({fault}); name another folder with --export-dir") from fault
