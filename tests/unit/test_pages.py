# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages: links lead somewhere, pictures are what the code draws, every page stands in the site's contents."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools import docs_site
from tools.pictures import PICTURES, PLACE

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("docs", "roles", "tests/bench")
FOUND = {path for place in PLACES for path in (ROOT / place).rglob("*.md") if "site" not in path.parts}
PAGES = sorted(str(path.relative_to(ROOT)) for path in {*FOUND, ROOT / "CONTRIBUTING.md", ROOT / "README.md"})
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.M | re.S)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def places(page: Path) -> set[str]:
    """The anchors of a page's headings, as a repository's web page makes them."""
    heads = re.findall(r"^#+ (.+)$", text_of(page), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_within_the_repository_leads_somewhere(name: str) -> None:
    page = ROOT / name
    for link in _LINK.findall(text_of(page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _sign, place = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not place or place in places(target), link


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_is_what_the_code_draws(name: str) -> None:
    drawn = PICTURES[name]()
    assert (PLACE / f"{name}.svg").read_text(encoding="utf-8") == drawn, "make docs draws it anew"
    assert ElementTree.fromstring(drawn).tag.endswith("svg")


def test_the_steps_show_a_session_that_dies_and_lives() -> None:
    """The walk says so, not the one who draws."""
    frames = PICTURES["steps"]().split('font-weight="bold"')[1:]
    assert [frame.count("BCP 38") + frame.count("has left") for frame in frames] == [0, 2, 2, 0]


def test_every_page_stands_in_the_contents_of_the_site() -> None:
    index = (ROOT / "docs" / "site" / "index.md").read_text(encoding="utf-8")
    listed = [
        line.strip() for block in re.findall(r"```\{toctree\}\n(.*?)```", index, re.S) for line in block.splitlines()
    ]
    listed = [re.sub(r"^.*<(.*)>$", r"\1", line) for line in listed]
    missing = [
        name for name in PAGES if not any(fnmatch.fnmatch(name.removesuffix(".md"), one) for one in listed if one)
    ]
    assert missing == []


def test_a_link_of_the_site_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<a href="b.html#here">b</a><a href="b.html#gone">b</a><img src="no.svg">')
    (tmp_path / "b.html").write_text('<p id="here"><a href="https://example.com/">elsewhere</a><a href="#top">x</a>')
    found = {(page, link) for page, link, _why in docs_site.broken_links(tmp_path)}
    assert found == {("index.html", "b.html#gone"), ("index.html", "no.svg"), ("b.html", "#top")}
