# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service's configuration: what it takes, and what it refuses with the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.agent.service.config import Endpoint, load_config
from ansible_collections.sipmobility.handover.agent.stream.config import load_publish_config
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope

WHOLE = """\
inventory: /etc/inventory
policy: policy.yml
state_dir: /var/lib/handover
events:
  - log: /var/log/register.jsonl
  - socket: /run/events.sock
    format: opensips
  - udp: "[::1]:9000"
  - evapi: sip.example:8448
  - webhook: {secret_file: /etc/secret, window: 30}
http: 127.0.0.1:9477
scope: correspondent
drain: 1
ssh:
  keepalive: 2.5
"""


def told(path: Path, text: str) -> HandoverError:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HandoverError) as refused:
        load_config(str(path))
    return refused.value


def test_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "serve.yml"
    path.write_text(WHOLE, encoding="utf-8")
    config = load_config(str(path))
    assert [str(one) for one in config.events] == [
        "log /var/log/register.jsonl",
        "socket /run/events.sock",
        "udp [::1]:9000",
        "evapi sip.example:8448",
        "webhook /events",
    ]
    assert config.events[1].format == "opensips"
    assert config.events[3].evapi == Endpoint("sip.example", 8448)
    assert (config.scope, config.drain, config.ssh.keepalive, config.ssh.known_hosts) == (
        Scope.CORRESPONDENT,
        1.0,
        2.5,
        None,
    )


@pytest.mark.parametrize(
    ("before", "after", "code", "line", "key"),
    [
        ("scope: correspondent", "scoop: session", "unknown_config_key", 12, "scoop"),
        ("scope: correspondent", "scope: everything", "bad_config", 12, "scope"),
        ("scope: correspondent", "dry_run: 1", "bad_config", 12, "dry_run"),
        ("scope: correspondent", "widen: maybe", "bad_config", 12, "widen"),
        ("scope: correspondent", "freeze: 0", "bad_config", 12, "freeze"),
        ("drain: 1", "drain: -1", "bad_config", 13, "drain"),
        ("drain: 1", "drain: yes", "bad_config", 13, "drain"),
        ("format: opensips", "format: fax", "bad_config", 7, "events.1.format"),
        ("format: opensips", "formats: opensips", "unknown_config_key", 7, "events.1.formats"),
        ("format: opensips", "log: /x", "bad_config", 6, "events.1"),
        ('udp: "[::1]:9000"', "udp: 192.0.2.1:9000", "bad_config", 8, "events.2.udp"),
        ('udp: "[::1]:9000"', "udp: 127.0.0.1", "bad_config", 8, "events.2.udp"),
        ("sip.example:8448", "sip.example:99999", "bad_config", 9, "events.3.evapi"),
        ("keepalive: 2.5", "keepalive: never", "bad_config", 15, "ssh.keepalive"),
        ("keepalive: 2.5", "host_keys: ignore", "unknown_config_key", 15, "ssh.host_keys"),
        ("drain: 1", "scope: session", "bad_config", 13, "scope"),
        ("secret_file: /etc/secret, ", "", "bad_config", 10, "events.4.webhook.secret_file"),
        ("window: 30", "window: 0", "bad_config", 10, "events.4.webhook.window"),
        ("http: 127.0.0.1:9477\n", "", "bad_config", 4, "events"),
        ("http: 127.0.0.1:9477", "http: 192.0.2.1:9477", "bad_config", 11, "http"),
        ("evapi: sip.example:8448", "nats: {servers: 'nats://[::1]'}", "bad_config", 4, "events"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, before: str, after: str, code: str, line: int, key: str
) -> None:
    path = tmp_path / "serve.yml"
    error = told(path, WHOLE.replace(before, after))
    assert (error.code, error.subject.split(": ")[0]) == (code, f"{path}:{line}")
    assert key in error.subject


@pytest.mark.parametrize("key", ["inventory", "policy", "state_dir"])
def test_what_is_missing_is_named(tmp_path: Path, key: str) -> None:
    lines = [line for line in WHOLE.splitlines() if not line.startswith(key)]
    error = told(tmp_path / "serve.yml", "\n".join(lines))
    assert error.code == "bad_config"
    assert error.subject.endswith(f": {key}")


STREAM = """\
inventory: /etc/inventory
policy: policy.yml
state_dir: /var/lib/handover
events:
  - nats:
      servers: [tls://one.example:4222, "nats://127.0.0.1"]
      user: agent
      password_file: /etc/password
      lease_seconds: 5
"""


def test_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "serve.yml"
    path.write_text(STREAM, encoding="utf-8")
    stream = load_config(str(path)).stream
    assert stream is not None
    assert str(stream) == "sip-registrations at tls://one.example:4222, nats://127.0.0.1"
    assert (stream.user, stream.lease_seconds) == ("agent", 5.0)


@pytest.mark.parametrize(
    ("before", "after", "code", "key"),
    [
        ("nats://127.0.0.1", "nats://192.0.2.1:4222", "bad_config", "events.0.nats.servers"),
        ("nats://127.0.0.1", "nats://one.example", "bad_config", "events.0.nats.servers"),
        ("nats://127.0.0.1", "tls://user:password@one.example", "bad_config", "events.0.nats.servers"),
        ("nats://127.0.0.1", "https://one.example", "bad_config", "events.0.nats.servers"),
        ('[tls://one.example:4222, "nats://127.0.0.1"]', "[]", "bad_config", "events.0.nats.servers"),
        ("      user: agent\n", "", "bad_config", "events.0.nats.user"),
        ("user: agent", "stream: a.b", "bad_config", "events.0.nats.stream"),
        ("user: agent", "subject: a", "unknown_config_key", "events.0.nats.subject"),
        ("lease_seconds: 5", "lease_seconds: 0.5", "bad_config", "events.0.nats.lease_seconds"),
    ],
)
def test_a_stream_that_is_wrong(tmp_path: Path, before: str, after: str, code: str, key: str) -> None:
    error = told(tmp_path / "serve.yml", STREAM.replace(before, after))
    assert error.code == code
    assert key in error.subject


def test_what_fills_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "publish.yml"
    whole = "log: /var/log/register.jsonl\nstate_dir: /var/lib/publish\nnats: {servers: 'nats://[::1]:4222'}\n"
    path.write_text(whole + "partitions: 64\n", encoding="utf-8")
    assert load_publish_config(str(path)).partitions == 64
    for wrong in ("partitions: 65", "partitions: true", "keep_seconds: 1", "replicas: 0", "log: [a]"):
        path.write_text(whole.replace("log: /var/log/register.jsonl\n", "") + wrong + "\n", encoding="utf-8")
        with pytest.raises(HandoverError) as refused:
            load_publish_config(str(path))
        assert refused.value.code == "bad_config"
