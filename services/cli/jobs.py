"""Jobs: the modules in which verbs do their work, loaded when the work begins.

A verb's options import its job at the top, as any module imports another; but what a job needs (compiled code, drivers,
validation) takes longer to load than help takes to be shown. So a job waits until one of its names is used.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType
from typing import Final

_PACKAGE: Final = "services.cli."
_JOB: Final = "job"


class _JobFinder:
    """Finds jobs, `job.py` or `NAME_job.py` in a verb's folder, and has them loaded by whoever uses them first."""

    @staticmethod
    def find_spec(
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG004 - the protocol's
    ) -> ModuleSpec | None:
        if not (name.startswith(_PACKAGE) and name.endswith(_JOB)):
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def postpone_jobs() -> None:
    """Let jobs that are imported from now on load when they are used."""
    sys.meta_path.insert(0, _JobFinder)
