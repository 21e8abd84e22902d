# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The publisher and a real NATS server: every event once and in its order, whatever is killed meanwhile."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from ansible_collections.sipmobility.handover.agent.stream.partitions import Partitions

from .nats import NatsServer, nats_server, publishing
from .phones import DOMAIN, Phone
from .place import until

_STREAM = "sip-registrations"


def stored(server: NatsServer) -> list[tuple[str, bytes]]:
    async def ask(stream: JetStreamContext) -> list[tuple[str, bytes]]:
        found: list[tuple[str, bytes]] = []
        for number in range(1, 10_000):
            try:
                one = await stream.get_msg(_STREAM, number)
            except NotFoundError:
                break
            found.append((one.subject or "", one.data or b""))
        return found

    return server.asked(ask)


def write(log: Path, *lines: bytes) -> None:
    with log.open("ab", buffering=0) as file:
        for line in lines:
            file.write(line)


def test_each_event_is_stored_once_in_the_partition_of_its_user(tmp_path: Path) -> None:
    log = tmp_path / "register.jsonl"
    phones = [Phone(f"user{number}") for number in range(20)]
    events = [phone.register(f"198.51.100.{number + 10}") for number, phone in enumerate(phones)]
    # An expiry may come without the domain; a line twice is one event; what is no event is passed over.
    lost = phones[0].lost("198.51.100.10").replace(f"sip:user0@{DOMAIN}".encode(), b"user0", 1)
    write(log, *events, events[3], b"a line of somebody else\n", lost)
    with nats_server(tmp_path / "nats") as server, publishing(server, log, tmp_path / "publish") as publisher:
        publisher.await_told("published", number=21)
        found = stored(server)
        partitions = Partitions(_STREAM, 16)
        assert [data for _subject, data in found] == [one.rstrip(b"\n") for one in (*events, lost)]
        assert [subject for subject, _data in found[:20]] == [
            partitions.subject(partitions.of(f"sip:user{number}@{DOMAIN}")) for number in range(20)
        ]
        assert len({subject for subject, _data in found}) > 5
        assert found[20][0] == found[0][0]


@pytest.mark.chaos
def test_nothing_is_lost_or_turned_round_when_the_server_and_the_publisher_are_killed(tmp_path: Path) -> None:
    log = tmp_path / "register.jsonl"
    phone = Phone("alice")
    events = [phone.register(f"198.51.100.{10 + number}") for number in range(60)]
    with nats_server(tmp_path / "nats") as server:
        with publishing(server, log, tmp_path / "publish") as publisher:
            write(log, *events[:20])
            publisher.await_told("published", number=20)
            server.kill()
            write(log, *events[20:40])
            publisher.await_told("nats", 2)
            server.start()
            publisher.await_told("published", number=40)
            write(log, *events[40:50])
            publisher.stop(signal.SIGKILL)
        write(log, *events[50:])
        with publishing(server, log, tmp_path / "publish") as publisher:
            publisher.await_told("published", number=60)
            assert [data for _subject, data in stored(server)] == [one.rstrip(b"\n") for one in events]


def test_a_stream_that_is_there_keeps_its_partitions(tmp_path: Path) -> None:
    log = tmp_path / "register.jsonl"
    log.touch()
    with nats_server(tmp_path / "nats") as server:
        with publishing(server, log, tmp_path / "publish", partitions=4) as publisher:
            assert publisher.await_told("ready")["partitions"] == 4
        with publishing(server, log, tmp_path / "again", partitions=8) as publisher:
            assert publisher.await_told("ready")["partitions"] == 4


def test_a_server_with_tls_and_users(tmp_path: Path) -> None:
    """Its certificate is checked, and so is who we are."""
    log = tmp_path / "register.jsonl"
    write(log, Phone("alice").register("198.51.100.10"))
    certificate, key, password = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "password"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run([*made, "-keyout", key, "-out", certificate, *named], check=True, capture_output=True)
    options = ["--tls", "--tlscert", str(certificate), "--tlskey", str(key), "--user", "publisher", "--pass", "secret"]
    with nats_server(tmp_path / "nats", *options) as server:
        told = {"servers": f"tls://localhost:{server.port}", "user": "publisher", "password_file": str(password)}

        def tried(name: str, secret: str, answer: str, **more: str) -> None:
            password.write_text(f"{secret}\n")
            with publishing(server, log, tmp_path / name, nats={**told, **more}) as publisher:
                until(lambda: any(answer in json.dumps(one) for one in publisher.told()))

        tried("unknown", "secret", "CERTIFICATE_VERIFY_FAILED")
        tried("stranger", "guessed", "Authorization", ca_file=str(certificate))
        tried("right", "secret", '"published"', ca_file=str(certificate))
