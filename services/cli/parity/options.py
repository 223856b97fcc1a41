"""The verb `parity`: is the ledger what its candles lead to."""

from services.cli.groups import with_groups
from services.cli.options import AsJson, AtDatabase
from services.cli.parity import job


@with_groups
def parity(at: AtDatabase, as_json: AsJson = False) -> int:
    """Replay the stored candles and compare every verdict, trade and balance with the stored ledger.

    Exit code 3 and the first difference if they differ.
    """
    return job.parity(at, as_json)
