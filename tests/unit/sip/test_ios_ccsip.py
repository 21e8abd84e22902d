# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco's ``debug ccsip messages``, written from its documentation."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.lines import Position

from .messages import REGISTER, SESSIONS_TYPE, changed, message, register, sessions, with_body
from .reading import WRITTEN, codes, items, registrations, told

DATA = (WRITTEN / "ios_ccsip.txt").read_bytes()
SHOWN = b"001: Nov 24 2026 04:00:00.250 UTC: //-1/xxxxxxxxxxxx/SIP/Msg/ccsipDisplayMsg:\nReceived: \n"


def shown(**headers: str | None) -> bytes:
    """The patent's REGISTER as a debug shows it."""
    return SHOWN + register(**headers).replace(b"\r\n", b"\n")


def test_only_registers_that_were_received_count() -> None:
    assert told(items("auto", DATA)) == [
        "6 registered sip:alice@visited.example sip:alice@203.0.113.50:5060 600",
        "59 registered sip:bob@visited.example sip:bob@198.51.100.51 3600",
    ]


def test_what_a_debug_tells_and_what_not() -> None:
    first, second = registrations(items("ios_ccsip", DATA))
    assert first.tagged
    assert first.old_addresses == (ip_address("198.51.100.50"),)
    assert (first.source_address, first.authenticated_user, first.transport) == (None, None, "udp")
    # The clock of the second is not set (the asterisk), and its line has no year.
    assert (first.received_at, second.received_at) == (1795492800.25, None)


@pytest.mark.parametrize(
    ("time", "moment"),
    [
        ("Nov 24 2026 04:00:00 UTC: ", 1795492800.0),
        ("Nov  4 2026 04:00:00.500 GMT: ", 1793764800.5),
        (".Nov 24 2026 04:00:00.250 UTC: ", None),
        ("*Nov 24 2026 04:00:00.250 UTC: ", None),
        ("Nov 24 2026 04:00:00.250 CET: ", None),
        ("Nov 24 04:00:00.250: ", None),
        ("Feb 31 2026 04:00:00 UTC: ", None),
        ("1d02h: ", None),
        ("", None),
    ],
)
def test_a_time_is_one_only_with_year_zone_and_a_clock_that_is_set(time: str, moment: float | None) -> None:
    data = shown().replace(b"Nov 24 2026 04:00:00.250 UTC: ", time.encode())
    assert [item.received_at for item in registrations(items("auto", data))] == [moment]


def test_a_body_is_passed() -> None:
    body = b"v=0\n\nReceived:\nREGISTER sip:a SIP/2.0\n"
    found = items("ios_ccsip", shown(content_length=str(len(body))) + body + b"\n" + shown())
    assert (len(registrations(found)), codes(found)) == (2, [])


def test_lines_may_end_in_crlf() -> None:
    assert told(items("ios_ccsip", DATA.replace(b"\n", b"\r\n"))) == told(items("ios_ccsip", DATA))


def test_a_debug_that_is_cut_is_read_when_its_rest_is_there() -> None:
    data = shown(cseq="1 REGISTER") + shown(cseq="2 REGISTER")
    for cut in range(len(data)):
        position = Position()
        first = items("ios_ccsip", data[:cut], 64, position)
        rest = items("ios_ccsip", data[position.offset :], 64, position)
        assert [item.cseq for item in registrations([*first, *rest])] == [1, 2], cut
        assert codes(rest) == []
        assert {code for code, _line in codes(first)} <= {"truncated_message"}


def test_a_message_that_the_next_one_cuts_is_refused() -> None:
    found = items("ios_ccsip", shown()[:300] + b"\n" + shown(cseq="2 REGISTER"))
    assert codes(found) == [("truncated_message", 3)]
    assert [item.cseq for item in registrations(found)] == [2]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (shown(contact="<sip:a@h"), "bad_address"),
        (shown(call_id=None), "missing_header"),
        (SHOWN + b"hello\n\n", None),
        (shown().replace(b"Max-Forwards: 70", b"Max-Forwards: 7\x000"), "control_character"),
        (shown().replace(b"Max-Forwards: 70", b"X: " + b"x" * 70_000), "message_too_large"),
        (shown().replace(b"Max-Forwards: 70", b"X: " + b"x" * 300_000), "message_too_large"),
        (shown().replace(b"Max-Forwards: 70\n", b"X: y\n" * 300), "too_many_headers"),
    ],
)
def test_a_bad_message_is_refused_and_the_others_are_read(message: bytes, code: str | None) -> None:
    found = items("ios_ccsip", shown(cseq="1 REGISTER") + message + shown(cseq="3 REGISTER"))
    assert {item.cseq for item in registrations(found)} >= {1, 3}
    assert [name for name, _line in codes(found)] == ([] if code is None else [code])


def test_a_list_of_sessions_is_read_with_the_line_ends_it_had() -> None:
    whole = with_body(REGISTER, SESSIONS_TYPE, sessions())
    (found,) = registrations(items("ios_ccsip", SHOWN + whole.replace(b"\r\n", b"\n") + b"\n\n" + shown()))[:1]
    assert found.listed is not None
    assert found.body_refused == ()


def test_a_body_that_the_next_message_cuts_is_refused() -> None:
    found = items("ios_ccsip", shown(content_length="900") + b"{\n" + shown(cseq="2 REGISTER"))
    assert codes(found) == [("truncated_message", 3)]
    assert [item.cseq for item in registrations(found)] == [2]


def test_a_tagged_notify_counts_and_other_requests_do_not() -> None:
    """The patent, section 4: the tag in re-INVITE and NOTIFY tells the correspondent's server."""
    dialog = [(name, value + ";tag=1" if name == "To" else value) for name, value in changed(REGISTER, cseq="9 NOTIFY")]
    notify = message(dialog, "NOTIFY sip:bob@198.51.100.9 SIP/2.0").replace(b"\r\n", b"\n")
    invite = shown(cseq="1 INVITE", tag=None, require=None, content_length="999").replace(
        b"REGISTER sip", b"INVITE sip"
    )
    found = items("ios_ccsip", SHOWN + notify + invite + shown())
    assert [item.method for item in registrations(found)] == ["NOTIFY", "REGISTER"]
    assert codes(found) == []
