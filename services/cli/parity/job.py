"""`scalpbot parity`: the ledger beside its replay."""

from services.cli.database import reading
from services.cli.documents.proof import Parity
from services.cli.options import AtDatabase
from services.cli.terminal.output import DID_NOT_HOLD, say, say_json
from services.cli.terminal.progress import bar
from services.inspection.parity import check_parity


def parity(where: AtDatabase, as_json: bool) -> int:
    """Print the first difference, if there is one, and return the exit code that says so."""
    with reading(where) as reader, bar("replaying", reader.candle_count()) as progress:
        check = check_parity(reader, progress)
    if as_json:
        document: Parity = {
            "ok": check.difference is None,
            "candles": check.candles,
            "waiting": check.waiting,
            "trades": check.trades,
            "trade_hash": check.trade_hash,
            "difference": check.difference,
        }
        say_json(document)
    elif check.difference is None:
        say(f"The ledger matches the replay of its {check.candles} candles: {check.trades} closed trades.")
        say(f"Trade hash  {check.trade_hash}")
    else:
        say(f"The ledger differs from its replay after {check.candles} candles.")
        say(f"First difference: {check.difference}")
    if check.waiting and not as_json:
        say(f"Stored and not traded yet, so not compared: {check.waiting} newer candles.")
    return 0 if check.difference is None else DID_NOT_HOLD
