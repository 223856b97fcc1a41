"""The command line: one program with a verb for each job; it parses, calls and prints."""

from services.cli.jobs import postpone_jobs

postpone_jobs()

from services.cli.program import main  # noqa: E402 - verbs import their jobs, which must be postponed by then

__all__ = ["main"]
