# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions from what ``ss -Hntu`` prints. The lines are as iproute2 6.1 prints them, with addresses of ours."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.sockets import (
    parse_sockets,
    sessions_by_address,
)

PRINTED = """\
udp   ESTAB     0      0                           198.51.100.20:5060          203.0.113.9:5060
tcp   ESTAB     0      0                           198.51.100.20:40000         203.0.113.9:7000
tcp   TIME-WAIT 0      0                           198.51.100.20:40001         203.0.113.9:7000
tcp   SYN-SENT  0      1                           198.51.100.20:40002         203.0.113.9:7000
tcp   LISTEN    0      128                         198.51.100.20:22                0.0.0.0:*

udp   ESTAB     0      0                      198.51.100.20%wlan0:68          203.0.113.1:67
tcp   ESTAB     0      0                [::ffff:198.51.100.20]:40003 [::ffff:203.0.113.9]:443
tcp   ESTAB     0      0                    [2001:db8:a::ffff:1]:40004 [2001:db8::ffff:5]:443
tcp   ESTAB     0      0                          [fe80::1]%wlan0:40005 [fe80::2]%wlan0:443
"""


def test_each_line_is_a_session_or_idle() -> None:
    assert [(s.protocol, s.port, str(s.correspondent), s.correspondent_port) for s in parse_sockets(PRINTED)] == [
        ("udp", 5060, "203.0.113.9", 5060),
        ("tcp", 40000, "203.0.113.9", 7000),
        ("tcp", 40002, "203.0.113.9", 7000),
        ("udp", 68, "203.0.113.1", 67),
        ("tcp", 40003, "203.0.113.9", 443),
        ("tcp", 40004, "2001:db8::ffff:5", 443),
        ("tcp", 40005, "fe80::2", 443),
    ]


def test_nothing_is_no_session() -> None:
    assert parse_sockets("") == []


@pytest.mark.parametrize(
    "line",
    [
        "tcp ESTAB 0 0 198.51.100.20:40000",
        "tcp ESTAB 0 0 198.51.100.20:40000 203.0.113.9:http",
        "tcp ESTAB 0 0 198.51.100.20:40000 203.0.113.9:²",
        "tcp ESTAB 0 0 198.51.100.20:40000 203.0.113.9:" + "9" * 5000,
        "tcp ESTAB 0 0 198.51.100.20:40000 :443",
        "ss: command not found",
    ],
)
def test_a_line_that_is_something_else_is_refused(line: str) -> None:
    with pytest.raises(HandoverError, match="unreadable_answer") as refused:
        parse_sockets(PRINTED + line)
    assert refused.value.subject[:20] == line[:20]


@given(st.text() | st.lists(st.sampled_from((*PRINTED.split(), "\n", "*", "a b", "7:7:7"))).map(" ".join))
def test_nothing_but_our_error_comes_out(printed: str) -> None:
    with suppress(HandoverError):
        parse_sockets(printed)


@given(st.sampled_from(("tcp", "udp")), st.integers(1, 65535), st.integers(1, 65535), st.ip_addresses())
def test_any_session(protocol: str, port: int, peer_port: int, peer: object) -> None:
    host = ip_address(str(peer))
    shown = f"[{host}]" if host.version == 6 else str(host)
    found = parse_sockets(f"{protocol} ESTAB 0 0 198.51.100.20:{port} {shown}:{peer_port}\n")
    mapped = getattr(host, "ipv4_mapped", None)
    assert found == [Session(protocol, port, mapped or host, peer_port)]


def test_sessions_stand_by_the_address_that_they_are_bound_to() -> None:
    found = sessions_by_address(PRINTED)
    assert [one.port for one in found[ip_address("198.51.100.20")]] == [5060, 40000, 40002, 68, 40003]
    assert [one.port for one in found[ip_address("2001:db8:a::ffff:1")]] == [40004]
