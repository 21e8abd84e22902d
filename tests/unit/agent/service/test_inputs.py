# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that are pushed: over sockets, and as Kamailio's evapi frames them."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.agent.service.config import Endpoint
from ansible_collections.sipmobility.handover.agent.service.inputs.follow import Follower
from ansible_collections.sipmobility.handover.agent.service.inputs.pushed import datagrams, evapi, netstring
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Item
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.cursor import Cursor

EVENT = b'{"v": 1, "event": "expired", "time": 1.5, "aor": "sip:a@b", "contact": "sip:a@192.0.2.1"}'


async def read(data: bytes) -> list[bytes | str]:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    found: list[bytes | str] = []
    try:
        while True:
            found.append(await netstring(reader))
    except (EOFError, ValueError) as error:
        found.append(type(error).__name__)
    return found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"5:hello,0:,3:a,b,", [b"hello", b"", b"a,b", "IncompleteReadError"]),
        (b"5:hel", ["IncompleteReadError"]),
        (b"3:hello,", ["ValueError"]),
        (b"-1:,", ["ValueError"]),
        (b"x:hello,", ["ValueError"]),
        (b"99999999:", ["ValueError"]),
        (b"7" * (256 * 1024), ["ValueError"]),
    ],
)
def test_netstrings(data: bytes, found: list[bytes | str]) -> None:
    assert asyncio.run(read(data)) == found


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


def test_evapi_is_reached_again(tmp_path: Path) -> None:
    """A server that frames as evapi does, and breaks off; a stand-in for Kamailio, which the lab has."""

    async def story() -> None:
        found: list[bytes] = []
        told: list[str] = []
        served = 0

        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal served
            served += 1
            writer.write(b"%d:%s," % (len(EVENT), EVENT) + (b"nonsense" if served == 1 else b""))
            await writer.drain()
            if served == 1:
                await asyncio.sleep(0.05)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        task = asyncio.create_task(evapi(Endpoint("127.0.0.1", port), found.append, told.append))
        await _until(lambda: len(found) >= 2)
        task.cancel()
        server.close()
        assert found[:2] == [EVENT, EVENT]
        assert "connected" in told

    asyncio.run(story())


def test_a_unix_socket_takes_the_place_of_one_that_was_left(tmp_path: Path) -> None:
    async def story() -> None:
        path = str(tmp_path / "events.sock")
        found: list[bytes] = []
        for number in range(2):
            transport = await datagrams(path, found.append)
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"%d" % number, path)
            await _until(lambda: len(found) == number + 1)  # noqa: B023 - awaited here
            transport.close()
            await asyncio.sleep(0)
        assert found == [b"0", b"1"]
        assert (tmp_path / "events.sock").stat().st_mode & 0o777 == 0o660

    asyncio.run(story())


def test_a_log_is_followed_from_its_cursor(tmp_path: Path) -> None:
    log = tmp_path / "register.jsonl"
    found: list[Item] = []
    cursors: list[Cursor | None] = [None]

    def taken(items: list[Item], cursor: Cursor | None) -> None:
        found.extend(items)
        cursors.append(cursor)

    async def story() -> None:
        for number in range(3):  # the first time there is no log yet
            follower = Follower(str(log), "kamailio", cursors[-1], taken)
            follower.start()
            try:
                with log.open("ab") as file:
                    file.write(EVENT + b"\n")
                await _until(lambda: len(found) == number + 1)  # noqa: B023 - awaited here
            finally:
                follower.stop()
                follower.join(60)
            assert not follower.is_alive()

    asyncio.run(story())
    assert len(found) == 3


def test_a_log_that_cannot_be_read_is_told_once_and_read_when_it_can_be(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    found: list[Item] = []
    follower = Follower(str(log), "kamailio", None, lambda items, _cursor: found.extend(items))
    follower.start()
    try:
        end = time.monotonic() + 60
        while not found and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(2.5)  # it is tried again, and not told again
        assert [getattr(item, "code", None) for item in found] == ["unreadable_file"]
        log.rmdir()
        log.write_bytes(EVENT + b"\n")
        end = time.monotonic() + 60
        while len(found) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        assert len(found) == 2
    finally:
        follower.stop()
        follower.join(60)
