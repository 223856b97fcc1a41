"""The verbs `gates`, `trades`, `positions` and `status`: what the database holds, newest first."""

from services.cli.ledger import job
from services.cli.options import AsJson, ConfigFile, Database, Limit, OfPair, Where


def gates(
    pair: OfPair = None,
    limit: Limit = 20,
    database: Database = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the latest judged candles: time of the decision, signal, reason and the gates that failed."""
    job.gates(Where(database, config), pair=pair, limit=limit, as_json=as_json)


def trades(
    pair: OfPair = None,
    limit: Limit = 20,
    database: Database = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the latest trades, open ones included."""
    job.trades(Where(database, config), pair=pair, limit=limit, as_json=as_json)


def positions(
    pair: OfPair = None, database: Database = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Show the open positions at their latest marks."""
    job.positions(Where(database, config), pair, as_json)


def status(database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show the account: balance, equity, today, open positions and the newest candle of each pair."""
    job.status(Where(database, config), as_json)
