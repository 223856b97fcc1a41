"""The page on security claims what tests show: each of them exists, and no chapter of the standard is left out."""

import re
from typing import Final

import pytest

from tests.repository import ROOT

PAGE: Final = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED: Final = sorted(set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)))
# Where no test shows that something is met, the page says that it was read, or why it is not met.
WITHOUT_A_TEST: Final = re.compile("does not apply|not met|by reading", re.IGNORECASE)
CHAPTERS: Final = 17


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_what_the_page_names_is_a_test(file: str, test: str) -> None:
    assert test.startswith("test_")
    assert re.search(rf"^\s*(?:async )?def {test}\(", (ROOT / "tests" / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_names_many() -> None:
    assert len(NAMED) > 80


def test_every_chapter_of_the_standard_has_its_section() -> None:
    assert re.findall(r"^### V(\d+) ", PAGE, re.MULTILINE) == [str(number) for number in range(1, CHAPTERS + 1)]


def test_every_row_says_whether_it_is_met_and_what_shows_it() -> None:
    rows = [line.split(" | ") for line in PAGE.splitlines() if re.match(r"\| \d", line)]
    assert len(rows) > 80
    for requirement, state, shown in rows:
        assert "::test_" in shown or WITHOUT_A_TEST.search(state + shown), requirement
