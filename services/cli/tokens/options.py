"""The verbs `tokens`: by what programs ask the API on behalf of a user."""

from typing import Annotated, Final, TypeAlias

import typer

from services.cli.groups import with_groups
from services.cli.options import AsJson, Where
from services.cli.tokens import job
from shared.contracts.vocabulary import Role

_SQL_INTEGER: Final = 2**62
_USUAL_DAYS: Final = 90

TokenName: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="What the token is called, for people.")]
TokenOf: TypeAlias = Annotated[str, typer.Option("--of", metavar="USER", help="On whose behalf the program asks.")]
TokenRole: TypeAlias = Annotated[
    Role, typer.Option("--role", help="What it may do; no more than its user may, nor who makes it.")
]
MayCommand: TypeAlias = Annotated[
    bool, typer.Option("--may-command", help="It may change things too, as far as its role does; else it only reads.")
]
Days: TypeAlias = Annotated[int, typer.Option("--days", metavar="N", help="How many days it lasts, at most 365.")]
TokenId: TypeAlias = Annotated[int, typer.Argument(metavar="ID", min=1, max=_SQL_INTEGER, help="Number of the token.")]


tokens = typer.Typer(name="tokens", help="Manage the tokens by which programs ask the API.", no_args_is_help=True)


@tokens.command()
@with_groups
def add(
    *,
    name: TokenName,
    of: TokenOf,
    role: TokenRole = Role.VIEWER,
    may_command: MayCommand = False,
    days: Days = _USUAL_DAYS,
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it: it is shown once, and kept as a hash."""
    job.add(where, job.NewToken(of, name, role, may_command, days), as_json)


@tokens.command("list")
@with_groups
def list_tokens(where: Where, as_json: AsJson = False) -> None:
    """Show the tokens that may be used, whose they are, and when they were used last."""
    job.list_tokens(where, as_json)


@tokens.command()
@with_groups
def revoke(token_id: TokenId, where: Where, as_json: AsJson = False) -> None:
    """End a token at once."""
    job.revoke(where, token_id, as_json)
