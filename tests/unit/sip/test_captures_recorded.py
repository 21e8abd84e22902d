# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures of real programs (tests/fixtures/captures): the same messages as tshark sees, and the registrations."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import parse_message
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import hep, open_source, pcap
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.exchange import Doubt, Recorded

from .packets import block, enhanced, interface, items, section

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "captures"
NAMES = sorted(path.name for path in FIXTURES.iterdir() if path.suffix in (".pcap", ".pcapng", ".hep"))
WHOLE = [name for name in NAMES if name != "snaplen.pcap"]

Told = tuple[str, ...]


def told_by_tshark(name: str) -> list[Told]:
    """Source, port, destination, port, method or status, Call-ID and CSeq of each message."""
    found: list[Told] = []
    for line in (FIXTURES / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        _frame, _time, *ends, methods, statuses, call_ids, cseqs = line.split("\t")
        fields = [(methods or statuses).split("|"), call_ids.split("|"), cseqs.split("|")]
        # Each pair of columns is IPv4 or IPv6, UDP or TCP: one of the two is empty.
        found += [(*filter(None, ends), *message) for message in zip(*fields, strict=True)]
    return found


def messages(name: str) -> list[Recorded | Refusal]:
    data = (FIXTURES / name).read_bytes()
    found = hep.messages([data], name) if name.endswith(".hep") else pcap.messages([data], name)
    return [item for item in found if not isinstance(item, Doubt)]


def told_by_us(recorded: Recorded) -> Told:
    message = parse_message(recorded.data)
    ends = recorded.source, recorded.source_port, recorded.destination, recorded.destination_port
    what = message.method or message.status
    return tuple(map(str, (*ends, what, message.call_id, message.cseq.number)))


@pytest.mark.parametrize("name", WHOLE)
def test_the_messages_are_those_that_tshark_sees(name: str) -> None:
    found = messages(name)
    assert [item for item in found if isinstance(item, Refusal)] == []
    expected = told_by_tshark(name)
    assert len(expected) >= 4
    # tshark tells a message at the packet that completes it, we where it begins: order may differ.
    told = [told_by_us(item) for item in found if isinstance(item, Recorded)]
    if name.endswith(".hep"):
        # Kamailio's siptrace has a reply go to the port of the Via, over TCP another than on the wire.
        told, expected = ([(*item[:3], *item[4:]) for item in some] for some in (told, expected))
    assert Counter(told) == Counter(expected)


@pytest.mark.parametrize("name", ["ethernet.pcap", "nanoseconds.pcapng", "cooked2.pcap", "interfaces.pcapng"])
def test_number_and_time_are_those_of_tshark(name: str) -> None:
    lines = [line.split("\t") for line in (FIXTURES / f"{name}.tsv").read_text(encoding="utf-8").splitlines()]
    found = [item for item in messages(name) if isinstance(item, Recorded)]
    assert [item.where for item in found] == [f"{name}:{line[0]}" for line in lines]
    # A float holds a time of this century to a quarter of a microsecond.
    assert [item.time for item in found] == pytest.approx([float(line[1]) for line in lines], abs=5e-7, rel=0)


def test_a_message_that_snaplen_cut_is_refused_for_each_that_tshark_sees() -> None:
    found = messages("snaplen.pcap")
    lines = (FIXTURES / "snaplen.pcap.tsv").read_text(encoding="utf-8").splitlines()
    assert {item.code for item in found if isinstance(item, Refusal)} == {"truncated_capture"}
    assert [item.where for item in found] == [f"snaplen.pcap:{line.split()[0]}" for line in lines]


def facts(data: bytes) -> list[tuple[str | None, str, str | None, str | None, tuple[str, ...]]]:
    """Call-ID, source, transport, authenticated user, old addresses; of a refusal its code."""
    found = []
    for item in open_source("auto", [data], "f")[1]:
        assert isinstance(item, Registration), item
        old = tuple(map(str, item.old_addresses))
        found.append((item.call_id, str(item.source_address), item.transport, item.authenticated_user, old))
    return found


MOVE = [
    ("home@phone", "198.51.100.20", "udp", "alice", ()),
    ("moved@phone", "198.51.100.21", "udp", "alice", ("198.51.100.20",)),
]
MOVE6 = [
    ("home@phone", "2001:db8:51::20", "udp", "alice", ()),
    ("moved@phone", "2001:db8:51::21", "udp", "alice", ("2001:db8:51::20",)),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((f"{name}.pcap", MOVE) for name in ("vlan", "qinq", "nanoseconds")),
        *((f"{name}.pcap", [*MOVE, *MOVE6]) for name in ("cooked", "cooked2", "raw_ip")),
        ("ipv6.pcap", MOVE6),
        ("dumpcap.pcapng", MOVE),
        ("interfaces.pcapng", [*MOVE * 3, *MOVE6, *MOVE, *MOVE6]),
        ("lost_answer.pcap", [("again@phone", *MOVE[1][1:])]),
        ("fragments.pcap", [("large@phone", *MOVE[1][1:])]),
        ("fragments_ipv6.pcap", [("large@phone", *MOVE6[1][1:])]),
        *(
            (f"tcp_{name}.pcap", [(call_id, "198.51.100.21", "tcp", "alice", ("198.51.100.20",)) for call_id in ids])
            for name, ids in (("one_segment", ("one@phone", "two@phone")), ("disorder", ("one@phone", "two@phone")))
        ),
    ],
)
def test_a_move_is_read_from_every_kind_of_capture(name: str, expected: list[object]) -> None:
    assert facts((FIXTURES / name).read_bytes()) == expected


def test_hep_of_kamailio() -> None:
    found = facts((FIXTURES / "kamailio.hep").read_bytes())
    assert found[:4] == [*MOVE, *MOVE6]
    assert [(item[0], item[2], item[3]) for item in found[4:]] == [
        ("one@phone", "tcp", "alice"),
        ("two@phone", "tcp", "alice"),
    ]


def test_what_the_server_refused_is_no_registration() -> None:
    """401 to a wrong password is a challenge like any other and no finding; 403 is one (RFC 3261 section 10.3)."""
    found = list(items((FIXTURES / "ethernet.pcap").read_bytes()))
    assert [item.call_id for item in found if isinstance(item, Registration)] == ["home@phone", "moved@phone"]
    assert [(item.code, item.reason) for item in found if isinstance(item, Refusal)] == [
        ("not_accepted", "the server answered 403")
    ]


def test_a_request_that_nobody_answers_is_told_once() -> None:
    (found,) = items((FIXTURES / "unanswered.pcap").read_bytes())
    assert isinstance(found, Refusal)
    assert found.code == "unanswered"


def records(data: bytes) -> list[tuple[int, int, bytes]]:
    """Seconds, microseconds and frame of each packet of a little-endian pcap file."""
    found, at = [], 24
    while at < len(data):
        seconds, part, size, _length = struct.unpack_from("<IIII", data, at)
        found.append((seconds, part, data[at + 16 : at + 16 + size]))
        at += 16 + size
    return found


def rewritten(name: str, order: str, link: int, strip: int, prefix: bytes) -> bytes:
    """A recorded pcap file in another byte order, with another link header. Not recorded: made here."""
    found = [struct.pack(order + "IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)]
    for seconds, part, frame in records((FIXTURES / name).read_bytes()):
        frame = prefix + frame[strip:]
        found.append(struct.pack(order + "IIII", seconds, part, len(frame), len(frame)) + frame)
    return b"".join(found)


@pytest.mark.parametrize(
    ("name", "order", "link", "strip", "prefix", "expected"),
    [
        ("vlan.pcap", ">", 1, 0, b"", MOVE),
        ("raw_ip.pcap", ">", 12, 0, b"", [*MOVE, *MOVE6]),
        ("raw_ip.pcap", "<", 14, 0, b"", [*MOVE, *MOVE6]),
    ],
)
def test_files_of_other_machines(
    name: str, order: str, link: int, strip: int, prefix: bytes, expected: list[object]
) -> None:
    assert facts(rewritten(name, order, link, strip, prefix)) == expected


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("link", "family"), [(0, 2), (0, 24), (0, 28), (0, 30), (108, 2), (108, 30)])
def test_loopback_of_bsd_and_macos(link: int, family: int, order: str) -> None:
    """LINKTYPE_NULL has the family in the byte order of the machine, LINKTYPE_LOOP in network order."""
    prefix = struct.pack(">I" if link == 108 else order + "I", family)
    version, expected = (4, MOVE) if family == 2 else (6, MOVE6)
    frames = [frame for frame in records((FIXTURES / "raw_ip.pcap").read_bytes()) if frame[2][0] >> 4 == version]
    found = [struct.pack(order + "IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)]
    for seconds, part, frame in frames:
        found.append(struct.pack(order + "IIII", seconds, part, len(frame) + 4, len(frame) + 4) + prefix + frame)
    assert facts(b"".join(found)) == expected


def test_a_pcapng_file_of_a_big_endian_machine_and_one_behind_it() -> None:
    """Each section has its own byte order and interfaces (pcapng section 4.1)."""
    frames = records((FIXTURES / "raw_ip.pcap").read_bytes())
    found = b""
    # Later than the first by more than Timer F: else the second would be copies of the same transactions.
    for order, later in ((">", 0), ("<", 60)):
        found += section(order) + interface(101, order) + block(0x0BAD, b"what nobody knows", order)
        for seconds, part, frame in frames:
            found += enhanced(frame, (seconds + later) * 10**6 + part, order)
    assert facts(found) == [*MOVE, *MOVE6] * 2


def test_a_connection_of_which_the_capture_has_not_the_beginning() -> None:
    """Read from the first segment on that begins with a message."""
    whole = (FIXTURES / "tcp_sipp.pcap").read_bytes()
    assert len(facts(whole)) == 3
    frames = records(whole)
    second = next(n for n, (_s, _p, frame) in enumerate(frames) if b"2-" in frame and b"REGISTER sip" in frame)
    offset = 24 + sum(16 + len(frame) for _s, _p, frame in frames[:second])
    assert facts(whole[:24] + whole[offset:]) == facts(whole)[1:]
