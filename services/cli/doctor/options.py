"""The verb `doctor`: is everything there that a run needs."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.bus.options import silence_library
from services.cli.inputs import config_path, settings_environ
from services.cli.options import AsJson, ConfigFile
from services.cli.output import DID_NOT_HOLD, Column, say, say_json, say_table
from services.cli.progress import busy
from services.cli.stored import Database, database_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.inspection.doctor import Finding


def register(program: typer.Typer) -> None:
    """Add the verb."""
    program.command("doctor")(doctor)


def doctor(
    pairs: Annotated[
        str | None,
        typer.Option(
            "--pairs", metavar="A,B", help="Pairs to look at. Default: those of the settings and the database."
        ),
    ] = None,
    database: Database = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Examine settings, OANDA, clock, database, news and broker, each for itself; exit code 3 if there is a problem.

    It changes nothing, shows no credentials, and ends within half a minute whatever does not answer.
    """
    from services.inspection.doctor import Verdict, examine, readable_settings
    from shared.contracts.pairs import parse_pair

    silence_library()
    names = sorted({parse_pair(name.strip()).name for name in (pairs or "").split(",") if name.strip()})
    environ = settings_environ()
    with busy("examining"):
        settings, findings = readable_settings(config_path(config), environ)
        findings += tuple(examine(settings, database_url(database, settings), names, time.time))
    problems, warnings = (
        sum(finding.verdict is verdict for finding in findings) for verdict in (Verdict.PROBLEM, Verdict.WARNING)
    )
    if as_json:
        say_json(
            {
                "ok": not problems,
                "problems": problems,
                "warnings": warnings,
                "checks": [finding._asdict() for finding in findings],
            }
        )
    else:
        _say(findings)
        say(f"{len(findings)} checks; problems: {problems}, warnings: {warnings}")
    return DID_NOT_HOLD if problems else 0


def _say(findings: "Sequence[Finding]") -> None:
    columns = [Column("check"), Column("verdict"), Column("what was found")]
    say_table("Examination", columns, [(each.check, each.verdict.value, each.sentence) for each in findings])
