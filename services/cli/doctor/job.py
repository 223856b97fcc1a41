"""`scalpbot doctor`: what was found, as a table or as JSON."""

import time
from collections.abc import Sequence
from typing import Final

from services.cli.broker import silence_driver
from services.cli.configuration import config_path, settings_environ
from services.cli.database import database_url
from services.cli.documents.operations import Examination
from services.cli.options import AtDatabase
from services.cli.terminal.output import DID_NOT_HOLD, say, say_json
from services.cli.terminal.progress import busy
from services.cli.terminal.tables import BAD, GOOD, LATE, Column, say_table, word_cell
from services.inspection.doctor import CheckResult, Finding, examine, readable_settings
from shared.contracts.pairs import parse_pairs

_STYLES: Final = {"ok": GOOD, "warning": LATE, "problem": BAD}


def doctor(where: AtDatabase, pairs: str | None, as_json: bool) -> int:
    """Print every finding, and return the exit code that says whether one is a problem."""
    silence_driver()
    names = parse_pairs(pairs or "")
    with busy("examining"):
        settings, findings = readable_settings(config_path(where.config), settings_environ())
        findings += tuple(examine(settings, database_url(where.database, settings), names, time.time))
    problems, warnings, skipped = (
        sum(finding.verdict is verdict for finding in findings)
        for verdict in (CheckResult.PROBLEM, CheckResult.WARNING, CheckResult.SKIPPED)
    )
    if as_json:
        document: Examination = {
            "ok": not problems,
            "problems": problems,
            "warnings": warnings,
            "skipped": skipped,
            "checks": [
                {"check": each.check, "verdict": each.verdict.value, "sentence": each.sentence} for each in findings
            ],
        }
        say_json(document)
    else:
        _say(findings)
        say(f"{len(findings)} checks; problems: {problems}, warnings: {warnings}, skipped: {skipped}")
    return DID_NOT_HOLD if problems else 0


def _say(findings: Sequence[Finding]) -> None:
    columns = [Column("check"), Column("verdict"), Column("what was found", flow=True)]
    say_table(
        "Examination",
        columns,
        [(each.check, word_cell(each.verdict.value, _STYLES), each.sentence) for each in findings],
    )
