"""A person at a terminal is asked before something is lost; a program has to have said so."""

import sys

import typer

from shared.contracts.errors import InputError


def confirmed(question: str, said_yes: bool) -> None:
    """Return where it was agreed to; raises InputError where it was not, or where nobody can be asked."""
    if said_yes:
        return
    if not sys.stdin.isatty():
        raise InputError("this cannot be undone and nobody can be asked; add --yes to do it")
    if not typer.confirm(question, default=False, err=True):
        raise InputError("nothing was done, as was asked")
