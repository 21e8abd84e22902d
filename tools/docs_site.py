"""Build the documentation's site, and check that no link in it leads nowhere: python -m tools.docs_site.

Needs the environment of docs/requirements.txt (make docs makes it). The pages keep the places that they have in the
repository, so the links between them are the same there and here. Nothing is fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build" / "docs"
SOURCE, SITE = BUILD / "source", BUILD / "html"
BIN = BUILD / "venv" / "bin"
#: What the site has besides docs/: pages that lie beside what they describe, and what pages link to.
BESIDE = ("README.md", "CONTRIBUTING.md", "LICENSE", "tests/bench/README.md")
COLLECTION = "sipmobility.handover"
#: Where Ansible's own documentation has what ours links to: label to place. Its index is not fetched.
ANSIBLE = {
    "action_plugins": "plugins/action.html#action-plugins",
    "ansible_configuration_settings": "reference_appendices/config.html#ansible-configuration-settings",
    "common_return_values": "reference_appendices/common_return_values.html#common-return-values",
    "ansible_collections.ansible.netcommon.netconf_connection": "collections/ansible/netcommon/netconf_connection.html",
    "ansible_collections.ansible.netcommon.network_cli_connection": (
        "collections/ansible/netcommon/network_cli_connection.html"
    ),
    "ansible_collections.cisco.ios.ios_config_module": "collections/cisco/ios/ios_config_module.html",
}


def main() -> int:
    """Build and check; the exit status."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.rmtree(SITE, ignore_errors=True)
    gather()
    reference = SOURCE / "reference"
    reference.mkdir()
    options = ("--use-current", "--squash-hierarchy", "--fail-on-error", "--no-add-antsibull-docs-version")
    _run("antsibull-docs", "collection", *options, "--dest-dir", str(reference), COLLECTION)
    _run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", str(SOURCE), str(SITE))
    broken = broken_links(SITE)
    for page, link, why in broken:
        print(f"docs: {page}: {link}: {why}", file=sys.stderr)
    count = len(list(SITE.rglob("*.html")))
    print(f"docs: {count} pages in {SITE.relative_to(ROOT)}/index.html, {len(broken)} broken links")
    return 1 if broken else 0


def _run(program: str, *words: str) -> None:
    """Run a tool of the site's environment, which must succeed."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    path = f"{BIN}:{kept['PATH']}"
    environment = {**kept, "PATH": path, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections")}
    subprocess.run([BIN / program, *words], env=environment, check=True, cwd=ROOT)


def gather() -> None:
    """Put the pages into the source of the site."""
    shutil.copytree(ROOT / "docs", SOURCE / "docs", ignore=shutil.ignore_patterns("site", "requirements.txt"))
    for name in (*BESIDE, *(str(path.relative_to(ROOT)) for path in ROOT.glob("roles/*/README.md"))):
        (SOURCE / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, SOURCE / name)
    shutil.copytree(ROOT / "docs" / "site", SOURCE, dirs_exist_ok=True)
    head = "# Sphinx inventory version 2\n# Project: Ansible\n# Version: \n# The remainder is compressed using zlib.\n"
    lines = "".join(f"{label} std:label -1 {place} {label}\n" for label, place in ANSIBLE.items())
    (SOURCE / "ansible.inv").write_bytes(head.encode() + zlib.compress(lines.encode()))


class _Page(HTMLParser):
    """What a page links to, and the places in it that may be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.places |= {value for name in ("id", "name") if (value := found.get(name))}
        wanted = {"a": "href", "img": "src", "link": "href", "script": "src"}.get(tag)
        if wanted and (link := found.get(wanted)):
            self.links.append(link)


def broken_links(site: Path) -> list[tuple[str, str, str]]:
    """Page, link and reason of each link within the site that leads nowhere. Other sites are not asked."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            name = str(path.relative_to(site))
            if not target.exists():
                broken.append((name, link, "no such file"))
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places:
                broken.append((name, link, "no such place in the page"))
    return broken


if __name__ == "__main__":
    sys.exit(main())
