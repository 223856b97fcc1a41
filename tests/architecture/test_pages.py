"""The pages lead where they say: every link of a page to a file, or to a heading of one, finds it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repository import ROOT

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md")))


def links_of(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the file and the heading of each link that stays in the repository."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not link.startswith(("http:", "https:")):
            file, _, heading = link.partition("#")
            yield file, heading


def headings_of(page: Path) -> set[str]:
    """Return the headings of a page as links name them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in found)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for file, heading in links_of(page):
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), file
        if heading and found.suffix == ".md":
            assert heading in headings_of(found), f"{file}#{heading}"


def test_the_contents_name_every_page() -> None:
    named = {(ROOT / "docs" / file).resolve() for file, _ in links_of(ROOT / "docs" / "README.md")}
    pages = {page for page in PAGES if page.parent.name != "adr"} - {ROOT / "docs" / "README.md"}
    assert pages - named == set()
