"""The verbs `gates`, `trades`, `positions` and `status`: what the database holds, newest first."""

from typing import Annotated, TypeAlias

import typer

from services.cli.groups import with_groups
from services.cli.ledger import job
from services.cli.options import AsJson, AtDatabase, Between, Limit, OfPair

TradeNumber: TypeAlias = Annotated[int, typer.Argument(metavar="N", min=1, max=2**63 - 1, help="Number of the trade.")]


@with_groups
def gates(*, pair: OfPair = None, limit: Limit = 20, between: Between, at: AtDatabase, as_json: AsJson = False) -> None:
    """Show the latest judged candles: time of the decision, signal, reason and the gates that failed."""
    job.gates(at, job.Rows(pair, limit, between), as_json)


trades = typer.Typer(
    name="trades", help="Show the latest trades, open ones included; show N shows one.", invoke_without_command=True
)


@trades.callback()
@with_groups
def latest(
    *,
    context: typer.Context,
    pair: OfPair = None,
    limit: Limit = 20,
    between: Between,
    at: AtDatabase,
    as_json: AsJson = False,
) -> None:
    """Show the latest trades, open ones included; show N shows one."""
    if context.invoked_subcommand is None:
        job.trades(at, job.Rows(pair, limit, between), as_json)


@trades.command()
@with_groups
def show(*, number: TradeNumber, at: AtDatabase, as_json: AsJson = False) -> None:
    """Show one trade with everything that is known of it."""
    job.show_trade(at, number, as_json)


@with_groups
def positions(*, pair: OfPair = None, at: AtDatabase, as_json: AsJson = False) -> None:
    """Show the open positions at their latest marks."""
    job.positions(at, pair, as_json)


@with_groups
def status(at: AtDatabase, as_json: AsJson = False) -> None:
    """Show the account: balance, equity, today, open positions and the newest candle of each pair."""
    job.status(at, as_json)
