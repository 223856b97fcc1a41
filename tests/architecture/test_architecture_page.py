"""docs/architecture.md shows the rooms as the code has them; `make pictures` brings it up to date."""

import re
from pathlib import Path

import pytest

from tests.repository import ROOT
from tests.tools.pictures.drawings import drawings
from tests.tools.pictures.page import PAGE


@pytest.mark.parametrize("path", list(drawings()), ids=lambda path: path.name)
def test_what_is_made_from_the_code_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == drawings()[path], "run `make pictures`"


def test_every_file_that_the_documents_name_is_there() -> None:
    documents = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    named = re.compile(r"`((?:services|shared|tests|deploy|docs)/[\w./{},-]+)`|\]\(([\w./-]+)(?:#[\w-]+)?\)")
    missing = []
    for document in documents:
        for in_code, linked in named.findall(document.read_text(encoding="utf-8")):
            place = ROOT / in_code if in_code else document.parent / linked
            made_when_run = in_code.startswith("deploy/secrets/")
            if "{" not in in_code and not made_when_run and not place.exists():
                missing.append(f"{document.relative_to(ROOT)}: {in_code or linked}")
    assert not missing


def test_page_shows_every_picture() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for path in drawings():
        assert path == PAGE or f"(pictures/{path.name})" in text
