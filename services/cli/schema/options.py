"""The verb `schema`: what programs may expect of the other verbs."""

from typing import Annotated, TypeAlias

import typer

from services.cli.options import AsJson
from services.cli.schema import job

Verb: TypeAlias = Annotated[
    list[str] | None,
    typer.Argument(metavar="VERB", help="A verb, such as status or audit verify; error for what goes to stderr."),
]


def schema(verb: Verb = None, as_json: AsJson = False) -> None:
    """Show the JSON Schema of what a verb writes with --json; without a verb, which verbs have one."""
    job.schema(" ".join(verb or ()), as_json)
