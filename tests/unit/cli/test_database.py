"""A database named on the command line is where one says, and a password there is told of."""

import pytest

from services.cli.database import database_url
from shared.settings.settings import Settings

SERVER = "127.0.0.1:1/scalpbot"
WARNING = "the password in --db can be seen by everybody on this machine"


def test_a_password_on_the_command_line_is_told_of_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    url = database_url(f"postgresql://someone:moorland@{SERVER}", Settings())
    assert "moorland" in url
    said = capsys.readouterr().err
    assert WARNING in said
    assert "DATABASE_URL_FILE" in said
    assert "moorland" not in said


@pytest.mark.parametrize("given", [f"postgresql://someone@{SERVER}", "paper.db"])
def test_an_address_without_a_password_is_taken_without_a_word(capsys: pytest.CaptureFixture[str], given: str) -> None:
    assert given.rpartition("/")[2] in database_url(given, Settings())
    assert capsys.readouterr().err == ""
