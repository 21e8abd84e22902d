# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every capture: no exception, no matter how it comes in chunks, nothing lost beside what is broken."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import CODES, Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source

from ..growth import LINEAR, TIMES, growth
from .messages import NOW
from .packets import (
    RAW,
    block,
    enhanced,
    ethernet,
    exchange,
    interface,
    ip,
    items,
    numbered,
    pcap,
    read,
    section,
    tcp,
    udp,
)

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "captures"
RECORDED = {path.name: path.read_bytes() for path in FIXTURES.iterdir() if path.suffix in (".pcap", ".pcapng", ".hep")}
LINKS = st.sampled_from([0, 1, 12, 14, 101, 108, 113, 147, 228, 229, 276])

#: Packets that are right down to some layer, and noise from there on.
FRAMES = st.one_of(
    st.binary(max_size=80),
    st.binary(max_size=80).map(lambda data: ethernet(b"\x45" + data)),
    st.binary(max_size=80).map(lambda data: ethernet(b"\x60" + data)),
    st.binary(max_size=80).map(lambda data: ethernet(ip(data, protocol=6))),
    st.binary(max_size=80).map(lambda data: ethernet(ip(data, "2001:db8::1", "2001:db8::2", protocol=0))),
    st.binary(max_size=80).map(lambda data: ethernet(ip(udp(data)))),
    st.tuples(st.binary(max_size=80), st.integers(0, 200), st.integers(0, 63)).map(
        lambda part: ethernet(ip(tcp(*part), protocol=6))
    ),
    st.tuples(st.binary(max_size=80), st.integers(0, 20), st.booleans()).map(
        lambda part: ethernet(ip(part[0], fragment=(part[1] * 8, part[2])))
    ),
    st.sampled_from([ethernet(packet) for packet in exchange(1)]),
    st.sampled_from([ethernet(ip(tcp(numbered(2)[n : n + 99], n), protocol=6)) for n in range(0, 500, 99)]),
)


@given(st.lists(FRAMES, max_size=12), LINKS, st.integers(1, 99), st.booleans())
def test_any_packets_are_read_or_refused_with_a_documented_code(
    frames: list[bytes], link: int, chunk: int, new: bool
) -> None:
    data = pcap(frames, link)
    if new:
        data = section() + interface(link) + b"".join(enhanced(frame, int(NOW * 10**6)) for frame in frames)
    found = list(items(data))
    assert found == list(items(data, "auto", chunk))
    assert all(item.code in CODES for item in found if isinstance(item, Refusal))


@given(st.sampled_from(sorted(RECORDED)), st.data())
def test_a_damaged_recording_never_raises_and_chunks_do_not_matter(name: str, data: st.DataObject) -> None:
    whole = bytearray(RECORDED[name])
    for _n in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    source = "hep" if name.endswith(".hep") else "pcap"
    found = list(items(cut, source))
    assert found == list(items(cut, source, data.draw(st.integers(1, 500))))
    assert all(item.code in CODES for item in found if isinstance(item, Refusal))


@given(st.sampled_from(["ethernet.pcap", "dumpcap.pcapng", "kamailio.hep"]), st.data())
def test_a_recording_that_is_cut_anywhere_has_all_that_stands_before(name: str, data: st.DataObject) -> None:
    whole = RECORDED[name]
    source = "hep" if name.endswith(".hep") else "pcap"
    cut = data.draw(st.integers(0, len(whole)))
    complete = [item for item in items(whole, source) if isinstance(item, Registration)]
    found = [item for item in items(whole[:cut], source) if isinstance(item, Registration)]
    assert found == complete[: len(found)]
    # Reading more never finds less.
    more = items(whole[: data.draw(st.integers(cut, len(whole)))], source)
    assert len(found) <= sum(isinstance(item, Registration) for item in more)


@given(st.lists(FRAMES, max_size=5))
def test_the_registration_behind_any_packets_is_found(frames: list[bytes]) -> None:
    """Of another phone, so that nothing in front of it can contradict it."""
    behind = [ethernet(packet.replace(b"843817637684230", b"another-call-id")) for packet in exchange(7)]
    for data in (
        pcap([*frames, *behind]),
        section() + interface() + b"".join(enhanced(frame, int(NOW * 10**6)) for frame in [*frames, *behind]),
    ):
        assert 7 in read(data)


def endless(name: str, count: int) -> Iterator[bytes]:
    """A long capture of one kind of packet, in so many chunks of 64 KiB or so; of different flows."""
    if name == "hep":
        yield from [(b"HEP3\0\x0c" + b"\0\0\0\x0b\0\x06") * 5000] * count
        return
    if name == "skipped blocks":
        yield section()
        yield from [block(5, bytes(60000))] * count
        return
    yield pcap([], RAW)
    for n in range(count):
        source = f"2.2.3.{n}"
        frame = {
            "udp": ip(udp(b"\x80" + bytes(170)), source),
            "tcp": ip(tcp(b"GET / HTTP/1.1\r\n" + bytes(1400), n * 1416), source, protocol=6),
            "tcp midway": ip(tcp(b"\r\n" + bytes(1400), n * 5000), source, protocol=6),
            "fragments": ip(bytes(1400), source, fragment=(0, True)),
            "other": ip(bytes(1400), source, protocol=47),
            "broken": b"\x45",
        }[name]
        yield pcap([frame] * (65536 // (len(frame) + 16)), RAW)[24:]


ENDLESS = pytest.mark.parametrize(
    "name", ["hep", "skipped blocks", "udp", "tcp", "tcp midway", "fragments", "other", "broken"]
)


def read_through(chunks: list[bytes]) -> None:
    for _item in open_source("auto", iter(chunks), "f")[1]:
        pass


@ENDLESS
def test_an_endless_capture_takes_flat_memory(name: str) -> None:
    chunks = list(endless(name, 8))
    tracemalloc.start()
    try:
        read_through(chunks)
        assert tracemalloc.get_traced_memory()[1] < sum(map(len, chunks)) / 2
    finally:
        tracemalloc.stop()


@ENDLESS
def test_an_endless_capture_takes_linear_time(name: str) -> None:
    small, large = (list(endless(name, count)) for count in (2, 2 * TIMES))
    assert growth(lambda: read_through(small), lambda: read_through(large)) < LINEAR
