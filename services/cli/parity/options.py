"""The verb `parity`: is the ledger what its candles lead to."""

from services.cli.options import AsJson, ConfigFile, Database, Where
from services.cli.parity import job


def parity(database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """Replay the stored candles and compare every verdict, trade and balance with the stored ledger.

    Exit code 3 and the first difference if they differ.
    """
    return job.parity(Where(database, config), as_json)
