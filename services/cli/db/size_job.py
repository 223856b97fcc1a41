"""`scalpbot db size`: how much room the tables take."""

from services.cli.database import url_read
from services.cli.documents import upkeep
from services.cli.documents.upkeep import Size
from services.cli.options import AtDatabase
from services.cli.terminal.output import bytes_text, say, say_json
from services.cli.terminal.progress import busy
from services.cli.terminal.tables import Column, say_table, time_cell
from shared.store.engine import shown_place
from shared.store.upkeep.sizes import TableSize, room_of, table_sizes


def size(where: AtDatabase, as_json: bool) -> None:
    """Print how much room the database takes, and each of its tables."""
    url = url_read(where)
    with busy("counting rows"):
        room, found = room_of(url), table_sizes(url)
    candles = next(each.rows for each in found if each.table == "candles")
    of_candle = round(room.total_bytes / candles) if candles else None
    if as_json:
        document: Size = {
            "ok": True,
            "database": shown_place(url),
            "bytes": room.total_bytes,
            "free_bytes": room.free_bytes,
            "candles": candles,
            "bytes_per_candle": of_candle,
            "tables": [_document(each) for each in found],
        }
        say_json(document)
        return
    columns = [
        Column("table"),
        Column("rows", True),
        Column("bytes", True),
        Column("of indexes", True, leave=3),
        Column("oldest", leave=2),
        Column("newest", leave=1),
    ]
    cells = [
        (
            each.table,
            f"{each.rows:,}",
            bytes_text(each.table_bytes + each.index_bytes),
            bytes_text(each.index_bytes),
            time_cell(each.oldest_time),
            time_cell(each.newest_time),
        )
        for each in found
    ]
    say_table(f"Tables of {shown_place(url)} (times UTC)", columns, cells, "`scalpbot db size --json` has all of it.")
    free = "" if room.free_bytes is None else f", of which {bytes_text(room.free_bytes)} are free for new rows"
    say(f"Together {bytes_text(room.total_bytes)}{free}.")
    if of_candle is not None:
        say(f"For each of the {candles:,} candles {bytes_text(of_candle)}.")


def _document(of: TableSize) -> upkeep.TableSize:
    return {
        "table": of.table,
        "rows": of.rows,
        "table_bytes": of.table_bytes,
        "index_bytes": of.index_bytes,
        "oldest_time": of.oldest_time,
        "newest_time": of.newest_time,
    }
