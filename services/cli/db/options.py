"""The verbs `parity` and `db`: does the database hold what it should, and is it ours."""

import typer

from services.cli.inputs import read_settings
from services.cli.options import AsJson, ConfigFile
from services.cli.output import DID_NOT_HOLD, say, say_json
from services.cli.progress import bar
from services.cli.stored import Database, database_url, reading


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    program.command("parity")(parity)
    db = typer.Typer(help="Look after the database's schema.", no_args_is_help=True)
    db.command("upgrade")(db_upgrade)
    db.command("check")(db_check)
    program.add_typer(db, name="db")


def parity(database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """Replay the stored candles and compare every verdict, trade and balance with the stored ledger.

    Exit code 3 and the first difference if they part.
    """
    from services.inspection.parity import check_parity

    with reading(database, config) as reader, bar("replaying", reader.candle_count()) as progress:
        check = check_parity(reader, progress)
    if as_json:
        say_json({"holds": check.difference is None, **check._asdict()})
    elif check.difference is None:
        say(f"The ledger is what its {check.candles} candles lead to: {check.trades} closed trades.")
        say(f"Trade hash  {check.trade_hash}")
    else:
        say(f"The ledger parts from its replay after {check.candles} candles.")
        say(f"First difference: {check.difference}")
    return 0 if check.difference is None else DID_NOT_HOLD


def db_upgrade(database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Make the database, or bring it to the schema of this version."""
    from shared.store.schema import SchemaState, check, upgrade

    url = database_url(database, read_settings(config))
    before = upgrade(url)
    after = check(url)
    if as_json:
        say_json({"before": before.found, "now": after.found})
    elif before.state is SchemaState.CURRENT:
        say(f"The database is at schema {after.found} already.")
    else:
        say(f"The database is at schema {after.found} now (it was {before.found or 'empty'}).")


def db_check(database: Database = None, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """Compare the database's schema with the one of this version; exit code 3 if they differ."""
    from shared.store.engine import shown_place
    from shared.store.schema import SchemaState, check, refusal

    url = database_url(database, read_settings(config))
    found = check(url)
    current = found.state is SchemaState.CURRENT
    if as_json:
        say_json({"state": found.state.value, "found": found.found, "wanted": found.wanted})
    elif current:
        say(f"The database has the schema of this version, {found.wanted}.")
    else:
        say(refusal(shown_place(url), found))
    return 0 if current else DID_NOT_HOLD
