# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the connection table, as the kernel and conntrack 1.4.7 print them; and rows that nobody printed."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.connection import (
    Connection,
    Standing,
    connection_from_record,
    connection_to_record,
    session_of,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.conntrack import (
    parse_connections,
    read_connections,
)

OLD = ip_address("1.1.1.1")
#: A call out of a masqueraded network, what the phone opened, IPv6 as the kernel writes it, and what is idle.
PRINTED = """\
ipv4     2 udp      17 119 src=10.0.0.5 dst=1.1.1.1 sport=5000 dport=4000 src=1.1.1.1 dst=3.3.3.1 sport=4000 \
dport=61000 [ASSURED] mark=0 use=1
ipv4     2 tcp      6 431999 ESTABLISHED src=1.1.1.1 dst=3.3.3.3 sport=40000 dport=7000 src=3.3.3.3 dst=1.1.1.1 \
sport=7000 dport=40000 [ASSURED] mark=0 zone=3 use=2
ipv4     2 tcp      6 ESTABLISHED src=1.1.1.1 dst=3.3.3.3 sport=40001 dport=7000 packets=9 bytes=5 src=3.3.3.3 \
dst=1.1.1.1 sport=7000 dport=40001 packets=1 bytes=3 [OFFLOAD] mark=0 use=2
ipv4     2 tcp      6 3 TIME_WAIT src=1.1.1.1 dst=3.3.3.3 sport=40002 dport=7000 src=3.3.3.3 dst=1.1.1.1 sport=7000 \
dport=40002 [ASSURED] mark=0 use=1
ipv4     2 tcp      6 9 SYN_SENT src=3.3.3.3 dst=1.1.1.1 sport=9 dport=22 [UNREPLIED] src=1.1.1.1 dst=3.3.3.3 \
sport=22 dport=9 mark=0 use=1
ipv4     2 udp      17 29 src=3.3.3.3 dst=1.1.1.1 sport=9 dport=99 [UNREPLIED] src=1.1.1.1 dst=3.3.3.3 sport=99 \
dport=9 mark=0 use=1
ipv4     2 sctp     132 9 ESTABLISHED src=1.1.1.1 dst=3.3.3.3 sport=1 dport=2 src=3.3.3.3 dst=1.1.1.1 sport=2 dport=1
ipv4     2 udplite  136 29 src=1.1.1.1 dst=3.3.3.3 sport=5 dport=6 src=3.3.3.3 dst=1.1.1.1 sport=6 dport=5 mark=0
ipv6     10 udp      17 29 src=2001:0db8:0000:0000:0000:0000:0000:0001 dst=2001:0db8:0000:0000:0000:0000:0000:0002 \
sport=7 dport=8 src=2001:0db8:0000:0000:0000:0000:0000:0002 dst=2001:0db8:0000:0000:0000:0000:0000:0001 sport=8 dport=7
"""


def test_each_row_is_a_connection() -> None:
    found, skipped = parse_connections(PRINTED.splitlines())
    assert skipped == {}
    assert [(one.protocol, one.source_port, one.standing.value) for one in found] == [
        ("udp", 5000, "live"),
        ("tcp", 40000, "live"),
        ("tcp", 40001, "live"),
        ("tcp", 40002, "over"),
        ("tcp", 9, "opening"),
        ("udp", 9, "one_way"),
        ("sctp", 1, "live"),
        ("udplite", 5, "live"),
        ("udp", 7, "live"),
    ]
    assert session_of(found[0], OLD) == Session(
        "udp", 4000, ip_address("10.0.0.5"), 5000, outside=ip_address("3.3.3.1"), outside_port=61000
    )
    assert session_of(found[1], OLD) == Session("tcp", 40000, ip_address("3.3.3.3"), 7000)
    assert found[8].source == ip_address("2001:db8::1")
    assert session_of(found[8], OLD) is None


def test_a_phone_that_is_itself_translated_is_somebody_else_outside() -> None:
    row = "ipv4 2 tcp 6 9 ESTABLISHED src=1.1.1.1 dst=3.3.3.3 sport=4 dport=7 src=3.3.3.3 dst=9.9.9.9 sport=7 dport=4"
    (one,), _skipped = parse_connections([row])
    assert session_of(one, OLD) is None


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("conntrack v1.4.7 (conntrack-tools): 4 flow entries have been shown.", "no row"),
        ("ipv4 2 icmp 1 29 src=1.1.1.1 dst=3.3.3.3 type=8 code=0 id=1 src=3.3.3.3 dst=1.1.1.1", "other protocol"),
        ("ipv4 2 tcp 6 9 LISTENING src=1.1.1.1", "unreadable"),
        (
            "ipv4 2 udp 17 9 BUSY " + PRINTED.partition("119 ")[2].partition(" [")[0].replace("\\\n", ""),
            "unknown state",
        ),
        (
            "ipv4 2 udp 17 9 src=1.1.1.1 dst=3.3.3.3 sport=0 dport=1 src=3.3.3.3 dst=1.1.1.1 sport=1 dport=0",
            "unreadable",
        ),
        (
            "ipv6 10 udp 17 9 src=1.1.1.1 dst=3.3.3.3 sport=2 dport=1 src=3.3.3.3 dst=1.1.1.1 sport=1 dport=2",
            "unreadable",
        ),
        ("ipv4 2 udp 17 9 " + "x" * 4000, "too long"),
    ],
)
def test_what_is_no_connection_is_counted(row: str, why: str) -> None:
    assert parse_connections([row]) == ([], {why: 1})


WORDS = st.sampled_from(
    "ipv4 ipv6 2 tcp udp sctp 6 17 9 ESTABLISHED TIME_WAIT [UNREPLIED] [ASSURED] src=1.1.1.1 dst=3.3.3.3 sport=1 "
    "dport=99999999999 src=::1 dst=fe80::1%eth0 sport= dport=7 src=3.3.3.3 mark=0 use=1 \x00 =".split()
)


@given(st.lists(st.lists(WORDS | st.text(max_size=9), max_size=20).map(" ".join), max_size=5))
def test_any_lines(lines: list[str]) -> None:
    found, skipped = parse_connections(lines)
    assert len(found) + sum(skipped.values()) <= len(lines)
    for connection in found:
        assert connection_from_record(connection_to_record(connection)) == connection


ADDRESSES = st.sampled_from([ip_address(text) for text in ("1.1.1.1", "3.3.3.3", "10.0.0.5")])
PORTS = st.integers(1, 65535)
ENDS = (ADDRESSES, PORTS, ADDRESSES, PORTS)


@given(st.builds(Connection, st.just("udp"), *ENDS, *ENDS, st.sampled_from(Standing)))
def test_a_session_has_the_host_at_its_end(connection: Connection) -> None:
    """Whatever a table holds, it can only say something about the host's own packets."""
    session = session_of(connection, OLD)
    if session is not None:
        assert session.correspondent != OLD
        ends = {(connection.source, connection.source_port), (connection.destination, connection.destination_port)}
        assert (OLD, session.port) in ends


@pytest.mark.parametrize(
    ("sections", "status", "code"),
    [
        ({"connections": "sorry, you must be root"}, {"connections": 1}, "connections_unknown"),
        ({"connections": ""}, {}, "unreadable_answer"),
        ({"connections": "", "counts": "left_out 1"}, {}, "unreadable_answer"),
    ],
)
def test_a_router_that_cannot_tell(sections: dict[str, str], status: dict[str, int], code: str) -> None:
    with pytest.raises(HandoverError) as refused:
        read_connections(Output(sections, status))
    assert refused.value.code == code


@given(st.dictionaries(st.sampled_from(["connections", "counts"]), st.text()), st.booleans())
def test_any_answer(sections: dict[str, str], failed: bool) -> None:
    with suppress(HandoverError):
        read_connections(Output(sections, {"connections": 1} if failed else {}))


@given(
    st.dictionaries(st.sampled_from("protocol source source_port standing other".split()), st.text() | st.integers())
)
def test_any_record(record: dict[str, object]) -> None:
    with pytest.raises(HandoverError):
        connection_from_record(record)
