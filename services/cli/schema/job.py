"""`scalpbot schema`: published shapes, each as a JSON document."""

from difflib import get_close_matches

from services.cli.documents.of_verbs import DOCUMENTS, schema_of
from services.cli.terminal.output import say, say_json
from shared.contracts.errors import InputError


def schema(verb: str, as_json: bool) -> None:
    """Print the schema of a verb, or all verbs that have one; raise InputError for one that has none."""
    if verb in DOCUMENTS:
        say_json(schema_of(verb))
    elif verb:
        near = [each for each in DOCUMENTS if each.startswith(f"{verb} ")] or get_close_matches(verb, DOCUMENTS, n=1)
        hint = f". Did you mean {' or '.join(near)}?" if near else ""
        raise InputError(f"no schema is published for {verb!r}; `scalpbot schema` names the verbs that have one{hint}")
    elif as_json:
        say_json({each: schema_of(each) for each in DOCUMENTS})
    else:
        for each in DOCUMENTS:
            say(each)
