# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page in a real browser: what is told is seen, what a phone says is text, and nobody else is asked."""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.agent.service.config import Endpoint
from ansible_collections.sipmobility.handover.agent.service.looks import serve_looks
from ansible_collections.sipmobility.handover.agent.service.page import page
from ansible_collections.sipmobility.handover.agent.service.timelines import Moment, Timelines

from ...unit.agent.service.test_page import told

_NOW = 1_800_000_000.0
_HOSTILE = "sip:<script>document.title='taken'</script><img src=/stolen onerror=\"document.title='taken'\">@x"


class Watched(dict[str, object]):
    """What can be looked at, and what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get(self, path: str, default: object = None) -> object:
        self.asked.append(path)
        return super().get(path, default)


@pytest.fixture
def site() -> Iterator[tuple[str, Watched]]:
    timelines = Timelines()
    timelines.note(["8d7ac21f98194017"], Moment(_NOW + 0.25, "01-decode-rb acknowledged", 0.0042))
    shown = page(told(_HOSTILE), timelines.all(), _NOW)
    watched = Watched()
    watched["/"] = lambda: ("text/html; charset=utf-8", shown)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        at = Endpoint("127.0.0.1", probe.getsockname()[1])
    server = serve_looks(at, watched)  # type: ignore[arg-type]
    try:
        yield f"http://{at}/", watched
    finally:
        server.shutdown()
        server.server_close()


def browse(url: str, directory: Path, *what: str) -> subprocess.CompletedProcess[str]:
    """A browser for which no other host exists."""
    nobody = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--no-proxy-server"]
    own = [f"--user-data-dir={directory / 'profile'}", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    argv = ["chromium-headless-shell", *own, *nobody, *what, url]
    return subprocess.run(argv, cwd=directory, capture_output=True, text=True, timeout=120, check=True)


def test_the_page_in_a_browser(site: tuple[str, Watched], tmp_path: Path) -> None:
    url, watched = site
    seen = browse(url, tmp_path, "--dump-dom")
    text = re.sub(r"<[^>]*>", "\n", seen.stdout)
    for one in ("1.1.1.1", "2.2.2.2", "no_such_router", "not_owner", "01-decode-rb acknowledged", "4.2 ms"):
        assert one in text
    # What the browser has made of what a phone said is text still.
    assert "<title>taken" not in seen.stdout
    assert "&lt;script&gt;document.title='taken'" in seen.stdout
    assert "<img" not in seen.stdout
    assert "<script" not in seen.stdout
    # Its own style is not what the policy of its contents forbids.
    assert "Content Security Policy" not in seen.stderr
    assert set(watched.asked) <= {"/", "/favicon.ico"}


def test_it_can_be_seen(site: tuple[str, Watched], tmp_path: Path) -> None:
    url, _watched = site
    browse(url, tmp_path, "--screenshot=page.png", "--window-size=1000,800")
    width, height, colours = picture((tmp_path / "page.png").read_bytes())
    assert (width, height) == (1000, 800)
    assert colours > 20, "a page without letters"


def picture(data: bytes) -> tuple[int, int, int]:
    """Width, height, and how many values its bytes have (PNG, RFC 2083)."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    place, packed, size = 8, b"", (0, 0)
    while place < len(data):
        (length,), kind = struct.unpack(">I", data[place : place + 4]), data[place + 4 : place + 8]
        chunk = data[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            size = struct.unpack(">II", chunk[:8])
        packed += chunk if kind == b"IDAT" else b""
        place += 12 + length
    return *size, len(set(zlib.decompress(packed)))
