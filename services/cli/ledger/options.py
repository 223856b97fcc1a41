"""The verbs `gates`, `trades`, `positions` and `status`: what the database holds, newest first."""

from services.cli.groups import with_groups
from services.cli.ledger import job
from services.cli.options import AsJson, AtDatabase, Limit, OfPair


@with_groups
def gates(*, pair: OfPair = None, limit: Limit = 20, at: AtDatabase, as_json: AsJson = False) -> None:
    """Show the latest judged candles: time of the decision, signal, reason and the gates that failed."""
    job.gates(at, pair=pair, limit=limit, as_json=as_json)


@with_groups
def trades(*, pair: OfPair = None, limit: Limit = 20, at: AtDatabase, as_json: AsJson = False) -> None:
    """Show the latest trades, open ones included."""
    job.trades(at, pair=pair, limit=limit, as_json=as_json)


@with_groups
def positions(*, pair: OfPair = None, at: AtDatabase, as_json: AsJson = False) -> None:
    """Show the open positions at their latest marks."""
    job.positions(at, pair, as_json)


@with_groups
def status(at: AtDatabase, as_json: AsJson = False) -> None:
    """Show the account: balance, equity, today, open positions and the newest candle of each pair."""
    job.status(at, as_json)
