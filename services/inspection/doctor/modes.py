"""Who else on this machine may read what the platform keeps in files."""

import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from services.inspection.doctor.findings import CheckGroup, Report
from shared.anchors.places import anchors_path
from shared.settings.settings import Settings
from shared.store.engine import beside, database_url

MODES: Final = "file modes"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def modes_section(url: str, settings: Settings) -> CheckGroup:
    """Return the check that nobody but their owner may open the database, what lies beside it, and its anchors."""

    def examine(report: Report) -> None:
        report.judge(MODES, partial(_look, report, lambda: _files(url, settings)))

    return CheckGroup((MODES,), examine)


def _look(report: Report, files: Callable[[], list[Path]]) -> None:
    present = [path for path in files() if path.is_file()]
    open_to_others = [path for path in present if path.stat().st_mode & _OTHERS]
    if open_to_others:
        names = " ".join(str(path) for path in open_to_others)
        report.warn(MODES, f"others on this machine may open what should be their owner's alone: chmod 600 {names}")
    else:
        report.ok(MODES, f"{len(present)} files of the platform can be read by their owner alone")


def _files(url: str, settings: Settings) -> list[Path]:
    anchors, key = anchors_path(settings.runtime, url), beside(url, ".anchor-key")
    files = [path for path in (anchors, key) if path is not None]
    parsed = database_url(url)
    if parsed.get_backend_name() == "sqlite":
        files += [Path(f"{parsed.database}{ending}") for ending in ("", "-wal", "-shm", ".lock")]
    return files
