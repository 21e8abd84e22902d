# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the full demo measures: the call that sipp made, and each session's silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.node.dialogs_file import parse_dialogs
from demo.calls.agreed import agreed, as_dialogs
from demo.gaps import silence

_RULE = "-" * 47
_SDP = "v=0\r\no=x 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 0\r\n"
_HEAD = "From: <sip:alice@home.example>;tag=c\r\nTo: <sip:bob@far.example>{0}\r\nCall-ID: call@phone\r\nCSeq: {1}\r\n"
_ROUTES = "".join(
    f"Record-Route: {value}\r\n"
    for value in ("<sip:203.0.113.4;lr>,<sip:203.0.113.3:5061;transport=tls;lr>", "<sip:203.0.113.3;lr>")
)


def message(second: int, way: str, first: str, number: str, more: str = "", tag: str = "", body: str = "") -> str:
    """As sipp 3.6 writes one."""
    size = "(9 bytes)" if way == "sent" else "[9] bytes "
    head = f"{first}\r\n{_HEAD.format(tag, number)}{more}\r\n"
    return f"{_RULE} 2026-11-26 14:24:0{second}.500000\nUDP message {way} {size}:\n\n{head}{body}\n"


OFFER, ANSWER = _SDP.format("198.51.100.20", 4000), _SDP.format("198.51.100.40", 5004)
CALL = (
    message(1, "sent", "INVITE sip:bob@far.example SIP/2.0", "1 INVITE", body=OFFER),
    message(1, "received", "SIP/2.0 407 Proxy Authentication Required", "1 INVITE", tag=";tag=p"),
    message(1, "sent", "ACK sip:bob@far.example SIP/2.0", "1 ACK", tag=";tag=p"),
    message(2, "sent", "INVITE sip:bob@far.example SIP/2.0", "2 INVITE", body=OFFER),
    message(2, "received", "SIP/2.0 180 Ringing", "2 INVITE", _ROUTES, ";tag=b"),
    message(
        3,
        "received",
        "SIP/2.0 200 OK",
        "2 INVITE",
        f"{_ROUTES}Contact: <sip:bob@198.51.100.40:5060>\r\n",
        ";tag=b",
        ANSWER,
    ),
    message(3, "sent", "ACK sip:bob@198.51.100.40:5060 SIP/2.0", "2 ACK", tag=";tag=b"),
)


def record(directory: Path, *messages: str) -> Path:
    path = directory / "call.messages"
    path.write_bytes("".join(messages).encode())
    return path


def test_what_a_call_has_agreed_on(tmp_path: Path) -> None:
    found = agreed(record(tmp_path, *CALL))
    assert found is not None
    assert (found.ours, found.theirs) == (("198.51.100.20", 4000), ("198.51.100.40", 5004))
    assert (found.target, found.cseq, found.seconds) == ("sip:bob@198.51.100.40:5060", 2, 2.0)
    # RFC 3261 section 12.1.2: the caller's route is the list turned around.
    assert found.route == (
        "<sip:203.0.113.3;lr>",
        "<sip:203.0.113.3:5061;transport=tls;lr>",
        "<sip:203.0.113.4;lr>",
    )
    (dialog,) = parse_dialogs(json.dumps(as_dialogs(found)).encode())
    assert (dialog.local_tag, dialog.remote_tag, dialog.remote_uri) == ("c", "b", "sip:bob@far.example")


@pytest.mark.parametrize("count", range(len(CALL)))
def test_no_call_before_it_is_taken_and_acknowledged(tmp_path: Path, count: int) -> None:
    assert agreed(record(tmp_path, *CALL[:count])) is None


def test_no_call_where_nothing_was_written_yet(tmp_path: Path) -> None:
    assert agreed(tmp_path / "call.messages") is None


class TestSilence:
    """A packet each 20 ms both ways, from second 0 to second 10; the phone moves at 5."""

    def files(self, directory: Path, *, silent: tuple[float, float], reset: float | None = None) -> dict[str, Path]:
        found = {}
        for node in ("mn", "cn"):
            events = []
            for number in range(500):
                at = number * 0.02
                events.append({"t": at, "event": "sent", "stream": "tcp", "seq": number})
                if node == "mn" or not silent[0] < at < silent[1]:
                    events.append({"t": at, "event": "received", "stream": "tcp", "seq": number})
            if reset is not None:
                events.append({"t": reset, "event": "reset", "stream": "tcp"})
            found[node] = directory / f"{node}.jsonl"
            found[node].write_text("".join(json.dumps(one) + "\n" for one in events), encoding="ascii")
        return found

    def test_the_worse_direction_counts(self, tmp_path: Path) -> None:
        found = silence("tcp", self.files(tmp_path, silent=(5.0, 5.61)), 5.0, 10.0)
        assert found.alive
        assert found.gap == pytest.approx(0.62)
        assert found.lost == 30

    def test_who_hears_nothing_more_is_dead(self, tmp_path: Path) -> None:
        found = silence("tcp", self.files(tmp_path, silent=(6.0, 11.0)), 5.0, 10.0)
        assert not found.alive
        assert found.gap == pytest.approx(4.0)

    def test_who_never_hears_anything_after_the_move_is_dead(self, tmp_path: Path) -> None:
        assert not silence("tcp", self.files(tmp_path, silent=(-1.0, 11.0)), 5.0, 10.0).alive

    def test_a_reset_session_is_dead(self, tmp_path: Path) -> None:
        assert not silence("tcp", self.files(tmp_path, silent=(5.0, 5.5), reset=9.0), 5.0, 10.0).alive
        assert silence("tcp", self.files(tmp_path, silent=(5.0, 5.5), reset=10.5), 5.0, 10.0).alive
