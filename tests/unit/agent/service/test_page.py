# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: everything that is told stands on it, as text, whatever it is; and it asks nobody for anything."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from ansible_collections.sipmobility.handover.agent.service.page import page
from ansible_collections.sipmobility.handover.agent.service.timelines import Moment, Timelines

_NOW = 1_800_000_000.0


class Read(HTMLParser):
    """Its text, its tags, and where it leads."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[str] = []
        self.leads: set[str] = set()
        self.feed(html.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.leads |= {value or "" for name, value in attrs if name in ("href", "src")}

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())


def told(aor: str, **more: Any) -> dict[str, Any]:
    handover = {
        "id": "8d7ac21f98194017",
        "aor": aor,
        "old": "1.1.1.1",
        "new": "2.2.2.2",
        "expires": "2027-01-15T08:10:00Z",
        "scope": "session",
        "ended": False,
        "status": "refused",
        "code": "no_such_router",
        "reason": 'a "reason"',
        "changed": _NOW,
    }
    return {
        "since": _NOW - 60,
        "queue": 3,
        "retiring": 2,
        "partitions": None,
        "routers": {
            "ra": {"up": True, "reason": None, "entries": 7},
            "rb": {"up": False, "reason": "gone <fishing>", "entries": None},
        },
        "handovers": [handover],
        "refusals": [{"time": _NOW, "subject": "log:1", "code": "not_owner", "reason": "someone else's"}],
        **more,
    }


def test_all_that_is_told_stands_on_it() -> None:
    timelines = Timelines()
    timelines.note(["8d7ac21f98194017"], Moment(_NOW + 0.25, "01-decode-rb acknowledged", 0.0042))
    read = Read(page(told("sip:alice@example.org"), timelines.all(), _NOW))
    assert {"sip:alice@example.org", "1.1.1.1", "2.2.2.2", "refused", "no_such_router"} <= set(read.text)
    assert {"up", "gone: gone <fishing>", "unknown", "not_owner", "someone else's"} <= set(read.text)
    assert {"08:00:00.250", "01-decode-rb acknowledged", "4.2 ms"} <= set(read.text)


def test_what_a_phone_says_is_text() -> None:
    read = Read(page(told("sip:<script src=//evil>alert(1)</script>@x"), {}, _NOW))
    assert "script" not in read.tags
    assert "sip:<script src=//evil>alert(1)</script>@x" in read.text


def test_nothing_of_it_comes_from_elsewhere() -> None:
    assert Read(page(told("sip:alice@example.org"), {}, _NOW)).leads == {"/status", "/metrics", "/healthz"}


def test_many_are_not_all_shown() -> None:
    one = told("sip:alice@example.org")["handovers"][0]
    many = [{**one, "id": f"{number:016x}", "changed": _NOW - number} for number in range(700)]
    read = Read(page(told("", handovers=many), {}, _NOW))
    assert f"{499:016x}" in read.text
    assert f"{500:016x}" not in read.text
    assert any(text.startswith("200 more") for text in read.text)


def test_only_the_last_handovers_and_moments_are_remembered() -> None:
    timelines = Timelines()
    for number in range(1000):
        timelines.noted(["first", f"{number}"], "it moved")
    held = timelines.all()
    assert len(held) == 500
    assert (len(held["first"]), len(held["999"]), "1" in held) == (30, 1, False)
