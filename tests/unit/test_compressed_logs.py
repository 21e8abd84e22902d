# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs that are compressed: read like plain ones, in little memory."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.log_files import LogReader
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.gzip_stream import inflated

from .rotating_log import Log, cseqs
from .sip.messages import line


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def test_a_compressed_log_is_read_like_a_plain_one(log: Log) -> None:
    log.write(3)
    plain = list(LogReader(str(log.path)))
    data = log.path.read_bytes()
    # Two members, and the padding that tar and tapes leave.
    log.path.write_bytes(gzip.compress(data[:500]) + gzip.compress(data[500:]) + bytes(512))
    reader = LogReader(str(log.path))
    assert list(reader) == plain
    assert reader.cursor is not None
    assert reader.cursor.offset == len(data)
    assert list(LogReader(str(log.path), cursor=reader.cursor)) == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "followed"])
def test_damaged_compression_is_told_after_what_could_be_read(log: Log, damage: str) -> None:
    log.write(200)
    data = bytearray(gzip.compress(log.path.read_bytes()))
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flipped":
        data[-8] ^= 1  # the checksum
    else:
        data += b"and so on"
    log.path.write_bytes(data)
    found = list(LogReader(str(log.path)))
    read = cseqs(found)
    assert read == list(range(1, len(read) + 1))
    assert len(read) > 10
    last = found[-1]
    assert isinstance(last, Refusal)
    assert (last.code, last.where) == ("unreadable_input", str(log.path))


@given(st.binary(max_size=300), st.integers(1, 20), st.integers(1, 300))
def test_inflated_does_not_care_for_chunks(data: bytes, size: int, split: int) -> None:
    whole = gzip.compress(data[:split]) + gzip.compress(data[split:])
    for stream in (whole, data if not data.startswith(b"\x1f\x8b") else b""):
        chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
        assert b"".join(inflated(chunks)) == (data if stream == whole else stream)


def test_a_compressed_log_that_is_larger_than_memory_takes_none(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _n in range(300):
            file.write(line() + b"x" * 200_000 + b"\n")
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    try:
        number = sum(isinstance(item, Registration) for item in LogReader(str(path), "kamailio"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert number == 300
    assert peak < 3_000_000
