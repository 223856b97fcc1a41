"""The command line: one program, `scalpbot`, with a verb for each job."""

from services.cli.program import main

__all__ = ["main"]
