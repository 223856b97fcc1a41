"""How figures, money, durations and tables are written."""

import pytest

from services.cli.terminal.output import amount_text, duration_text, figure, money_text, number_text, percent_text
from services.cli.terminal.tables import Column, say_table


def test_money_is_grouped_for_people() -> None:
    assert amount_text("-12345.6700") == "-12,345.6700"
    assert money_text(-1234.5, "USD") == "-1,234.5000 USD"


def test_what_is_unknown_is_a_dash() -> None:
    assert [percent_text(None), number_text(None), money_text(None, "USD"), duration_text(None)] == ["-"] * 4
    assert figure(None) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (311, "5 min"), (3600, "1 h"), (93_900, "1 d 2 h 5 min"), (0, "0 s")]
)
def test_durations_are_told_in_the_units_people_use(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_no_cell_of_a_table_reaches_a_terminal_with_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    say_table("Title", [Column("name")], [["\x1b]0;owned\x07"]])
    shown = capsys.readouterr().out
    assert "\\x1b]0;owned\\x07" in shown
    assert "\x1b" not in shown


def test_a_piped_table_is_aligned_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    say_table("Title", [Column("name"), Column("value", right=True)], [["a", "1"], ["long", "1000"]])
    assert capsys.readouterr().out == "Title\n  name  value\n  a         1\n  long   1000\n\n"
