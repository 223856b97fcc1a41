"""The closed sets of words: they stand for what the core says, and roles come in an order."""

import subprocess
import sys

from shared.contracts.vocabulary import QuotePurpose, Role
from shared.core.types import EXIT_NAMES, KILL_SWITCH, OPERATOR_CLOSE


def test_closes_by_command_are_called_as_the_core_calls_these_exits() -> None:
    assert {EXIT_NAMES[OPERATOR_CLOSE], EXIT_NAMES[KILL_SWITCH]} < {str(purpose) for purpose in QuotePurpose}


def test_a_role_includes_itself_and_those_before_it() -> None:
    included = {role.value: [least.value for least in Role if role.includes(least)] for role in Role}
    assert included == {
        "viewer": ["viewer"],
        "operator": ["viewer", "operator"],
        "admin": ["viewer", "operator", "admin"],
    }


def test_the_words_load_nothing_of_weight() -> None:
    program = "import sys, shared.contracts.vocabulary; print({'numpy', 'pydantic', 'sqlalchemy'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"
