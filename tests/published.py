"""What `--json` wrote, held to the schema that `scalpbot schema` publishes for the verb."""

import json
from typing import Any

from jsonschema_rs import validator_for

from services.cli.documents.of_verbs import schema_of


def published(verb: str, output: str | bytes) -> Any:
    """Return the document of a verb; fail where it is not as published."""
    document = json.loads(output)
    validator_for(schema_of(verb)).validate(document)
    return document
