# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk's registrar lines and manager events, written from its documentation."""

from __future__ import annotations

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.lines import Position

from .reading import WRITTEN, codes, items, registrations, told

LOG = (WRITTEN / "asterisk.log").read_bytes()
AMI = (WRITTEN / "asterisk_ami.txt").read_bytes()

PREFIX = "[Nov 24 04:00:01] VERBOSE[2165] res_pjsip_registrar.c: "
ADDED = PREFIX + "Added contact '{uri}' to AOR '{aor}' with expiration of {seconds} seconds\n"


def added(uri: str = "sip:a@198.51.100.50", aor: str = "a", seconds: object = 60) -> bytes:
    return ADDED.format(uri=uri, aor=aor, seconds=seconds).encode()


def test_the_lines() -> None:
    assert told(items("auto", LOG)) == [
        "2 registered alice sip:alice@198.51.100.50:5060;transport=TCP 600",
        "3 registered sip:bob@visited.example sip:bob@[2001:db8:1::50]:5060 3600",
        "4 registered alice sip:alice@198.51.100.50:5060;transport=TCP 0",
        "5 gone sip:bob@visited.example sip:bob@[2001:db8:1::50]:5060",
        "6 registered carol sip:carol@203.0.113.50 60",
        "7 gone carol sip:carol@203.0.113.50",
    ]


def test_what_a_line_tells_and_what_not() -> None:
    first, second, removed, _console = registrations(items("asterisk", LOG))
    assert (first.call_id, first.cseq, first.source_address, first.authenticated_user) == (None, None, None, None)
    assert (first.transport, second.transport) == ("tcp", None)
    # A date without year and zone is no time; one with an offset is.
    assert (first.received_at, second.received_at) == (None, 1795492860.0)
    assert removed.removes


@pytest.mark.parametrize(
    "text",
    [
        # A name, a User-Agent or a call that a phone chose, quoted in another line.
        "[Nov 24 04:05:00] NOTICE[1] res_pjsip/x.c: Request from 'Added contact 'sip:a@h' to AOR 'v' with expiration"
        " of 60 seconds'\n",
        "Added contact 'sip:a@198.51.100.50' to AOR 'v' with expiration of 60 seconds\n",
        PREFIX + "Added contact 'sip:a@198.51.100.50' to AOR 'v' with expiration of 60 seconds and more\n",
        PREFIX + "Added contact 'sip:a@198.51.100.50' to AOR 'v' to AOR 'a' with expiration of 60 seconds\n",
    ],
)
def test_only_the_registrars_whole_line_counts(text: str) -> None:
    assert items("asterisk", text.encode()) == []


def test_the_events() -> None:
    found = items("auto", AMI)
    assert told(found) == [
        "2 held alice sip:alice@198.51.100.50:5060 3600",
        "9 held bob sip:bob@203.0.113.50 3600",
        "22 gone alice sip:alice@198.51.100.50:5060",
    ]
    assert [item.received_at for item in registrations(found)] == [None, 1795492800.25]
    assert not registrations(found)[0].expires_stated


def test_an_event_that_is_cut_is_read_when_its_rest_is_there() -> None:
    for cut in range(len(AMI)):
        position = Position()
        first = items("asterisk", AMI[:cut], 64, position)
        rest = items("asterisk", AMI[position.offset :], 64, position)
        assert told([*first, *rest]) == told(items("asterisk", AMI))


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (b"URI: sip:a@h\r\nContactStatus: Removed\r\n", "missing_key"),
        (b"URI: sip:a@h\r\nContactStatus: Reachable\r\nAOR: a\r\nAOR: b\r\n", "bad_value"),
        (b"URI: sip:a@1.2.3.400\r\nContactStatus: Reachable\r\nAOR: a\r\n", "bad_uri"),
        (b"URI: sip:a@h\r\nContactStatus: Removed\r\nAOR: a\r\nTimestamp: soon\r\n", "bad_value"),
    ],
)
def test_a_bad_event_is_refused_and_the_others_are_read(event: bytes, code: str) -> None:
    found = items("asterisk", AMI + b"Event: ContactStatus\r\n" + event + b"\r\n" + AMI)
    assert codes(found) == [(code, 29)]
    assert len(found) == 7


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (added(uri="sip:a@1.2.3.400"), "bad_uri"),
        (added(aor="a<b"), "bad_uri"),
        (added(seconds="9" * 5000), "bad_number"),
        (b"\xff\n", "unreadable_line"),
        (b"a\0b\n", "unreadable_line"),
        (b"x" * 300_000 + b"\n", "unreadable_line"),
    ],
)
def test_a_bad_line_is_refused_and_the_others_are_read(line: bytes, code: str) -> None:
    found = items("asterisk", added() + line + added())
    assert codes(found) == [(code, 2)]
    assert len(registrations(found)) == 2
