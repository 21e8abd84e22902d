# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kamailio's event lines as journald exports them, recorded from a real journal by lab/kamailio/record.py."""

from __future__ import annotations

import json

import pytest

from .messages import line
from .reading import FIXTURES, codes, items, registrations, told

DATA = (FIXTURES / "kamailio" / "journal.jsonl").read_bytes()
ENTRY = json.loads(DATA.splitlines()[0])


def entry(message: object) -> bytes:
    """An entry of the journal with this message."""
    return json.dumps({**ENTRY, "MESSAGE": message}).encode() + b"\n"


def test_the_recorded_journal() -> None:
    assert told(items("auto", DATA)) == [
        "1 registered sip:alice@visited.example sip:alice@203.0.113.50:5060 0",
        "2 registered sip:bob@visited.example sip:bob@203.0.113.50:5060 600",
        "2 registered sip:bob@visited.example sip:bob@203.0.113.50:5062 6",
        "3 gone sip:bob@visited.example sip:bob@203.0.113.50:5062",
    ]


@pytest.mark.parametrize("make", [lambda data: data.decode(), list], ids=["text", "list of bytes"])
def test_a_message_is_text_or_bytes(make: object) -> None:
    assert callable(make)
    for prefix in (b"NOTICE: ", b""):
        (found,) = items("auto", entry(make(prefix + line().rstrip())))
        assert [found] == items("kamailio", line())


def test_a_message_that_is_not_utf8_comes_as_bytes() -> None:
    found = items("journal", entry(list(b"caf\xe9 " + line().rstrip())))
    assert len(registrations(found)) == 1


@pytest.mark.parametrize("message", [None, "Started Kamailio.", "", list(b"\x1b[32mstarted"), ...])
def test_other_messages_are_skipped(message: object) -> None:
    data = entry(message) if message is not ... else b'{"__CURSOR":"x"}\n'
    assert items("journal", data) == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (entry(7), "bad_value"),
        (entry({"a": "b"}), "bad_value"),
        (entry([1, 2, 256]), "bad_value"),
        (entry(["two", "messages"]), "bad_value"),
        (entry(line().decode()[:90]), "truncated_line"),
        (entry('NOTICE: {"other": 1}'), "unknown_event"),
        (entry("x")[:-20] + b"\n", "truncated_line"),
        (b'{"MESSAGE":"a","MESSAGE":"b"}\n', "bad_json"),
        (b'{"MESSAGE":' + b"[" * 50_000 + b"}\n", "bad_json"),
        (b"\xff\n", "unreadable_line"),
    ],
)
def test_a_bad_entry_is_refused_and_the_others_are_read(data: bytes, code: str) -> None:
    found = items("journal", DATA.splitlines(keepends=True)[0] + data + DATA.splitlines(keepends=True)[1])
    assert codes(found) == [(code, 2)]
    assert len(registrations(found)) == 2


def test_a_message_cannot_speak_for_the_journal() -> None:
    """What a phone chose stands escaped inside MESSAGE, and never is an entry of its own."""
    inner = json.dumps({"MESSAGE": line().decode().rstrip()})
    assert codes(items("journal", entry(f"call from {inner}"))) == [("unknown_event", 1)]
