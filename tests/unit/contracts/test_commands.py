"""A command may say why it is asked, in a line that the audit log can keep and show."""

import pytest

from shared.contracts.commands import canonical_payload, parse_command
from shared.contracts.errors import InputError


def test_a_reason_is_taken_up_and_is_no_part_of_what_is_asked() -> None:
    assert parse_command("PAUSE_ALL", '{"reason": "Zinsentscheid, 12:15"}').reason == "Zinsentscheid, 12:15"
    assert parse_command("PAUSE_ALL", "{}").reason is None
    # Whoever pulls a switch again under its key may give another reason.
    assert canonical_payload('{"mode": "PAPER", "reason": "a"}') == canonical_payload(
        '{"reason": "b", "mode": "PAPER"}'
    )


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ('""', "write it as a line of text"),
        ('"  "', "write it as a line of text"),
        (r'"two\nlines"', "write it as a line of text"),
        (r'"\u001b[2K"', "write it as a line of text"),
        ("7", "write it as text"),
        (f'"{"x" * 201}"', "is longer than 200 characters"),
    ],
)
def test_a_reason_that_no_log_could_show_is_refused(reason: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_command("PAUSE_ALL", f'{{"reason": {reason}}}')
