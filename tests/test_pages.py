"""The pages of the documentation: the README is short, every page is linked, and every link works."""

import re
from pathlib import Path

import pytest
from documented import ROOT

README, INDEX = ROOT / "README.md", ROOT / "docs" / "index.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
MOST_LINES = 180


def links(page: Path) -> list[str]:
    """Return the targets of all links and pictures of a page outside of code."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", [page for page in PAGES if page != INDEX], ids=lambda page: page.stem)
def test_a_page_is_linked_from_the_readme_or_the_index(page: Path) -> None:
    found = {(start.parent / link.partition("#")[0]).resolve() for start in (README, INDEX) for link in links(start)}
    assert page.resolve() in found


@pytest.mark.parametrize("page", [README, ROOT / "ARCHITECTURE.md", *PAGES], ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    inside = [link for link in links(page) if not re.match(r"https?:", link)]
    for link in inside:
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {link}"
